"""Text as it is stored, compared and cut: NFC, case folding where case does not matter, what a name may hold (D62)."""

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
    """Whether no letter has more than thirty combining marks, so that :func:`normal` is quick whatever the length."""
    return value.isascii() or not _STACK.search(value)


def fold(value: str) -> str:
    """What a text is compared by where case does not matter: two texts that read alike give the same."""
    return value.lower() if value.isascii() else unicodedata.normalize("NFC", normal(value).casefold())


def as_line(value: str) -> str:
    """A text that somebody else has written, in NFC and as one line: what cannot stand in one becomes a space."""
    return " ".join(_NO_LINE.sub(" ", normal(value)).split())


def is_line(value: str) -> bool:
    """Whether it can stand as one line: no control character, line break or direction override."""
    return not _NO_LINE.search(value)


def is_prose(value: str) -> bool:
    """Whether it is text of several lines: line breaks and tabs, but no other control character or override."""
    return not _NO_PROSE.search(value)


def cleaned(value: str) -> str:
    """The text without what may not stand in one of several lines: for what was stored before it was refused."""
    return _NO_PROSE.sub("", value)


def shortened(value: str, length: int, ending: str = "…") -> str:
    """The text in at most ``length`` code points, with ``ending`` where something was left out.

    It ends with a whole grapheme cluster, which is what a reader takes for one character: no accent, no flag and no
    emoji is cut in two.
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
    """``a_name`` as JSON has it: ``aName``."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)
