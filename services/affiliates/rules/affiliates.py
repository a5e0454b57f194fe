"""Who may work for a merchant, and what their links are called."""

import re
import unicodedata
from enum import StrEnum

CODE_PART = 24  # characters of a name that a code shows
UNMISTAKABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1
CODE_TAIL = 5


class Enrolment(StrEnum):
    """Where an affiliate stands with a merchant (D30)."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    SUSPENDED = "SUSPENDED"


def first_enrolment(approval_required: bool) -> Enrolment:
    """D30: the merchant's flag decides whether an application waits."""
    return Enrolment.PENDING if approval_required else Enrolment.APPROVED


def next_enrolment(now: Enrolment, wanted: Enrolment) -> Enrolment | None:
    """Anybody can be approved or suspended at any time; None where it stands so already."""
    return None if now is wanted else wanted


def slug(text: str, maximum: int = CODE_PART) -> str:
    """The text in lowercase letters, digits and hyphens; ``x`` where none is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:maximum].strip("-") or "x"


def link_code(merchant_slug: str, affiliate_name: str, campaign_title: str, tail: str) -> str:
    """A code that people can read: ``dashain-market.maja-dashain-sale-k3v9t``."""
    return f"{merchant_slug}.{slug(affiliate_name)}-{slug(campaign_title)}-{tail}"


def merchant_of_code(code: str) -> str:
    """The merchant's part of a link's code, also of one that does not exist."""
    return code.partition(".")[0]
