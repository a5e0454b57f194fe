"""Pure decisions: which features and roles there are, what fits what, how long a key or token counts."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from contracts.features import FEATURES
from contracts.roles import Role

"""Every flag there is; three of them are the S0 document's, each on its own (S0-1)."""

SLUG_MAX = 63
"""As long as a label of a host name may be."""
PASSWORD_MIN, PASSWORD_MAX = 10, 200
DEFAULT_TIME_ZONE = "Europe/Stockholm"

JWKS_MAX_AGE = timedelta(minutes=10)
"""How long verifiers keep our public keys before they ask again."""
PUBLISH_AHEAD = JWKS_MAX_AGE + timedelta(minutes=1)
"""How long a new key is published before it signs: until every verifier has asked again."""
ROTATE_AFTER = timedelta(days=90)
MARGIN = timedelta(minutes=1)
"""What clocks may differ and requests may take: revocations and retired keys stay known this much longer."""
FEED_OVERLAP = timedelta(minutes=1)
"""How far the access feed looks back. A change is stamped before it commits: it may wait 10 s for a lock, and clocks
differ. A change that is sent twice does no harm."""


class Kind(StrEnum):
    """What a tenant is; there is one of kind ``Platform``, the operator."""

    SUPPLIER = "Supplier"
    RETAILER = "Retailer"
    MERCHANT = "Merchant"
    PLATFORM = "Platform"


class KeyState(StrEnum):
    """A signing key's way: published (``next``), signing (``active``), still verifying (``retired``)."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


TENANT_KINDS = (Kind.SUPPLIER, Kind.RETAILER, Kind.MERCHANT)
"""The kinds that can be created through the API."""

ROLES: Mapping[Kind, tuple[Role, ...]] = {
    Kind.SUPPLIER: (Role.SUPPLIER_ADMIN, Role.SUPPLIER_VIEWER),
    Kind.RETAILER: (Role.RETAILER_ADMIN,),
    Kind.MERCHANT: (Role.MERCHANT_ADMIN, Role.AFFILIATE),
    Kind.PLATFORM: (Role.PLATFORM_ADMIN,),
}

PERSONS = tuple(role for roles in ROLES.values() for role in roles)
"""Roles a person can have; machine clients and our own processes get theirs otherwise."""


def role_fits(kind: str, role: str) -> bool:
    """Whether a person of a tenant of ``kind`` may have ``role``."""
    return Role(role) in ROLES[Kind(kind)]


def in_order(features: Iterable[str]) -> list[str]:
    """The features once each, in the order of ``contracts.features``."""
    names = set(features)
    return [feature for feature in FEATURES if feature in names]


def switched(features: Iterable[str], changes: Mapping[str, bool]) -> list[str]:
    """The features after ``changes``; those it does not name keep their value (S0-1)."""
    now = dict.fromkeys(features, True) | dict(changes)
    return in_order(feature for feature, on in now.items() if on)


_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_PLAIN_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"})


def is_slug(text: str) -> bool:
    """Lowercase letters, digits and single hyphens between them; never like an id, because paths take either."""
    if len(text) > SLUG_MAX or not _SLUG.fullmatch(text):
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


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_time_zone(name: str) -> bool:
    """Whether ``name`` is in the IANA database, spelled as there."""
    return name in _time_zones()


def seconds_until_next_try(window_start: datetime, period: timedelta, now: datetime) -> int:
    """Whole seconds, at least one, until a full window of sign-in attempts has passed."""
    return max(1, -int((now - window_start - period) // timedelta(seconds=1)))


def may_sign(published_at: datetime, now: datetime) -> bool:
    """Whether every verifier must know a key by now."""
    return published_at + PUBLISH_AHEAD <= now


def still_verifies(retired_at: datetime, token_lifetime: timedelta, now: datetime) -> bool:
    """Whether a token signed by a key retired then may still be alive."""
    return now < retired_at + token_lifetime + MARGIN
