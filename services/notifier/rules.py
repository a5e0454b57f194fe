"""What mails there are, to whom they go, and what follows from how sending one went."""

import re
import unicodedata
from calendar import month_name
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.identity import Role

GIVE_UP_AFTER = timedelta(days=1)
"""A mail that could not be handed over for so long has failed."""

KEEP_UNADDRESSED = timedelta(days=30)
"""A mail to a tenant without a user waits so long for one."""

RETRY_DELAYS = [timedelta(seconds=s) for s in (10, 60, 300, 900, 1800, 3600)]

SUBJECT_LENGTH = 250
NAME_LENGTH = 100


class Unmailable(ValueError):
    """No mail can ever go to this address; says why."""


class Category(StrEnum):
    """What a crash in the middle of sending does to a mail.

    ``must-arrive``: it is sent again with the same Message-ID. ``once``: it becomes ``uncertain``, never repeated.
    """

    MUST_ARRIVE = "must-arrive"
    ONCE = "once"


class State(StrEnum):
    """Where a mail is on its way: new → sending → sent, uncertain or failed.

    ``no_recipient``: the tenant has nobody to write to. ``suppressed``: decided against, ``last_error`` says why.
    """

    NEW = "new"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    NO_RECIPIENT = "no_recipient"


class Trouble(StrEnum):
    """How handing over a mail went wrong.

    ``temporary``: it was certainly not taken and may be later. ``permanent``: it never will be. ``unknown``: the
    connection ended after the text had gone out, so nobody can say.
    """

    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Mail:
    """One kind of mail.

    Attributes:
        template: names its two files in ``templates/``.
        role: which users of the tenant get it.
        subject: filled in from the mail's context.
    """

    template: str
    topic: str
    category: Category
    role: Role
    subject: str


INVITE = Mail(
    template="invite",
    topic="invite",
    category=Category.MUST_ARRIVE,
    role=Role.RETAILER_ADMIN,
    subject="{campaign_name}: {supplier_name} invites you",
)

MAILS: Mapping[str, Mail] = {mail.template: mail for mail in (INVITE,)}
TOPICS = tuple(sorted({mail.topic for mail in MAILS.values()}))


def state_after(trouble: Trouble, category: Category, age: timedelta) -> State:
    """Where a mail goes that could not be handed over; ``age`` is how long it has been tried (S0-28)."""
    if trouble is Trouble.PERMANENT:
        return State.FAILED
    if trouble is Trouble.UNKNOWN and category is Category.ONCE:
        return State.UNCERTAIN
    return State.FAILED if age >= GIVE_UP_AFTER else State.NEW


def state_after_lease(category: Category) -> State:
    """Where a mail goes whose sender has vanished: it may have been sent or not."""
    return State.NEW if category is Category.MUST_ARRIVE else State.UNCERTAIN


def subject_of(mail: Mail, context: Mapping[str, str]) -> str:
    """The subject line (S0-27: it carries the campaign's name)."""
    return one_line(mail.subject.format(**context), SUBJECT_LENGTH)


def one_line(text: str, limit: int) -> str:
    """A text fit for a header: one line, nothing invisible that could break or turn it, at most ``limit`` long."""
    return " ".join(printable(text).split())[:limit].rstrip()


def printable(text: str) -> str:
    """A text without control characters (but line ends and tabs), half characters and direction overrides."""
    return "".join(c for c in text if c in "\n\t" or not _is_unfit(c))


def display_name(name: str) -> str:
    """A person's name as it may stand before an address: without the characters that have a meaning there."""
    return one_line(re.sub(r'[<>()\[\]:;@\\,"]', " ", name), NAME_LENGTH)


def mailable(address: str) -> tuple[str, str]:
    """The two halves of an address, the domain as DNS knows it.

    Raises:
        Unmailable: no mail can go there.
    """
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        raise Unmailable("the address has no valid domain") from None
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}", local):
        raise Unmailable("the address has no name that mail servers take")
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?", ascii_domain):
        raise Unmailable("the address has no valid domain")
    return local, ascii_domain


def said_date(moment: datetime) -> str:
    """A moment as a person reads it: ``1 April 2026``, with the time only where it is not midnight UTC."""
    day = f"{moment.day} {month_name[moment.month]} {moment.year}"
    return day if (moment.hour, moment.minute) == (0, 0) else f"{day}, {moment:%H:%M} UTC"


def _is_unfit(character: str) -> bool:
    turns_direction = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return turns_direction or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
