"""Enrolment of affiliates, whether their links may be made and earn, and whether they can sign in."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

SUSPENDED = "affiliate_suspended"
NOT_APPROVED = "affiliate_not_approved"
DAY = timedelta(days=1)


class Enrolment(StrEnum):
    """Where an affiliate stands with a merchant (D30)."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    SUSPENDED = "SUSPENDED"


class Account(StrEnum):
    """Whether an affiliate can sign in and see its own numbers (S2-22)."""

    NONE = "NONE"
    INVITED = "INVITED"
    REFUSED = "REFUSED"
    ACTIVE = "ACTIVE"


def account_of(user_id: UUID | None, invited_at: datetime | None, refusal_reason: str | None) -> Account:
    """A claimed enrolment is ACTIVE whatever came before; a refused invitation may be sent again."""
    if user_id is not None:
        return Account.ACTIVE
    if refusal_reason is not None:
        return Account.REFUSED
    return Account.INVITED if invited_at is not None else Account.NONE


ADVICE = {
    "email_taken": (
        "Somebody signs in with this address already, at another company or as one of your colleagues, and an account "
        "belongs to one company. Ask the affiliate for another address, and enrol it with that one. An address such as "
        "name+shop@blog.example reaches the mailbox of name@blog.example at most providers."
    ),
    "too_many_invitations": (
        "The address has had enough mails, or your company has invited enough people for today. Invite again tomorrow."
    ),
}
"""What a merchant can do about an invitation that was refused, by the reason."""
OTHER_ADVICE = "Invite again later, or ask the operator."


def refusal_advice(reason: str | None) -> str | None:
    """What to do about a refused invitation, for people; None where none was refused."""
    return None if reason is None else ADVICE.get(reason, OTHER_ADVICE)


def may_spread_links(status: Enrolment, *, approved_by_hand: bool, approval_required: bool | None) -> bool:
    """Whether an affiliate may get a link of a campaign.

    Args:
        approval_required: the campaign's own setting. None leaves it to the merchant's setting, which decided when the
            affiliate applied. ``True`` asks for an approval by a person, ``False`` for none.
    """
    if approval_required is None:
        return status is Enrolment.APPROVED
    if approval_required:
        return status is Enrolment.APPROVED and approved_by_hand
    return status is not Enrolment.SUSPENDED


def why_links_rest(status: Enrolment, approval_required: bool | None) -> str | None:
    """Why an affiliate's links in a campaign do not earn; None if they do. A link that exists is not checked again for
    an approval by a person."""
    if status is Enrolment.SUSPENDED:
        return SUSPENDED
    return NOT_APPROVED if status is Enrolment.PENDING and approval_required is not False else None


def seconds_to_wait(earlier: datetime | None, now: datetime) -> int:
    """Whole seconds until the next invitation may be sent; 0 when it may be now.

    Args:
        earlier: when the last invitation but as many as a day may have was sent; None when there were fewer.
    """
    return 0 if earlier is None else max(0, -int((now - earlier - DAY) // timedelta(seconds=1)))
