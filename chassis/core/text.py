"""Text: how it is stored (NFC), compared (case folded) and shortened, and which characters it may have (D62)."""

import re
import unicodedata

import regex

# Embeddings, overrides and isolates make a text look like another one; U+2028 and U+2029 break lines as CR and LF do.
_UNSEEN = "\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029\ufff9-\ufffb"
# No language stacks more marks on a letter (UAX #15, stream-safe text); sorting longer stacks takes time by its square.
_STACK = regex.compile(r"\P{ccc=0}{31}")
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_NO_LINE = re.compile(f"[{_CONTROLS}{_UNSEEN}]")
_NO_PROSE = re.compile(rf"[{_UNSEEN}]|(?![\t\n\r])[{_CONTROLS}]")
_CHARACTER = regex.compile(r"\X")


def normal(value: str) -> str:
    """The text in Unicode NFC."""
    return value if value.isascii() else unicodedata.normalize("NFC", value)


def is_stream_safe(value: str) -> bool:
    """Whether no letter has more than thirty combining marks, so that :func:`normal` is quick for any length."""
    return value.isascii() or not _STACK.search(value)


def fold(value: str) -> str:
    """A key for comparing texts without regard to case: texts that read alike have the same key."""
    return value.lower() if value.isascii() else unicodedata.normalize("NFC", normal(value).casefold())


def is_line(value: str) -> bool:
    """Whether it is one line: no control character, line break or direction override."""
    return not _NO_LINE.search(value)


def is_prose(value: str) -> bool:
    """Whether it is text of several lines: line breaks and tabs, but no other control character or override."""
    return not _NO_PROSE.search(value)


def shortened(value: str, length: int, ending: str = "…") -> str:
    """The text in at most ``length`` code points, with ``ending`` where it was cut.

    It is cut between grapheme clusters, which readers see as characters, so no accent, flag or emoji is cut in two.
    """
    if len(value) <= length:
        return value
    end = 0
    for character in _CHARACTER.finditer(value):
        if character.end() > length - len(ending):
            break
        end = character.end()
    return value[:end].rstrip() + ending


def camel(name: str) -> str:
    """``a_name`` in JSON: ``aName``."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)
