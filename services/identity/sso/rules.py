"""Pure decisions of single sign-on: who somebody is to us, which role that gives, and where they go next."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.core.clock import CLOCKS_APART
from chassis.core.emails import normal_address
from chassis.core.text import is_line, normal, shortened
from contracts.roles import Role
from services.identity.common.schemas import NAME_MAX
from services.identity.identity_providers.rules import signs_in_by_provider
from services.identity.sessions.rules import FRESH, Bucket
from services.identity.tenants.rules import Kind
from services.identity.users.rules import ROLES

ATTEMPT_LIFETIME = timedelta(minutes=10)
"""How long a person may take at the provider."""
STARTS_OF_NETWORK = Bucket(limit=300, forget_after=timedelta(seconds=1), first_pause=timedelta(seconds=1))
"""How often one network may begin a sign-in: each is a row for ten minutes, and a whole company may begin its day
behind one address. There is no limit for all together: twenty noisy addresses would shut everybody out, and where
single sign-on is enforced there is no other door."""
SUBJECT_MAX = 255  # OpenID Connect Core, 2
NEXT_MAX = 1000

_OURS = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as a provider describes them.

    Attributes:
        roles: the values of the claim that decides the role.
        auth_time: when the provider last had them show who they are, in seconds since 1970; None where it does not say.
    """

    subject: str
    email: str | None
    email_verified: bool
    name: str
    roles: tuple[str, ...]
    auth_time: float | None = None


def with_userinfo(claims: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The ID token's claims with what else the UserInfo endpoint says of the same person. It verifies its own address
    only, not the ID token's; and when somebody showed a password the signed token alone says."""
    added = {name: value for name, value in more.items() if name not in claims and name != "auth_time"}
    is_other_address = "email" in claims and claims["email"] != more.get("email")
    if is_other_address:
        added.pop("email_verified", None)
    if "email" not in claims and "email" in more and "email_verified" in claims:
        added["email_verified"] = more.get("email_verified")
    return {**claims, **added}


def person_of(claims: Mapping[str, Any], role_claim: str) -> Person:
    """The person whom verified claims describe; what is no address counts as none."""
    email = claims.get("email")
    address = normal_address(normal(email)) if isinstance(email, str) else None
    roles = claims.get(role_claim)
    values = roles if isinstance(roles, list) else [roles]
    return Person(
        subject=str(claims["sub"]),
        email=address,
        email_verified=claims.get("email_verified") is True,
        name=name_of(claims.get("name"), address or ""),
        roles=tuple(normal(value) for value in values if isinstance(value, str)),
        auth_time=_seconds(claims.get("auth_time")),
    )


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else None


def proved_at(auth_time: float | None, now: datetime) -> datetime | None:
    """When somebody showed their provider a password or factor, if that counts for what is asked of a fresh sign-in;
    None where it was too long ago, or the provider does not say: it may have signed them in by a cookie of old."""
    earliest, latest = (now - FRESH).timestamp(), (now + CLOCKS_APART).timestamp()
    if auth_time is None or not earliest < auth_time <= latest:
        return None
    return min(now, datetime.fromtimestamp(auth_time, UTC))


def name_of(name: Any, email: str) -> str:
    """A foreign name as one line of ours; who has none is called like their mailbox."""
    text = normal(name) if isinstance(name, str) else ""
    line = " ".join("".join(letter if is_line(letter) else " " for letter in text).split())
    return shortened(line, NAME_MAX) or email.partition("@")[0]


def mapped_role(mapping: Mapping[str, str], values: tuple[str, ...], kind: str) -> Role | None:
    """The role that a provider's values give in a tenant of ``kind``: of several the one that may do most,
    and never an outsider's."""
    roles = {mapping[value] for value in values if value in mapping and signs_in_by_provider(mapping[value])}
    return next((role for role in ROLES[Kind(kind)] if role in roles), None)


def path_of_ours(path: str) -> str:
    """Where a person wanted to go, if it is a path of ours; else empty."""
    return path if len(path) <= NEXT_MAX and _OURS.fullmatch(path) else ""
