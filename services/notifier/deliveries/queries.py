"""Which mail is next, and what was delivered."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, TextClause, select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.http.pages import Page, paginate
from services.notifier.deliveries.models import CLAIMABLE, OF_A_THREAD, UNADDRESSED, Delivery
from services.notifier.deliveries.rules import State
from services.notifier.topics.accounts import ACCOUNT, TO_FORMER_ADDRESS

Hearing = tuple[UUID, str, UUID]
"""An event, the template that tells of it, and a user who gets or got it."""


def queued(session: Session, template: str, event_ids: Collection[UUID]) -> set[tuple[UUID, UUID]]:
    """Pairs of an event and a tenant that have a mail with this template already."""
    statement = select(Delivery.event_id, Delivery.tenant_id).where(
        Delivery.event_id.in_(event_ids), Delivery.template == template
    )
    return {(event_id, tenant_id) for event_id, tenant_id in session.execute(statement.distinct())}


def lock_unaddressed(session: Session, tenant_id: UUID, since: datetime) -> Sequence[Delivery]:
    """The tenant's mails without a recipient, locked."""
    return _lock(session, UNADDRESSED, Delivery.tenant_id == tenant_id, Delivery.created_at >= since)


def lock_queued(session: Session, user_id: UUID) -> Sequence[Delivery]:
    """The mails to a user that no sender has claimed, locked."""
    return _lock(session, Delivery.user_id == user_id, Delivery.state == State.NEW)


def lock_unsent(session: Session, user_id: UUID) -> Sequence[Delivery]:
    """The mails a user is still to get, claimed ones too, locked."""
    return _lock(session, CLAIMABLE, Delivery.user_id == user_id)


def lock_waiting_of_threads(
    session: Session, thread_ids: Collection[UUID], tenant_ids: Collection[UUID]
) -> Sequence[Delivery]:
    """The mails of these tenants about these threads that no sender has begun to send, locked."""
    of_threads = (OF_A_THREAD, Delivery.thread_id.in_(thread_ids), Delivery.tenant_id.in_(tenant_ids))
    return _lock(session, *of_threads, Delivery.state.in_([State.NEW, State.NO_RECIPIENT]))


def hearings(session: Session, users: Sequence[UUID], since: datetime) -> set[Hearing]:
    """Event, template and user of what these users get or got."""
    statement = select(Delivery.event_id, Delivery.template, Delivery.user_id).where(
        Delivery.user_id.in_(users), Delivery.created_at >= since
    )
    return {(event_id, template, user_id) for event_id, template, user_id in session.execute(statement) if user_id}


def former_addresses(session: Session, user_id: UUID, *, since: datetime) -> dict[str, UUID]:
    """The addresses that a person's account had before it got another one, if that was since then, each with the mail
    that told of it. Copies of other mails, which have a key of their own, do not make it last longer."""
    mails = (Delivery.user_id == user_id, Delivery.recipient == user_id, Delivery.template == ACCOUNT.name)
    statement = select(Delivery.id, Delivery.context, Delivery.address).where(*mails, Delivery.created_at >= since)
    rows = session.execute(statement.order_by(Delivery.id))
    return {address: mail_id for mail_id, context, address in rows if address and context.get(TO_FORMER_ADDRESS)}


def message_numbers(session: Session, user_id: UUID, thread_id: UUID) -> set[int]:
    """The numbers of the messages of a thread that a user's mails tell of."""
    statement = select(Delivery.context).where(
        OF_A_THREAD, Delivery.thread_id == thread_id, Delivery.user_id == user_id
    )
    return {message["sequence"] for context in session.scalars(statement) for message in context["messages"]}


def is_any_due(session: Session, now: datetime) -> bool:
    """Whether a mail is due. Locks nothing, so idle senders do not block the others."""
    return session.execute(_due(now, 1).with_only_columns(Delivery.id)).first() is not None


def next_due(session: Session, now: datetime, limit: int) -> Sequence[Delivery]:
    """The mails a sender claims next, locked; mails that other senders have locked are skipped."""
    return session.scalars(_due(now, limit).with_for_update(skip_locked=True)).all()


def lock_due(session: Session, delivery_id: UUID, now: datetime) -> Delivery | None:
    """This mail, locked, if any sender may still claim it."""
    statement = select(Delivery).where(Delivery.id == delivery_id, CLAIMABLE, Delivery.next_at <= now)
    return session.scalar(statement.with_for_update())


def lock_claimed(session: Session, attempts: Mapping[UUID, int]) -> list[Delivery]:
    """Those of these mails, by id, that still belong to the sender who claimed them for this attempt, locked."""
    deliveries = _lock(session, Delivery.id.in_(attempts))
    return [row for row in deliveries if row.state == State.SENDING and row.attempts == attempts[row.id]]


def lock_delivery(session: Session, delivery_id: UUID) -> Delivery:
    """A mail the caller may see, locked.

    Raises:
        NotFound
    """
    delivery = session.scalar(select(Delivery).where(Delivery.id == delivery_id).with_for_update())
    if delivery is None:
        raise NotFound("There is no such mail.")
    return delivery


def deliveries(session: Session, *, page: int, page_size: int, state: str | None, topic: str | None) -> Page:
    """The mails the caller may see, newest first."""
    statement = select(Delivery).order_by(Delivery.id.desc())
    if state:
        statement = statement.where(Delivery.state == state)
    if topic:
        statement = statement.where(Delivery.topic == topic)
    return paginate(session, statement, page=page, page_size=page_size)


def _due(now: datetime, limit: int) -> Select[tuple[Delivery]]:
    return select(Delivery).where(CLAIMABLE, Delivery.next_at <= now).order_by(Delivery.next_at).limit(limit)


def _lock(session: Session, *conditions: ColumnElement[bool] | TextClause) -> Sequence[Delivery]:
    """Mails, oldest first, in which order everybody locks them."""
    statement = select(Delivery).where(*conditions).order_by(Delivery.id).with_for_update()
    return session.scalars(statement).all()
