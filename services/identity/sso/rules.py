"""Pure decisions of single sign-on: who somebody is to us, which role that gives, and where they go next."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chassis.core.emails import normal_address
from chassis.core.text import is_line, normal, shortened
from contracts.roles import Role
from services.identity.common.schemas import NAME_MAX
from services.identity.identity_providers.rules import signs_in_by_provider
from services.identity.tenants.rules import Kind
from services.identity.users.rules import ROLES

ATTEMPT_LIFETIME = timedelta(minutes=10)
"""How long a person may take at the provider."""
SUBJECT_MAX = 255  # OpenID Connect Core, 2
NEXT_MAX = 1000

_OURS = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as a provider describes them: ``roles`` are the values of the claim that decides the role."""

    subject: str
    email: str | None
    email_verified: bool
    name: str
    roles: tuple[str, ...]


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
    )


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
