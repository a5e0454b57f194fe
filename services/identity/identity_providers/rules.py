"""Whom a tenant's identity provider and directory speak for."""

from contracts.roles import Role

OUTSIDERS = (Role.AFFILIATE,)
"""Roles of people who work with a tenant from outside: its provider does not know them."""


def signs_in_by_provider(role: str) -> bool:
    """Whether a person of that role is the tenant's own, whom its provider and directory may name, change and bind."""
    return role not in OUTSIDERS
