"""Notices: an event becomes a mail, or an entry of a digest, for each user whom it concerns."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.data.bulk import insert_ignoring
from services.notifier.audience import queries as audience_queries
from services.notifier.audience.digests import entry_rows
from services.notifier.audience.models import Contact, DigestItem, Tenant
from services.notifier.audience.rules import Wishes
from services.notifier.audience.tenants import lock_tenants
from services.notifier.common import wording
from services.notifier.deliveries import queries
from services.notifier.deliveries.models import Delivery, Recipient
from services.notifier.deliveries.rows import delivery_rows
from services.notifier.topics.accounts import ACCOUNT, FORMER_FOR, TO_FORMER_ADDRESS, for_former_address
from services.notifier.topics.base import Cadence, Notice, Topic

Listeners = Sequence[tuple[Contact, Wishes]]
"""Users that a mail is for, and their wishes."""


def notify(session: Session, topic: Topic, notices: Sequence[Notice], *, now: datetime) -> None:
    """Write mails and entries of digests about events, for the users that the topic is for, each event once (S0-27).

    A tenant without such a user gets a ``no_recipient`` row, which the next suitable user takes over. The number of
    statements does not depend on the number of events.
    """
    tenants = lock_tenants(session, {notice.tenant_id for notice in notices})
    queued = queries.queued(session, topic.name, [notice.event_id for notice in notices])
    actors = audience_queries.tenants_of(session, {notice.actor_id for notice in notices if notice.actor_id})
    listeners = listeners_of(session, topic, tenants.values())
    unwritten = [
        (notice, listeners[notice.tenant_id])
        for notice in notices
        if tenants[notice.tenant_id].ended_at is None
        and actors.get(notice.actor_id) != notice.tenant_id
        and (notice.event_id, notice.tenant_id) not in queued
    ]
    _write(session, topic, unwritten, now)


def notify_contact(session: Session, topic: Topic, contact: Contact, notice: Notice, *, now: datetime) -> None:
    """The same for an event that concerns one contact alone."""
    tenants = lock_tenants(session, [contact.tenant_id])
    wishes = audience_queries.wishes_of(session, tenants.values(), [contact])
    _write(session, topic, [(notice, [(contact, wishes[contact.id])])], now)


def notify_person(session: Session, topic: Topic, notice: Notice, *, now: datetime) -> None:
    """Write the mail about one person's account, whatever they have chosen. One that warns goes to the address that the
    account had within the last week as well.

    Locks no tenant: who may get it, and at which address, is decided when it is sent.
    """
    assert notice.person, "the notice is about a person"
    mails = [(notice, notice.person.id)]
    if topic is ACCOUNT and not notice.context.get(TO_FORMER_ADDRESS):
        former = _former_addresses(session, notice.person.id, now)
        mails += [(for_former_address(notice, address), key) for address, key in former.items()]
    rows: list[dict[str, Any]] = []
    for mail, key in mails:
        recipients = [Recipient(notice.person.id, mail.person.email if mail.person else None)]
        event: dict[str, Any] = {"event_id": mail.event_id, "tenant_id": mail.tenant_id, "context": _texts(mail)}
        rows += delivery_rows(session, topic, recipients, **event, key=key, now=now)
    insert_ignoring(session, Delivery, rows)


def _former_addresses(session: Session, user_id: UUID, now: datetime) -> dict[str, UUID]:
    """Where a person had mail within the last week, but for what is their address again; each with a key for copies."""
    contact = session.get(Contact, user_id)
    present = address_key(contact.email or "") if contact else None
    former = queries.former_addresses(session, user_id, since=now - FORMER_FOR)
    return {address: key for address, key in former.items() if address_key(address) != present}


def listeners_of(session: Session, topic: Topic, tenants: Collection[Tenant]) -> Mapping[UUID, Listeners]:
    """The users that a topic is for, by tenant."""
    listeners: dict[UUID, list[tuple[Contact, Wishes]]] = {tenant.id: [] for tenant in tenants}
    contacts = [contact for contact in audience_queries.contacts(session, listeners) if contact.role in topic.roles]
    wishes = audience_queries.wishes_of(session, tenants, contacts)
    for contact in contacts:
        listeners[contact.tenant_id].append((contact, wishes[contact.id]))
    return listeners


def recipients_of(topic: Topic, listeners: Listeners) -> list[Recipient | None]:
    """Who gets a mail at once. None stands for the next suitable user of a tenant that has none."""
    if not listeners:
        return [None]
    return [
        Recipient(contact.id, contact.email)
        for contact, wishes in listeners
        if wishes.cadence(topic.name) is Cadence.INSTANT
    ]


def _write(session: Session, topic: Topic, notices: Iterable[tuple[Notice, Listeners]], now: datetime) -> None:
    """Insert the mails and the entries of digests that notices become."""
    mails: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for notice, listeners in notices:
        event: dict[str, Any] = {"event_id": notice.event_id, "tenant_id": notice.tenant_id}
        event |= {"context": _texts(notice), "now": now}
        mails += delivery_rows(session, topic, recipients_of(topic, listeners), **event)
        entries += entry_rows(topic, listeners, **event)
    insert_ignoring(session, Delivery, mails)
    insert_ignoring(session, DigestItem, entries)


def _texts(notice: Notice) -> dict[str, Any]:
    """What a mail about it shows, without characters that no mail holds."""
    return {
        name: wording.printable(value) if isinstance(value, str) else value for name, value in notice.context.items()
    }
