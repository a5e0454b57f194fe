"""Web addresses: accepted as people write them, stored in the encoded form that every reader understands alike."""

import re
import unicodedata
from urllib.parse import quote, urlsplit, urlunsplit

import idna

from chassis.core.text import normal

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII)
_START = re.compile(r"https?://[^/?#]", re.ASCII | re.IGNORECASE)
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNESCAPED = "%/:@!$&'()*+,;=~-._?[]"
_INVISIBLE = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}  # controls, formats, surrogates, spaces, separators
_JOINERS = "\u200c\u200d"  # formats that words and emoji are written with


def encoded(url: str) -> str | None:
    """A web address in encoded form; None for what is no plain web address. An encoded address stays as it is.

    The scheme is ``http`` or ``https`` in lower case, the host lower case and punycode, the rest percent-encoded UTF-8
    with the escapes that it had. What a browser might read in another way is refused: user names, backslashes, white
    space, invisible characters, escapes in the host.
    """
    url = normal(url.strip())
    if not _START.match(url) or "\\" in url or not _is_visible(url):
        return None
    try:
        parts = urlsplit(url)
        host, port = encoded_host(parts.hostname or ""), parts.port
    except ValueError:
        return None
    if host is None or "@" in parts.netloc or "[" in parts.netloc or port == 0:
        return None
    server = host if port is None else f"{host}:{port}"
    return urlunsplit((parts.scheme, server, _escaped(parts.path), _escaped(parts.query), _escaped(parts.fragment)))


def encoded_host(text: str) -> str | None:
    """A host name as DNS has it: ``søk.example`` is ``xn--sk-lka.example``. None for what is no host name."""
    name = text.lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii")
        except idna.IDNAError:
            return None
    return name if _HOST.fullmatch(name) else None


def _escaped(text: str) -> str:
    return quote(_LONE_PERCENT.sub("%25", text), safe=_UNESCAPED)


def _is_visible(text: str) -> bool:
    if text.isascii():
        return text.isprintable() and " " not in text
    return not any(unicodedata.category(sign) in _INVISIBLE and sign not in _JOINERS for sign in text)
