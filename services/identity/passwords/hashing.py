"""Hashes of passwords. Nothing here knows the database or HTTP."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from chassis.core.text import normal

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$67eYk6e9IcFtknmCU3Duog$PeyD0qjjQCdY1VfhGRivuF1GS4xrg4zCL+IST9tgzjs"
"""The hash of an unknown password. It is checked for accounts that do not exist, so that they answer as slowly."""


def hash_password(password: str) -> str:
    """An argon2id hash of the password in NFC (D62); takes some 25 ms on purpose, so never call it inside a transaction
    of a request."""
    return HASHER.hash(normal(password))


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is the hash's; without a hash (no such account) it takes as long and returns False."""
    try:
        HASHER.verify(password_hash or NOBODYS_HASH, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_outdated(password_hash: str | None) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return password_hash is not None and HASHER.check_needs_rehash(password_hash)
