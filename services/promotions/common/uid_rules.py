"""Keys that we make for things whose tenant has given them none (S1-8, D28)."""

import unicodedata
from collections.abc import Collection

MAX_LENGTH = 60  # of a key made here, before a number is put behind it
RESERVED = frozenset({"search", "audit"})  # words that stand where a key does in our paths
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ß": "ss", "ð": "d", "þ": "th", "ł": "l", "đ": "d"})


def slug(name: str, *, otherwise: str) -> str:
    """The small Latin letters and digits of a name: ``Back to school!`` → ``backtoschool``.

    Args:
        otherwise: the key of a name that has none of them.
    """
    plain = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS))
    kept = "".join(each for each in plain if each in "abcdefghijklmnopqrstuvwxyz0123456789")
    return kept[:MAX_LENGTH] or otherwise


def free(wanted: str, taken: Collection[str]) -> str:
    """``wanted``, or with the smallest number behind it, from 2, that is not taken."""
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"
