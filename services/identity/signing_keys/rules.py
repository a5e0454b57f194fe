"""How long a signing key counts."""

from datetime import datetime, timedelta
from enum import StrEnum

from chassis.core.clock import CLOCKS_APART

JWKS_MAX_AGE = timedelta(minutes=10)
"""How long verifiers keep our public keys before they ask again."""
PUBLISH_AHEAD = JWKS_MAX_AGE + CLOCKS_APART + timedelta(minutes=1)
"""How long a new key is published before it signs: until every verifier has asked again, though the process that
published it and the one that signs are two."""
ROTATE_AFTER = timedelta(days=90)
MARGIN = 3 * CLOCKS_APART + timedelta(minutes=1)
"""What clocks may differ and requests may take: revocations and retired keys stay known this much longer than a token
lives. A token may come from a process whose clock is ahead of the gateway's, the gateway's leeway lets it live on, and
the process that answers the gateway may be ahead of the one that wrote the revocation."""


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
