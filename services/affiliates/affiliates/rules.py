"""Who may work for a merchant, and what their links are called."""

import re
import unicodedata
from enum import StrEnum

CODE_PART = 24  # characters of a name that a code shows
UNMISTAKABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1
CODE_TAIL = 5
SUSPENDED = "affiliate_suspended"
NOT_APPROVED = "affiliate_not_approved"
_CODE = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", re.ASCII)


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


def may_spread_links(status: Enrolment, *, approved_by_hand: bool, approval_required: bool | None) -> bool:
    """Whether an affiliate may get a link of a campaign.

    Args:
        approval_required: the campaign's own word on new affiliates. Without one (None) the merchant's setting has
            decided when the affiliate applied; ``True`` asks for an approval that somebody gave, ``False`` for none.
    """
    if approval_required is None:
        return status is Enrolment.APPROVED
    if approval_required:
        return status is Enrolment.APPROVED and approved_by_hand
    return status is not Enrolment.SUSPENDED


def why_links_rest(status: Enrolment, approval_required: bool | None) -> str | None:
    """Why an affiliate's links in a campaign do not earn, None where they do. Once made, a link is not asked again
    whether somebody approved of its affiliate."""
    if status is Enrolment.SUSPENDED:
        return SUSPENDED
    return NOT_APPROVED if status is Enrolment.PENDING and approval_required is not False else None


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


def code_as_written(text: str) -> str:
    """The code that somebody meant who followed a link out of a text: in capitals, or with the punctuation that stood
    around it (D64)."""
    if _CODE.fullmatch(text):
        return text
    places = [place for place, character in enumerate(text) if character.isascii() and character.isalnum()]
    return text[places[0] : places[-1] + 1].lower() if places else ""
