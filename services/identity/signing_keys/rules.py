"""How long a signing key counts."""

from datetime import datetime, timedelta
from enum import StrEnum

JWKS_MAX_AGE = timedelta(minutes=10)
"""How long verifiers keep our public keys before they ask again."""
PUBLISH_AHEAD = JWKS_MAX_AGE + timedelta(minutes=1)
"""How long a new key is published before it signs: until every verifier has asked again."""
ROTATE_AFTER = timedelta(days=90)
MARGIN = timedelta(minutes=1)
"""What clocks may differ and requests may take: revocations and retired keys stay known this much longer."""


class KeyState(StrEnum):
    """A signing key's way: published (``next``), signing (``active``), still verifying (``retired``)."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


def may_sign(published_at: datetime, now: datetime) -> bool:
    """Whether every verifier must know a key by now."""
    return published_at + PUBLISH_AHEAD <= now


def still_verifies(retired_at: datetime, token_lifetime: timedelta, now: datetime) -> bool:
    """Whether a token signed by a key retired then may still be alive."""
    return now < retired_at + token_lifetime + MARGIN
