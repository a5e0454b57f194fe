"""Headers of mails: folded, encoded where they are not plain. No text that a user wrote can become another header.

Texts are encoded whole or not at all (RFC 2047). The modern policy of Python's email package encodes word by word, and
so loses a blank between two encoded words (§6.2). ``email.header`` does it right.
"""

import re
from collections.abc import Sequence
from email import message_from_bytes
from email.charset import BASE64, Charset
from email.errors import HeaderParseError
from email.header import Header
from email.policy import default
from email.utils import quote
from functools import lru_cache

from services.notifier.common.wording import Unmailable

LINE = 76  # a line with an encoded word must not be longer (RFC 2047 §2)
LONGEST_LINE = 900  # servers take 998 bytes
LONGEST_WORD = 60  # of a text on lines of its own; a longer one is encoded, which can be folded anywhere
LOOKS_ENCODED = "=?"
ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")

AS_IT_READS = Charset("utf-8")  # the shorter of both encodings, which leaves most Latin letters readable
HIDDEN = Charset("utf-8")
HIDDEN.header_encoding = BASE64


def plain(name: str, value: str) -> bytes:
    """A header of ours on one line: ids and links stay whole, because some readers do not unfold them.

    Raises:
        Unmailable: it does not fit on one line of plain characters.
    """
    if not (value.isascii() and value.isprintable()) or len(value) > LONGEST_LINE:
        raise Unmailable(f"its {name} is not plain")
    return f"{name}: {value}\r\n".encode("ascii")


@lru_cache(maxsize=2048)  # mails of one campaign share it
def text(name: str, value: str) -> bytes:
    """A header that is text, such as a subject.

    Raises:
        Unmailable: another header would come of it.
    """
    return _checked(name, f"{name}: {_folded(name, value)}\r\n", [])


@lru_cache(maxsize=2048)
def mailbox(name: str, display_name: str, address: str) -> bytes:
    """A header that is one address with a display name.

    Raises:
        Unmailable: another header would come of it, or another address.
    """
    if not display_name:
        return _checked(name, f"{name}: {address}\r\n", [address])
    phrase = _phrase(name, display_name)
    last_line = f"{name}: {phrase}".rpartition("\r\n")[2]
    gap = " " if len(f"{last_line} <{address}>") <= LINE else "\r\n "
    return _checked(name, f"{name}: {phrase}{gap}<{address}>\r\n", [address])


def _phrase(name: str, display_name: str) -> str:
    """A display name (RFC 5322 §3.2.5): as it is, in quotes, or encoded if neither fits on a line."""
    if not _is_plain(display_name) or len(display_name) > LONGEST_WORD:
        return _encoded(name, display_name)
    return display_name if ATOMS.fullmatch(display_name) else f'"{quote(display_name)}"'


def _folded(name: str, value: str) -> str:
    if not _is_plain(value) or any(len(word) > LONGEST_WORD for word in value.split(" ")):
        return _encoded(name, value)
    return _fold(Header(value, charset="us-ascii", maxlinelen=LINE, header_name=name))


def _is_plain(value: str) -> bool:
    """Whether it needs no encoding. A text that looks like an encoded word needs it, or readers would decode it."""
    return value.isascii() and LOOKS_ENCODED not in value


def _encoded(name: str, value: str) -> str:
    charset = HIDDEN if LOOKS_ENCODED in value else AS_IT_READS  # what looks encoded never shows as it was written
    return _fold(Header(value, charset=charset, maxlinelen=LINE, header_name=name))


def _fold(header: Header) -> str:
    try:
        return header.encode(linesep="\r\n")
    except (HeaderParseError, UnicodeError) as error:
        raise Unmailable("its texts would change the headers of the mail") from error


def _checked(name: str, content: str, addresses: Sequence[str]) -> bytes:
    """Parse a header as its reader will: a second check, whatever the library does with odd texts."""
    raw = content.encode("ascii", "surrogateescape")
    message = message_from_bytes(raw + b"\r\n", policy=default)
    led_to = [address.addr_spec for address in getattr(message[name], "addresses", ())]
    if not raw.isascii() or message.keys() != [name] or led_to != list(addresses) or message.get_payload():
        raise Unmailable("its texts would change the headers of the mail")
    return raw
