"""What mails there are and to whom they go."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.identity import Role
from services.notifier.rules.sending import Category
from services.notifier.rules.wording import one_line

SUBJECT_LENGTH = 250


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


def subject_of(mail: Mail, context: Mapping[str, str]) -> str:
    """The subject line (S0-27: it carries the campaign's name)."""
    return one_line(mail.subject.format(**context), SUBJECT_LENGTH)
