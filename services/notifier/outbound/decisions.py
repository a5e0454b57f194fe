"""Decisions about a due mail at the last moment: whether its recipient still wants it, and may get it now."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.core.logs import logger
from services.notifier import settings
from services.notifier.audience import queries as audience_queries
from services.notifier.audience.models import Contact, DigestItem, Tenant
from services.notifier.audience.rules import Wishes
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import GIVE_UP_AFTER, RETRY_DELAYS
from services.notifier.outbound import throttle
from services.notifier.outbound.models import Bounce
from services.notifier.outbound.throttle import Throttle
from services.notifier.topics import BY_NAME, DEFAULTS
from services.notifier.topics.base import Cadence
from services.notifier.topics.digests import DIGEST
from services.notifier.topics.sections import sections

log = logger(__name__)

Thread = tuple[UUID, UUID | None]
"""A tenant and a thread of it."""

OFF = "The recipient does not want to hear of this."
GONE = "The recipient is no longer there."
GIVEN_UP = "This address has refused too many mails; nothing is sent to it for a while."
NOTHING_LEFT = "There was nothing left to say."
UNKNOWN_USER = "No such user is known."


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides about a batch of mails, read once for all of them."""

    throttle: Throttle
    recipient_throttle: Throttle
    tenants: Mapping[UUID, Tenant]
    contacts: Mapping[UUID | None, Contact]
    wishes: Mapping[UUID, Wishes]
    mailboxes: Mapping[UUID, str]
    bounces: Mapping[str, Bounce]
    contents: Mapping[UUID, Sequence[DigestItem]]
    read_marks: Mapping[Thread, int]


def suppress_or_postpone(delivery: Delivery, contact: Contact, facts: Facts, now: datetime) -> bool:
    """Suppress or postpone a mail that is not to be sent now; return whether it was."""
    wishes = facts.wishes[contact.id]
    mailbox = facts.mailboxes[contact.id]
    if not contact.email:
        delivery.suppress(GONE)
    elif wishes.cadence(delivery.topic) is Cadence.OFF:
        delivery.suppress(OFF)
    elif not _is_of_account(delivery) and mailbox in facts.bounces and facts.bounces[mailbox].is_given_up(now):
        delivery.address = contact.email
        delivery.suppress(GIVEN_UP)
    elif delivery.topic in DEFAULTS and (morning := wishes.quiet_until(now)):
        delivery.postpone(morning)
    elif delivery.template == DIGEST.name and not _fill(delivery, facts, wishes):
        delivery.suppress(NOTHING_LEFT)
    elif delivery.thread_id and delivery.leave_out_read(facts.read_marks.get(_thread(delivery), 0)):
        pass  # read while an earlier attempt was under way
    elif later := _throttled(delivery, mailbox, facts, now):
        delivery.postpone(later)
    else:
        return False
    return True


def wait_for_user(delivery: Delivery, now: datetime) -> None:
    """Postpone a mail about an account that came before the event that names its owner, though not for ever."""
    if now - delivery.created_at >= GIVE_UP_AFTER:
        delivery.suppress(UNKNOWN_USER)
    else:
        delivery.postpone(now + RETRY_DELAYS[1])


def facts_about(session: Session, deliveries: Sequence[Delivery]) -> Facts:
    users = {delivery.user_id for delivery in deliveries if delivery.user_id}
    contacts = session.scalars(select(Contact).where(Contact.id.in_(users))).all()
    tenant_ids = {contact.tenant_id for contact in contacts} | {delivery.tenant_id for delivery in deliveries}
    tenants = session.scalars(select(Tenant).where(Tenant.id.in_(tenant_ids))).all()
    mailboxes = {contact.id: address_key(contact.email or "") for contact in contacts}
    refused = select(Bounce).where(Bounce.address.in_(set(mailboxes.values())))
    threads = {_thread(delivery) for delivery in deliveries if delivery.thread_id}
    return Facts(
        throttle=throttle.of_providers(settings.process_of(session)),
        recipient_throttle=throttle.of_recipients(settings.process_of(session)),
        tenants={tenant.id: tenant for tenant in tenants},
        contacts={contact.id: contact for contact in contacts},
        wishes=audience_queries.wishes_of(session, tenants, contacts),
        mailboxes=mailboxes,
        bounces={bounce.address: bounce for bounce in session.scalars(refused)},
        contents=_contents(session, deliveries),
        read_marks=audience_queries.read_marks(session, threads),
    )


def _is_of_account(delivery: Delivery) -> bool:
    """Somebody asked for it, or it warns them: it is tried also where other mail was refused."""
    topic = BY_NAME.get(delivery.template)
    return topic is not None and topic.account


def _throttled(delivery: Delivery, mailbox: str, facts: Facts, now: datetime) -> datetime | None:
    """When to ask again, where its provider or its recipient gets no more of it at present."""
    digest = hashlib.sha256(mailbox.encode()).hexdigest()[:32]  # no addresses in a shared store
    return facts.throttle.take(mailbox.rpartition("@")[2], now) or facts.recipient_throttle.take(
        f"{delivery.topic}.{digest}", now
    )


def _fill(delivery: Delivery, facts: Facts, wishes: Wishes) -> bool:
    """Fill a digest with the entries that count at this moment; False where there are none.

    One that cannot be filled gets no sections. Rendering it fails later, for this mail alone.
    """
    items = facts.contents.get(delivery.event_id, ())
    entries = [(item.template, item.context) for item in items if wishes.cadence(item.topic) is not Cadence.OFF]
    delivery.context = {"cadence": delivery.context["cadence"]}
    try:
        delivery.context |= {"sections": sections(entries)}
    except Exception as error:
        log.error("a digest could not be filled", delivery_id=str(delivery.id), exc_info=error)
    return bool(entries)


def _thread(delivery: Delivery) -> Thread:
    return delivery.tenant_id, delivery.thread_id


def _contents(session: Session, deliveries: Sequence[Delivery]) -> dict[UUID, list[DigestItem]]:
    digests = [delivery.event_id for delivery in deliveries if delivery.template == DIGEST.name]
    if not digests:
        return {}
    contents: dict[UUID, list[DigestItem]] = {}
    for item in audience_queries.items(session, digests):
        if item.digest_id:
            contents.setdefault(item.digest_id, []).append(item)
    return contents
