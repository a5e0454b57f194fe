"""Which roles the people of each kind of tenant may have, and how an account stands."""

from collections.abc import Mapping
from enum import StrEnum

from contracts.roles import Role
from services.identity.tenants.rules import Kind

ROLES: Mapping[Kind, tuple[Role, ...]] = {
    Kind.SUPPLIER: (Role.SUPPLIER_ADMIN, Role.SUPPLIER_VIEWER),
    Kind.RETAILER: (Role.RETAILER_ADMIN, Role.RETAILER_VIEWER),
    Kind.MERCHANT: (Role.MERCHANT_ADMIN, Role.MERCHANT_VIEWER, Role.AFFILIATE),
    Kind.PLATFORM: (Role.PLATFORM_ADMIN,),
}
ADMIN_OF: Mapping[Kind, Role] = {
    Kind.SUPPLIER: Role.SUPPLIER_ADMIN,
    Kind.RETAILER: Role.RETAILER_ADMIN,
    Kind.MERCHANT: Role.MERCHANT_ADMIN,
    Kind.PLATFORM: Role.PLATFORM_ADMIN,
}
"""Who looks after the people and the keys of a tenant; each tenant keeps one."""
ADMINS = tuple(ADMIN_OF.values())
PERSONS = tuple(role for roles in ROLES.values() for role in roles)
"""Roles a person can have; machine clients and our own processes get theirs otherwise."""


class Status(StrEnum):
    """How an account stands."""

    INVITED = "Invited"
    ACTIVE = "Active"
    SUSPENDED = "Suspended"
    REMOVED = "Removed"


def role_fits(kind: str, role: str) -> bool:
    """Whether a person of a tenant of ``kind`` may have ``role``."""
    return Role(role) in ROLES[Kind(kind)]
