"""Defaults of a tenant's settings, uids made from names, refusals, and the codes of warnings."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from zoneinfo import available_timezones

from chassis.core.errors import Invalid

DEFAULT_CURRENCY = "SEK"
DEFAULT_STRATEGY = "priority"  # one of the engine's (D23)
DEFAULT_TIME_ZONE = "Europe/Stockholm"  # of a tenant whose event has not arrived yet


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_time_zone(name: str) -> bool:
    """Whether ``name`` is in the IANA database, spelled as there."""
    return name in _time_zones()


MAX_LENGTH = 60  # of a key made here, before a number is put behind it
RESERVED = frozenset({"search", "audit"})  # words that stand where a key does in our paths
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ß": "ss", "ð": "d", "þ": "th", "ł": "l", "đ": "d"})


def slug(name: str, *, otherwise: str) -> str:
    """The small Latin letters and digits of a name: ``Back to school!`` → ``backtoschool``.

    Args:
        otherwise: the key of a name that has none of them.
    """
    plain = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS))
    letters = "".join(letter for letter in plain if letter in "abcdefghijklmnopqrstuvwxyz0123456789")
    return letters[:MAX_LENGTH] or otherwise


def free_uid(uid: str, taken: Collection[str]) -> str:
    """``uid``, or with the smallest number behind it, from 2, that is not taken."""
    if uid not in taken:
        return uid
    number = 2
    while f"{uid}-{number}" in taken:
        number += 1
    return f"{uid}-{number}"


def refusal(problems: Sequence[tuple[str, str]]) -> Invalid:
    """What refuses a body with these problems, each a field and a sentence; the detail has the first three."""
    errors = [{"field": field, "message": message} for field, message in problems[:100]]
    return Invalid(" ".join(f"{field}: {message}" for field, message in problems[:3]), errors=errors)


MOST_NAMED = 50
"""How many products or campaigns a warning names; its count is of all."""


class Code(StrEnum):
    ENDS_IN_THE_PAST = "ends_in_the_past"
    EMPTY_SELECTION = "empty_selection"
    OVERLAP = "overlap"
    PRICE_BELOW_COST = "price_below_cost"
    PRICE_OF_ZERO = "price_of_zero"
    UNKNOWN_BRAND = "unknown_brand"
    UNKNOWN_CATEGORY = "unknown_category"
    UNKNOWN_PRODUCT_GROUP = "unknown_product_group"
    UNKNOWN_PRODUCT = "unknown_product"
    READ_ONLY_FIELD = "read_only_field"


@dataclass(frozen=True)
class Warned:
    """One warning: ``count`` things it is about, the first of them by uid."""

    code: Code
    message: str
    count: int = 1
    uids: tuple[str, ...] = ()
