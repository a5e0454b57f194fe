"""Writes: opening threads, posting, read marks, archiving, following a tenant's new name.

Each adds its events to the caller's transaction and never commits. Every thread handed in is new or locked.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import insert_ignoring
from chassis.data.copies import upsert_newer
from chassis.messaging import outbox
from services.messaging import events
from services.messaging.models import Base, Message, TenantName, Thread, ThreadCount
from services.messaging.prm_client import Partner
from services.messaging.rules import Side

THREADS = Base.metadata.tables["threads"]
COUNTS = Base.metadata.tables["thread_counts"]


def start_thread(
    session: Session,
    partner: Partner,
    *,
    subject: str,
    first_message: str,
    about: Mapping[str, Any] | None,
    actor: Principal,
    now: datetime,
) -> Thread:
    """Open a thread with its opening system message, which counts as the supplier's (S0-56, S0-58, D14)."""
    names = {actor.tenant_id: partner.supplier_name, partner.retailer_id: partner.retailer_name}
    supplier, retailer = _lock_names(session, names)
    thread = Thread.start(subject, supplier=supplier, retailer=retailer, about=about, now=now)
    with _counted(session, thread):
        opening = thread.post(first_message, by=Side.SUPPLIER, sender=actor, now=now, is_system=True)
        session.add(thread)
        audit.record(session, "thread.started", thread, tenant_id=actor.tenant_id, actor=actor, now=now)
        started = events.ThreadStarted(thread.id, subject, *supplier, *retailer, thread.about_type, thread.about_id)
        _publish(session, thread, started, actor, now)
        session.add(opening)
        _publish(session, thread, _posted(thread, opening), actor, now)
        _count_new(session, thread)
    return thread


def post_message(session: Session, thread: Thread, body: str, *, by: Side, actor: Principal, now: datetime) -> Message:
    """Add a message to a thread. The sender has then read everything in it (S0-59, S0-60, D14)."""
    had_unread = thread.standing(by).unread > 0
    with _counted(session, thread):
        message = thread.post(body, by=by, sender=actor, now=now)
        session.add(message)
        if had_unread:
            _publish_read(session, thread, by, actor, message.created_at)
        _publish(session, thread, _posted(thread, message), actor, message.created_at)
    return message


def mark_read(session: Session, thread: Thread, *, by: Side, actor: Principal, now: datetime) -> None:
    """Move a side's read mark behind the newest message; a second time publishes nothing (S0-65)."""
    with _counted(session, thread):
        if thread.mark_read(by, now):
            _publish_read(session, thread, by, actor, now)


def mark_unread(session: Session, thread: Thread, *, by: Side, now: datetime) -> None:
    """Move a side's read mark back before the other side's newest message.

    Raises:
        Conflict: ``nothing_received``.
    """
    with _counted(session, thread):
        thread.mark_unread(by, now)


def archive(session: Session, thread: Thread, *, by: Side, now: datetime) -> None:
    """Archive a thread for one side."""
    with _counted(session, thread):
        thread.archive(by, now)


def unarchive(session: Session, thread: Thread, *, by: Side, now: datetime) -> None:
    """Take a thread back from the archive for one side."""
    with _counted(session, thread):
        thread.unarchive(by, now)


def rename_tenant(session: Session, tenant_id: UUID, name: str, *, sequence: int, now: datetime) -> None:
    """Show a tenant under its new name, unless an event as new was applied."""
    row = {"tenant_id": tenant_id, "name": name, "sequence": sequence}
    if upsert_newer(session, TenantName, row) is None:
        return
    shown = THREADS.c
    for party, shown_name in ((shown.supplier_id, shown.supplier_name), (shown.retailer_id, shown.retailer_name)):
        changed = {shown_name: name, shown.supplier_updated_at: now, shown.retailer_updated_at: now}
        session.execute(update(THREADS).where(party == tenant_id, shown_name != name).values(changed))


def _lock_names(session: Session, names: Mapping[UUID, str]) -> list[tuple[UUID, str]]:
    """What tenants are called now; ``names`` are prm's, stored for tenants of which no event has come yet.

    The names stay locked until the transaction ends, so a rename waits, and then finds what this transaction has
    written.
    """
    rows = [{"tenant_id": tenant_id, "name": name, "sequence": 0} for tenant_id, name in names.items()]
    insert_ignoring(session, TenantName, rows)
    statement = select(TenantName.tenant_id, TenantName.name).where(TenantName.tenant_id.in_(names))
    newest = dict(session.execute(statement.with_for_update(read=True)).tuples().all())
    return [(tenant_id, newest[tenant_id]) for tenant_id in names]


@contextmanager
def _counted(session: Session, thread: Thread) -> Iterator[None]:
    """Carry what happens to ``thread`` in the block over to what its two tenants have unread and archived."""
    before = {side: thread.standing(side) for side in Side}
    yield
    session.flush()  # the thread's row is written before the counts, as everywhere
    for side, was in before.items():
        standing = thread.standing(side)
        unread, archived = (standing.unread > 0) - (was.unread > 0), standing.archived - was.archived
        if unread or archived:
            _count(session, thread.tenant_of(side), unread=unread, archived=archived)


def _count_new(session: Session, thread: Thread) -> None:
    tenants = [thread.tenant_of(side) for side in Side]
    nothing = {"threads": 0, "unread": 0, "archived": 0}
    insert_ignoring(session, ThreadCount, [{"tenant_id": tenant_id} | nothing for tenant_id in tenants])
    for tenant_id in tenants:
        _count(session, tenant_id, threads=1)


def _count(session: Session, tenant_id: UUID, **more: int) -> None:
    changed = {COUNTS.c[name]: COUNTS.c[name] + change for name, change in more.items()}
    session.execute(update(COUNTS).where(COUNTS.c.tenant_id == tenant_id).values(changed))


def _posted(thread: Thread, message: Message) -> events.MessagePosted:
    return events.MessagePosted(
        message_id=message.id,
        thread_id=thread.id,
        subject=thread.subject,
        sender_tenant_id=message.sender_tenant_id,
        sender_name=message.sender_name,
        recipient_tenant_id=message.recipient_tenant_id,
        supplier_id=thread.supplier_id,
        supplier_name=thread.supplier_name,
        retailer_id=thread.retailer_id,
        retailer_name=thread.retailer_name,
        preview=thread.last_message_preview,
        is_system=message.is_system,
    )


def _publish_read(session: Session, thread: Thread, by: Side, actor: Principal, now: datetime) -> None:
    tenant_id = thread.tenant_of(by)
    event = events.ThreadRead(thread.id, tenant_id, read_at=now)
    outbox.add(session, thread, event, tenants=(tenant_id,), actor=actor, now=now)


def _publish(session: Session, thread: Thread, event: Any, actor: Principal, now: datetime) -> None:
    outbox.add(session, thread, event, tenants=(thread.supplier_id, thread.retailer_id), actor=actor, now=now)
