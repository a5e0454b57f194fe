"""What mails there are and to whom they go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.roles import Role
from services.notifier.audience.rules import Cadence
from services.notifier.common.wording import one_line
from services.notifier.deliveries.rules import Category

SUBJECT_LENGTH = 250
MOST_SHOWN = 10  # messages in one mail, things in one section of a digest


@dataclass(frozen=True, slots=True)
class Mail:
    """One kind of mail.

    Attributes:
        template: names its two files in ``templates/``.
        topic: what a recipient can choose about; see ``rules.preferences``.
        roles: which users of the tenant get it. Empty for what is one user's own and goes to nobody in their place.
        subject: filled in from the mail's context.
    """

    template: str
    topic: str
    category: Category
    roles: tuple[Role, ...]
    subject: str


PARTIES = (Role.SUPPLIER_ADMIN, Role.RETAILER_ADMIN)
ADMINS = (*PARTIES, Role.MERCHANT_ADMIN)

INVITE = Mail(
    template="invite",
    topic="invite",
    category=Category.MUST_ARRIVE,
    roles=(Role.RETAILER_ADMIN,),
    subject="{campaign_name}: {supplier_name} invites you",
)
RESPONSE = Mail(
    template="response",
    topic="response",
    category=Category.MUST_ARRIVE,
    roles=(Role.SUPPLIER_ADMIN,),
    subject="{campaign_name}: {retailer_name} has {response}",
)
MESSAGE = Mail(
    template="message",
    topic="message",
    category=Category.MUST_ARRIVE,
    roles=PARTIES,
    subject="{thread_subject}: new message from {party_name}",
)
TIER = Mail(
    template="tier",
    topic="tier",
    category=Category.MUST_ARRIVE,
    roles=(Role.RETAILER_ADMIN,),
    subject="{headline}",
)
RELATIONSHIP = Mail(
    template="relationship",
    topic="relationship",
    category=Category.MUST_ARRIVE,
    roles=PARTIES,
    subject="{headline}",
)
WEBHOOK = Mail(
    template="webhook",
    topic="webhook",
    category=Category.MUST_ARRIVE,
    roles=ADMINS,
    subject="{headline}",
)
AFFILIATION = Mail(
    template="affiliation",
    topic="affiliation",
    category=Category.MUST_ARRIVE,
    roles=(),
    subject="{headline}",
)
COMMISSION = Mail(
    template="commission",
    topic="commission",
    category=Category.MUST_ARRIVE,
    roles=(),
    subject="{headline}",
)
DIGEST = Mail(
    template="digest",
    topic="digest",
    category=Category.ONCE,
    roles=(),
    subject="Your {cadence} summary from Concord",
)

ALL = (INVITE, RESPONSE, MESSAGE, TIER, RELATIONSHIP, WEBHOOK, AFFILIATION, COMMISSION, DIGEST)
MAILS: Mapping[str, Mail] = {mail.template: mail for mail in ALL}
TOPICS = tuple(sorted({mail.topic for mail in MAILS.values()}))


def subject_of(mail: Mail, context: Mapping[str, Any]) -> str:
    """The subject line (S0-27: it carries the campaign's name)."""
    return one_line(mail.subject.format(**context), SUBJECT_LENGTH)


def unsubscribed_from(mail: Mail, context: Mapping[str, Any]) -> str:
    """What one click on a mail's link turns off: its topic, or all that comes in a digest like this one."""
    return str(Cadence(context["cadence"])) if mail is DIGEST else mail.topic
