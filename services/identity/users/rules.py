"""Which roles the people of each kind of tenant may have."""

from collections.abc import Mapping

from contracts.roles import Role
from services.identity.tenants.rules import Kind

ROLES: Mapping[Kind, tuple[Role, ...]] = {
    Kind.SUPPLIER: (Role.SUPPLIER_ADMIN, Role.SUPPLIER_VIEWER),
    Kind.RETAILER: (Role.RETAILER_ADMIN, Role.RETAILER_VIEWER),
    Kind.MERCHANT: (Role.MERCHANT_ADMIN, Role.MERCHANT_VIEWER, Role.AFFILIATE),
    Kind.PLATFORM: (Role.PLATFORM_ADMIN,),
}
PERSONS = tuple(role for roles in ROLES.values() for role in roles)
"""Roles a person can have; machine clients and our own processes get theirs otherwise."""


def role_fits(kind: str, role: str) -> bool:
    """Whether a person of a tenant of ``kind`` may have ``role``."""
    return Role(role) in ROLES[Kind(kind)]
