"""Random secrets: made, compared, and what of them is stored. Nothing here knows the database or HTTP."""

import hashlib
import hmac
import secrets
import unicodedata

from chassis.core.text import normal


def spellings(typed: str) -> list[str]:
    """How a typed password or address may be stored: in NFC, formerly as it was typed or in decomposed letters."""
    return list(dict.fromkeys((normal(typed), typed, unicodedata.normalize("NFD", typed))))


def new_secret() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored of a random token: enough to recognise it, useless to a reader of the database."""
    return hashlib.sha256(token.encode()).hexdigest()


def same(secret: str, other: str) -> bool:
    """Whether two secrets are equal, compared in constant time."""
    return hmac.compare_digest(secret.encode(), other.encode())
