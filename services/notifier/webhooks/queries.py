"""Reads: a tenant's webhooks, which of them want an event, which endpoint and message is next, and past messages."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.errors import NotFound
from chassis.core.principal import caller
from chassis.http.pages import Page, paginate
from chassis.messaging.events import source_of
from services.notifier.event_log.models import EventViewer, LoggedEvent
from services.notifier.event_log.queries import matches_any
from services.notifier.webhooks.models import (
    READY,
    SENDING,
    UNFINISHED,
    Webhook,
    WebhookAttempt,
    WebhookMessage,
    WebhookQueue,
)
from services.notifier.webhooks.rules import Status


def webhook(session: Session, webhook_id: UUID) -> Webhook:
    """One of the caller's webhooks.

    Raises:
        NotFound: there is none of that id for the caller.
    """
    statement = select(Webhook).where(Webhook.id == webhook_id, Webhook.tenant_id == caller().tenant_id)
    webhook = session.scalar(statement)
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


def webhooks(session: Session, *, page: int, page_size: int) -> Page:
    """The caller's webhooks, oldest first."""
    statement = select(Webhook).where(Webhook.tenant_id == caller().tenant_id).order_by(Webhook.id)
    return paginate(session, statement, page=page, page_size=page_size)


def listeners(session: Session, tenants: Iterable[UUID]) -> dict[UUID, tuple[UUID, list[str]]]:
    """Tenant and types of every webhook of these tenants that events are queued for."""
    statement = select(Webhook.id, Webhook.tenant_id, Webhook.types).where(
        Webhook.tenant_id.in_(tenants), Webhook.status != Status.DISABLED
    )
    return {row.id: (row.tenant_id, row.types) for row in session.execute(statement)}


def active_of(session: Session, tenant_id: UUID) -> Sequence[UUID]:
    """The webhooks of a tenant that are sent to."""
    statement = select(Webhook.id).where(Webhook.tenant_id == tenant_id, Webhook.status == Status.ACTIVE)
    return session.scalars(statement).all()


def webhooks_of(session: Session, tenant_id: UUID, *, limit: int) -> Sequence[UUID]:
    """Some webhooks of a tenant."""
    return session.scalars(select(Webhook.id).where(Webhook.tenant_id == tenant_id).limit(limit)).all()


def lock_queues(session: Session, webhook_ids: Iterable[UUID]) -> dict[UUID, WebhookQueue]:
    """The queues of these webhooks, locked in the order of their ids."""
    statement = select(WebhookQueue).where(WebhookQueue.webhook_id.in_(list(webhook_ids)))
    ordered = statement.order_by(WebhookQueue.webhook_id).with_for_update().execution_options(populate_existing=True)
    return {row.webhook_id: row for row in session.scalars(ordered)}


def lock_webhook(session: Session, webhook_id: UUID) -> tuple[Webhook, WebhookQueue] | None:
    """A webhook and its queue, both read anew and locked, the queue first; None if the webhook is deleted."""
    queue = lock_queues(session, [webhook_id]).get(webhook_id)
    statement = select(Webhook).where(Webhook.id == webhook_id).with_for_update()
    webhook = session.scalar(statement.execution_options(populate_existing=True))
    return (webhook, queue) if webhook and queue else None


def busy(session: Session, webhook_ids: Iterable[UUID], subjects: Iterable[UUID]) -> set[tuple[UUID, str, UUID]]:
    """Webhook, source and subject of unfinished messages about these subjects."""
    statement = select(WebhookMessage.webhook_id, WebhookMessage.type, WebhookMessage.subject).where(
        UNFINISHED, WebhookMessage.webhook_id.in_(list(webhook_ids)), WebhookMessage.subject.in_(list(subjects))
    )
    rows = session.execute(statement.distinct()).tuples()
    return {(webhook_id, source_of(event_type), subject) for webhook_id, event_type, subject in rows}


def is_any_due(session: Session, now: datetime, *, healthy: bool) -> bool:
    """Whether an endpoint is due. Locks nothing, so idle senders do not block the others."""
    return session.execute(_due(now, healthy).with_only_columns(WebhookQueue.webhook_id)).first() is not None


def next_due(session: Session, now: datetime, *, healthy: bool) -> WebhookQueue | None:
    """The endpoint a sender looks at next, locked; endpoints that other senders have locked are skipped."""
    return session.scalar(_due(now, healthy).with_for_update(skip_locked=True))


def being_sent(session: Session, webhook_id: UUID) -> Sequence[WebhookMessage]:
    """The messages being sent to a webhook, also those of senders that vanished; the oldest first."""
    statement = select(WebhookMessage).where(SENDING, WebhookMessage.webhook_id == webhook_id)
    return session.scalars(statement.order_by(WebhookMessage.next_at)).all()


def first_of(session: Session, webhook_id: UUID, source: str, subject: UUID) -> WebhookMessage | None:
    """The first unfinished message of a series."""
    statement = select(WebhookMessage).where(
        UNFINISHED, WebhookMessage.webhook_id == webhook_id, WebhookMessage.subject == subject
    )
    is_of_source = service_in(session, WebhookMessage.type) == source.removeprefix("/services/")
    return session.scalar(statement.where(is_of_source).order_by(WebhookMessage.position).limit(1))


def service_in(session: Session, event_type: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """The service that publishes the type in a column."""
    if session.get_bind().dialect.name == "postgresql":
        return func.split_part(event_type, ".", 1)
    return func.substr(event_type, 1, func.instr(event_type, ".") - 1)


def ready(session: Session, webhook_id: UUID, *, limit: int) -> Sequence[WebhookMessage]:
    """The ready messages of a webhook that are due first."""
    statement = select(WebhookMessage).where(READY, WebhookMessage.webhook_id == webhook_id)
    return session.scalars(statement.order_by(WebhookMessage.next_at).limit(limit)).all()


def messages_of(session: Session, webhook_id: UUID, event_ids: Sequence[UUID]) -> dict[UUID, WebhookMessage]:
    """A webhook's messages about these events, by event."""
    statement = select(WebhookMessage).where(
        WebhookMessage.webhook_id == webhook_id, WebhookMessage.event_id.in_(event_ids)
    )
    return {message.event_id: message for message in session.scalars(statement)}


def bodies_of(session: Session, messages: Sequence[WebhookMessage]) -> dict[UUID, str]:
    """The envelopes of messages, by event, without those that the log has forgotten."""
    bodies = {message.event_id: message.body for message in messages if message.body is not None}
    positions = [message.position for message in messages if message.body is None]
    if not positions:
        return bodies
    logged = select(LoggedEvent.event_id, LoggedEvent.body).where(LoggedEvent.position.in_(positions))
    return bodies | {row.event_id: row.body for row in session.execute(logged)}


def seen_between(
    session: Session, *, since: datetime, until: datetime | None, types: Sequence[str], limit: int
) -> Sequence[EventViewer]:
    """The events of these types that the caller may see and that were logged in a period, oldest first."""
    # Positions follow the times but for moments: so an index finds the first of them, a little early.
    early = select(LoggedEvent.position).where(LoggedEvent.logged_at >= since - timedelta(minutes=1))
    position = session.scalar(early.order_by(LoggedEvent.logged_at).limit(1))
    if position is None:
        return []
    statement = _seen().where(
        EventViewer.position >= position, LoggedEvent.logged_at >= since, matches_any(EventViewer.type, types)
    )
    if until is not None:
        statement = statement.where(LoggedEvent.logged_at < until)
    return session.scalars(statement.order_by(EventViewer.position).limit(limit)).all()


def seen(session: Session, event_id: UUID) -> EventViewer | None:
    """One event, if the caller may see it."""
    return session.scalar(_seen().where(LoggedEvent.event_id == event_id))


def messages(session: Session, webhook_id: UUID, *, page: int, page_size: int, state: str | None) -> Page:
    """The messages of a webhook, the newest event first."""
    statement = select(WebhookMessage).where(WebhookMessage.webhook_id == webhook_id)
    if state:
        statement = statement.where(WebhookMessage.state == state)
    ordered = statement.order_by(WebhookMessage.position.desc(), WebhookMessage.event_id.desc())
    return paginate(session, ordered, page=page, page_size=page_size)


def attempts(session: Session, webhook_id: UUID, *, page: int, page_size: int, event_id: UUID | None) -> Page:
    """Every request to a webhook, newest first."""
    statement = select(WebhookAttempt).where(WebhookAttempt.webhook_id == webhook_id)
    if event_id:
        statement = statement.where(WebhookAttempt.event_id == event_id)
    return paginate(session, statement.order_by(WebhookAttempt.id.desc()), page=page, page_size=page_size)


def _due(now: datetime, healthy: bool) -> Select[tuple[WebhookQueue]]:
    statement = select(WebhookQueue).where(WebhookQueue.due_at <= now)
    if healthy:
        statement = statement.where(WebhookQueue.failures == 0)
    return statement.order_by(WebhookQueue.due_at).limit(1)


def _seen() -> Select[tuple[EventViewer]]:
    log = select(EventViewer).join(LoggedEvent, LoggedEvent.position == EventViewer.position)
    return log.where(EventViewer.tenant_id == caller().tenant_id)
