"""How a path is written: the one encoding that the gateway and the services route on (D60).

An id may have any letters, so a path is never decoded as a whole: it is taken apart at its ``/`` while it is still
encoded, and each segment is decoded once, where its value is needed. ``INV%2F2026%2F1`` stays one segment, and its
value is ``INV/2026/1``. The gateway and the services go by what ``plain`` gives, so they never disagree about what a
path names.
"""

import re
from http import HTTPStatus
from urllib.parse import quote, unquote

from chassis.core.errors import Failure

# RFC 3986 pchar without ``;``, which some software takes for the end of a segment.
_PLAIN = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,=:@/]*+")
# Browsers send brackets, ``|`` and ``^`` as they are.
_WRITTEN = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,=:@\[\]|^/]++|%[0-9A-Fa-f]{2})*+")
_DOTS = re.compile(r"/\.{1,2}(?=/|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_AS_IT_IS = "!$&'()*+,=:@"


class BadPath(Failure):
    """The path of a request could be understood in more than one way."""

    status = HTTPStatus.BAD_REQUEST
    default_code = "bad_path"


def plain(path: str) -> str:
    """The path in the one encoding of its segments: two paths that name the same become equal.

    Raises:
        BadPath: empty or dot segments, however written; a raw ``;``, backslash or other character that a path does not
            have; an encoded control character; what is not UTF-8.
    """
    if not _PLAIN.fullmatch(path):
        if not _WRITTEN.fullmatch(path):
            raise BadPath("The path has a character that must be escaped.")
        path = "/".join(_rewritten(segment) for segment in path.split("/"))
    if "//" in path:
        raise BadPath("The path has an empty segment.")
    if "/." in path and _DOTS.search(path):
        raise BadPath("The path has a dot segment.")
    return path


def decoded(segment: str) -> str:
    """The value of one segment of a plain path."""
    return unquote(segment) if "%" in segment else segment


def encoded(value: str) -> str:
    """A value as one segment of a path. ``.`` and ``..`` cannot be one."""
    return quote(value, safe=_AS_IT_IS)


def _rewritten(segment: str) -> str:
    try:
        value = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise BadPath("The path is not UTF-8.") from None
    if _CONTROL.search(value):
        raise BadPath("The path has a control character.")
    return encoded(value)
