"""Pure decisions about tenants: kinds, features, slugs, time zones."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from chassis.core.errors import Forbidden
from contracts.features import FEATURES

SLUG_MAX = 63
"""As long as a label of a host name may be."""
DEFAULT_TIME_ZONE = "Europe/Stockholm"
EXPORT_COUNTS = timedelta(days=7)
"""After that an export is too old for a tenant to end upon; as long as its archive can be fetched."""


class Kind(StrEnum):
    """What a tenant is; there is one of kind ``Platform``, the operator."""

    SUPPLIER = "Supplier"
    RETAILER = "Retailer"
    MERCHANT = "Merchant"
    PLATFORM = "Platform"


class SuspendedTenant(Forbidden):
    """The operator has suspended the caller's company."""

    default_code = "tenant_suspended"

    def __init__(self) -> None:
        super().__init__("This company's access to the platform is suspended.")


TENANT_KINDS = (Kind.SUPPLIER, Kind.RETAILER, Kind.MERCHANT)
"""The kinds that can be created through the API."""


def in_order(features: Iterable[str]) -> list[str]:
    """The features once each, in the order of ``contracts.features``."""
    names = set(features)
    return [feature for feature in FEATURES if feature in names]


def switched(features: Iterable[str], changes: Mapping[str, bool]) -> list[str]:
    """The features after ``changes``; those it does not name keep their value (S0-1)."""
    now = dict.fromkeys(features, True) | dict(changes)
    return in_order(feature for feature, on in now.items() if on)


_RESERVED = {"callback"}  # means something else where a slug stands in a path: /session/sso/callback
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_PLAIN_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"})


def is_slug(text: str) -> bool:
    """Lowercase letters, digits and single hyphens between them; never like an id, because paths take either, and no
    word that paths need for themselves."""
    if len(text) > SLUG_MAX or text in _RESERVED or not _SLUG.fullmatch(text):
        return False
    try:
        UUID(text)
    except ValueError:
        return True
    return False


def slugs_of(name: str, chance: Iterable[str]) -> Iterator[str]:
    """Slugs for a tenant called ``name``, the best first: plain, numbered, at last each with a piece of ``chance``."""
    letters = unicodedata.normalize("NFKD", name.casefold().translate(_PLAIN_LETTERS))
    words = re.findall(r"[a-z0-9]+", "".join(letter for letter in letters if not unicodedata.combining(letter)))
    base = "-".join(words)[:50].strip("-") or "tenant"
    if not is_slug(base):
        base = f"tenant-{base}"
    yield base
    yield from (f"{base}-{number}" for number in range(2, 6))
    yield from (f"{base}-{piece}" for piece in chance)


_LOCALE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?", re.ASCII)


def is_locale(name: str) -> bool:
    """Whether it is a language tag of BCP 47: a language with or without script and region, in the usual case."""
    return _LOCALE.fullmatch(name) is not None


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_time_zone(name: str) -> bool:
    """Whether ``name`` is in the IANA database, spelled as there."""
    return name in _time_zones()
