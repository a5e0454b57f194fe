"""Writes: the messages of webhooks, from when their events are logged until they are delivered or have failed.

A webhook's queue is always locked first, webhooks in the order of their ids. Of each series (the events of one source
about one subject, D63) at most one message is ready or being sent: that of its first unfinished event. The others wait.
The type of an event names its source, so a message has no column for it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from chassis.data.bulk import batches, execute_counted, insert_ignoring
from chassis.messaging.events import Received, source_of
from services.notifier.event_log import event_types
from services.notifier.event_log.models import EventViewer
from services.notifier.event_log.queries import ends
from services.notifier.webhooks import queries, rules, waking
from services.notifier.webhooks.models import READY, UNFINISHED, Webhook, WebhookAttempt, WebhookMessage, WebhookQueue
from services.notifier.webhooks.rules import MessageState, Status

CHUNK = 500  # rows of one INSERT
TRIM = 1000
AT_ONCE = 20  # webhooks of an ended tenant


def queue_events(session: Session, logged: Sequence[tuple[int, Received]], *, now: datetime) -> None:
    """Write a message for every webhook that wants one of these events, which come with their positions, in order.

    The number of statements does not depend on the number of events.
    """
    listeners = queries.listeners(session, {tenant_id for _, event in logged for tenant_id in event.tenant_ids})
    matches = [
        (webhook_id, position, event)
        for position, event in logged
        for webhook_id, (tenant_id, types) in listeners.items()
        if tenant_id in event.tenant_ids and event_types.matches_any(event.type, types)
    ]
    queues = queries.lock_queues(session, {webhook_id for webhook_id, _, _ in matches}) if matches else {}
    if not queues:
        return
    busy = queries.busy(session, queues, {event.subject for _, _, event in matches})
    rows = []
    for webhook_id, position, event in matches:
        if queue := queues.get(webhook_id):
            series = (webhook_id, event.source, event.subject)
            state = MessageState.WAITING if series in busy else MessageState.READY
            columns = {"event_id": event.id, "position": position, "type": event.type, "subject": event.subject}
            rows.append(_row(queue, columns, state, now))
            busy.add(series)
            if state is MessageState.READY:
                queue.due_by(now)
    waking.wake_after_commit(session)
    for chunk in batches(rows, CHUNK):
        insert_ignoring(session, WebhookMessage, chunk)


def queue_test(
    session: Session, queue: WebhookQueue, event_id: UUID, event_type: str, body: str, now: datetime
) -> None:
    """Write a message that is no event; its subject is its own, so it waits for no other message."""
    columns = {"event_id": event_id, "position": 0, "type": event_type, "subject": event_id}
    insert_ignoring(session, WebhookMessage, [_row(queue, columns, MessageState.READY, now) | {"body": body}])
    queue.cool_until = None
    queue.due_by(now)
    waking.wake_after_commit(session)


def queue_again(session: Session, queue: WebhookQueue, events: Sequence[EventViewer], *, now: datetime) -> int:
    """Queue events that were delivered, have failed or were never queued; returns how many.

    Unsent messages of the same series follow them by position.
    """
    columns = ("event_id", "position", "type", "subject")
    rows = [
        _row(queue, {name: getattr(event, name) for name in columns}, MessageState.WAITING, now) for event in events
    ]
    queued = 0
    for chunk in batches(rows, CHUNK):
        queued += insert_ignoring(session, WebhookMessage, chunk)
        finished = update(WebhookMessage).where(
            WebhookMessage.webhook_id == queue.webhook_id,
            WebhookMessage.event_id.in_([row["event_id"] for row in chunk]),
            WebhookMessage.finished_at.is_not(None),
        )
        values = {"state": MessageState.WAITING, "attempts": 0, "tried_since": None, "finished_at": None}
        queued += execute_counted(session, finished.values(values | {"next_at": None, "queued_at": now}))
    if queued:
        _line_up(session, queue, now)
    return queued


def release_next(session: Session, message: WebhookMessage, now: datetime) -> None:
    """Make the next message of the series ready, because this one is finished."""
    session.flush()
    head = queries.first_of(session, message.webhook_id, source_of(message.type), message.subject)
    if head is not None and head.state == MessageState.WAITING:
        head.get_ready(now)


def reschedule(session: Session, queue: WebhookQueue, webhook: Webhook | None, now: datetime) -> None:
    """Set when a sender has to look at an endpoint next."""
    if webhook is None or not webhook.is_active:
        queue.due_at = None
        return
    session.flush()
    leases = [message.next_at for message in queries.being_sent(session, queue.webhook_id) if message.next_at]
    next_ready = next((message.next_at for message in queries.ready(session, queue.webhook_id, limit=1)), None)
    queue.due_at = rules.due_at(leases, next_ready, now, failures=queue.failures, cool_until=queue.cool_until)


def give_up_all(session: Session, queue: WebhookQueue, now: datetime) -> None:
    """Fail what is still to be sent: the webhook is being deleted."""
    unfinished = update(WebhookMessage).where(UNFINISHED, WebhookMessage.webhook_id == queue.webhook_id)
    reason = "The webhook was deleted."
    failed = unfinished.values(state=MessageState.FAILED, next_at=None, finished_at=now, last_error=reason)
    execute_counted(session, failed)


def go_on(session: Session, queue: WebhookQueue, now: datetime) -> None:
    """Send what is still to be sent, at once and in order; the log may have forgotten some of it meanwhile."""
    waits = update(WebhookMessage).where(READY, WebhookMessage.webhook_id == queue.webhook_id)
    execute_counted(session, waits.values(next_at=None))
    queue.start_afresh()
    _line_up(session, queue, now)


def go_on_after_suspension(session: Session, tenant_id: UUID, now: datetime) -> None:
    """Send what waited while a tenant was suspended, in order; the time for which it is tried starts anew."""
    queues = queries.lock_queues(session, queries.active_of(session, tenant_id))
    for queue in queues.values():
        unfinished = update(WebhookMessage).where(UNFINISHED, WebhookMessage.webhook_id == queue.webhook_id)
        execute_counted(session, unfinished.values(tried_since=None))
        go_on(session, queue, now)


def delete_some(session: Session, tenant_id: UUID) -> bool:
    """Delete some of the webhooks of a tenant that has ended, and their messages; returns whether there may be more."""
    for webhook_id in queries.lock_queues(session, queries.webhooks_of(session, tenant_id, limit=AT_ONCE)):
        key = tuple_(WebhookMessage.webhook_id, WebhookMessage.event_id)
        messages = select(WebhookMessage.webhook_id, WebhookMessage.event_id)
        messages = messages.where(WebhookMessage.webhook_id == webhook_id).limit(TRIM)
        requests = select(WebhookAttempt.id).where(WebhookAttempt.webhook_id == webhook_id).limit(TRIM)
        deleted = execute_counted(session, delete(WebhookMessage).where(key.in_(messages)))
        deleted += execute_counted(session, delete(WebhookAttempt).where(WebhookAttempt.id.in_(requests)))
        if deleted:
            return True
        execute_counted(session, delete(WebhookQueue).where(WebhookQueue.webhook_id == webhook_id))
        execute_counted(session, delete(Webhook).where(Webhook.id == webhook_id))
    return bool(queries.webhooks_of(session, tenant_id, limit=1))


def trim(session: Session, *, before: datetime) -> bool:
    """Delete some old messages, old requests, and messages of inactive webhooks whose events the log has forgotten;
    returns whether there may be more."""
    finished = select(WebhookMessage.webhook_id, WebhookMessage.event_id).where(WebhookMessage.finished_at < before)
    key = tuple_(WebhookMessage.webhook_id, WebhookMessage.event_id)
    trimmed = execute_counted(session, delete(WebhookMessage).where(key.in_(finished.limit(TRIM))))
    requests = select(WebhookAttempt.id).where(WebhookAttempt.at < before).limit(TRIM)
    trimmed = max(trimmed, execute_counted(session, delete(WebhookAttempt).where(WebhookAttempt.id.in_(requests))))
    return trimmed == TRIM or _forget_unsent(session)


def _forget_unsent(session: Session) -> bool:
    _, trimmed = ends(session)
    is_forgotten = WebhookMessage.finished_at.is_(None) & WebhookMessage.position.between(1, trimmed)
    inactive = select(Webhook.id).where(Webhook.status != Status.ACTIVE)
    webhook_ids = (
        select(WebhookMessage.webhook_id)
        .where(is_forgotten, WebhookMessage.webhook_id.in_(inactive))
        .distinct()
        .limit(10)
    )
    queues = queries.lock_queues(session, session.scalars(webhook_ids).all())
    still_inactive = list(session.scalars(inactive.where(Webhook.id.in_(queues))))
    execute_counted(session, delete(WebhookMessage).where(is_forgotten, WebhookMessage.webhook_id.in_(still_inactive)))
    return bool(still_inactive)


def _line_up(session: Session, queue: WebhookQueue, now: datetime) -> None:
    """Make the first unfinished message of each series ready, unless one is being sent."""
    ready = (WebhookMessage.webhook_id == queue.webhook_id) & (WebhookMessage.state == MessageState.READY)
    execute_counted(session, update(WebhookMessage).where(ready).values(state=MessageState.WAITING))
    earlier = aliased(WebhookMessage)
    before_it = (
        (earlier.webhook_id == WebhookMessage.webhook_id)
        & (earlier.subject == WebhookMessage.subject)
        & (queries.service_in(session, earlier.type) == queries.service_in(session, WebhookMessage.type))
        & earlier.finished_at.is_(None)
        & ((earlier.position < WebhookMessage.position) | (earlier.state == MessageState.SENDING))
    )
    first = update(WebhookMessage).where(
        WebhookMessage.webhook_id == queue.webhook_id,
        WebhookMessage.state == MessageState.WAITING,
        ~exists().where(before_it),
    )
    execute_counted(session, first.values(state=MessageState.READY, next_at=func.coalesce(WebhookMessage.next_at, now)))
    queue.due_by(now)
    waking.wake_after_commit(session)


def _row(queue: WebhookQueue, columns: Mapping[str, Any], state: MessageState, now: datetime) -> dict[str, Any]:
    start = {"body": None, "attempts": 0, "tried_since": None, "last_status": None, "last_error": None}
    keys = {"webhook_id": queue.webhook_id, "tenant_id": queue.tenant_id}
    next_at = now if state is MessageState.READY else None
    return keys | dict(columns) | start | {"state": state, "next_at": next_at, "queued_at": now, "finished_at": None}
