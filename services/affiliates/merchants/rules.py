"""The slug of a merchant, with which the codes of its links begin."""

import re
import unicodedata

SLUG_LENGTH = 24  # characters of a name that a code shows


def slug(text: str, maximum: int = SLUG_LENGTH) -> str:
    """The text in lowercase letters, digits and hyphens; ``x`` if nothing is left of it."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:maximum].strip("-") or "x"
