"""Writes: every message to a webhook from when its event is logged to when it was delivered or has failed.

A webhook's queue is locked first, always; webhooks in the order of their ids. Of each series (what one source tells of
one subject, D63) at most one message is ready or being sent, the one of its first unfinished event: the others wait.
The type of an event names its source, so a message needs no column for it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from chassis.data.bulk import batches, insert_ignoring
from chassis.messaging.events import Received, source_of
from services.notifier.event_log import event_types
from services.notifier.event_log.models import EventViewer
from services.notifier.event_log.queries import ends
from services.notifier.webhooks import queries, rules
from services.notifier.webhooks.models import READY, UNFINISHED, Webhook, WebhookAttempt, WebhookMessage, WebhookQueue
from services.notifier.webhooks.rules import MessageState, Status

CHUNK = 500  # rows of one INSERT
TRIM = 1000


def queue_events(session: Session, logged: Sequence[tuple[int, Received]], *, now: datetime) -> None:
    """Write a message for every webhook that wants one of these events, which come with their positions, in order.

    A fixed number of statements, however many they are.
    """
    listening = queries.listeners(session, {tenant_id for _, event in logged for tenant_id in event.tenant_ids})
    matches = [
        (webhook_id, position, event)
        for position, event in logged
        for webhook_id, (tenant_id, types) in listening.items()
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
            about = {"event_id": event.id, "position": position, "type": event.type, "subject": event.subject}
            rows.append(_row(queue, about, state, now))
            busy.add(series)
            if state is MessageState.READY:
                queue.due_by(now)
    for chunk in batches(rows, CHUNK):
        insert_ignoring(session, WebhookMessage, chunk)


def queue_test(
    session: Session, queue: WebhookQueue, event_id: UUID, event_type: str, body: str, now: datetime
) -> None:
    """Write a message that is no event; it is about nothing else, so it waits for nothing."""
    about = {"event_id": event_id, "position": 0, "type": event_type, "subject": event_id}
    insert_ignoring(session, WebhookMessage, [_row(queue, about, MessageState.READY, now) | {"body": body}])
    queue.cool_until = None
    queue.due_by(now)


def queue_again(session: Session, queue: WebhookQueue, events: Sequence[EventViewer], *, now: datetime) -> int:
    """Send events (again) that were delivered, have failed or were never queued; how many that are.

    Whatever of their series is still to be sent lines up behind them by position.
    """
    about = [{name: getattr(event, name) for name in ("event_id", "position", "type", "subject")} for event in events]
    rows = [_row(queue, one, MessageState.WAITING, now) for one in about]
    queued = 0
    for chunk in batches(rows, CHUNK):
        queued += insert_ignoring(session, WebhookMessage, chunk)
        again = update(WebhookMessage).where(
            WebhookMessage.webhook_id == queue.webhook_id,
            WebhookMessage.event_id.in_([row["event_id"] for row in chunk]),
            WebhookMessage.finished_at.is_not(None),
        )
        fresh = {"state": MessageState.WAITING, "attempts": 0, "tried_since": None, "finished_at": None}
        queued += _execute(session, again.values(fresh | {"next_at": None, "queued_at": now}))
    if queued:
        _line_up(session, queue, now)
    return queued


def let_the_next_go(session: Session, message: WebhookMessage, now: datetime) -> None:
    """A message is finished: it is the next one's turn in its series."""
    session.flush()
    head = queries.first_of(session, message.webhook_id, source_of(message.type), message.subject)
    if head is not None and head.state == MessageState.WAITING:
        head.get_ready(now)


def look_again(session: Session, queue: WebhookQueue, webhook: Webhook | None, now: datetime) -> None:
    """Note when a sender has to look at an endpoint next."""
    if webhook is None or not webhook.is_active:
        queue.due_at = None
        return
    session.flush()
    leases = [message.next_at for message in queries.being_sent(session, queue.webhook_id)]
    ready = queries.first_ready(session, queue.webhook_id)
    state = rules.Queue([lease for lease in leases if lease], ready.next_at if ready else None)
    queue.due_at = rules.look_again(state, now, failures=queue.failures, cool_until=queue.cool_until)


def give_up_all(session: Session, queue: WebhookQueue, now: datetime) -> None:
    """Nobody is there any more to send anything to."""
    rest = update(WebhookMessage).where(UNFINISHED, WebhookMessage.webhook_id == queue.webhook_id)
    gone = {"state": MessageState.FAILED, "next_at": None, "finished_at": now, "last_error": "The webhook was deleted."}
    _execute(session, rest.values(gone))


def go_on(session: Session, queue: WebhookQueue, now: datetime) -> None:
    """Send whatever is still to be sent, at once and in order; some of it may have been forgotten meanwhile."""
    waits = update(WebhookMessage).where(READY, WebhookMessage.webhook_id == queue.webhook_id)
    _execute(session, waits.values(next_at=None))
    queue.start_afresh()
    _line_up(session, queue, now)


def trim(session: Session, *, before: datetime) -> bool:
    """Forget some of the messages finished, and of the requests made, before a moment, and what a webhook that is not
    active will never get because the log has forgotten it; whether there may be more."""
    old = select(WebhookMessage.webhook_id, WebhookMessage.event_id).where(WebhookMessage.finished_at < before)
    key = tuple_(WebhookMessage.webhook_id, WebhookMessage.event_id)
    trimmed = _execute(session, delete(WebhookMessage).where(key.in_(old.limit(TRIM))))
    requests = select(WebhookAttempt.id).where(WebhookAttempt.at < before).limit(TRIM)
    trimmed = max(trimmed, _execute(session, delete(WebhookAttempt).where(WebhookAttempt.id.in_(requests))))
    return trimmed == TRIM or _forget_unsent(session)


def _forget_unsent(session: Session) -> bool:
    _, forgotten = ends(session)
    unsent = WebhookMessage.finished_at.is_(None) & WebhookMessage.position.between(1, forgotten)
    resting = select(Webhook.id).where(Webhook.status != Status.ACTIVE)
    expired = (
        select(WebhookMessage.webhook_id).where(unsent, WebhookMessage.webhook_id.in_(resting)).distinct().limit(10)
    )
    queues = queries.lock_queues(session, session.scalars(expired).all())
    still_resting = list(session.scalars(resting.where(Webhook.id.in_(queues))))
    _execute(session, delete(WebhookMessage).where(unsent, WebhookMessage.webhook_id.in_(still_resting)))
    return bool(still_resting)


def _line_up(session: Session, queue: WebhookQueue, now: datetime) -> None:
    """Let the first unfinished message of each series be the ready one, but where one is being sent."""
    mine = (WebhookMessage.webhook_id == queue.webhook_id) & (WebhookMessage.state == MessageState.READY)
    _execute(session, update(WebhookMessage).where(mine).values(state=MessageState.WAITING))
    other = aliased(WebhookMessage)
    before_it = (
        (other.webhook_id == WebhookMessage.webhook_id)
        & (other.subject == WebhookMessage.subject)
        & (queries.service_in(session, other.type) == queries.service_in(session, WebhookMessage.type))
        & other.finished_at.is_(None)
        & ((other.position < WebhookMessage.position) | (other.state == MessageState.SENDING))
    )
    first = update(WebhookMessage).where(
        WebhookMessage.webhook_id == queue.webhook_id,
        WebhookMessage.state == MessageState.WAITING,
        ~exists().where(before_it),
    )
    _execute(session, first.values(state=MessageState.READY, next_at=func.coalesce(WebhookMessage.next_at, now)))
    queue.due_by(now)


def _row(queue: WebhookQueue, about: Mapping[str, Any], state: MessageState, now: datetime) -> dict[str, Any]:
    start = {"body": None, "attempts": 0, "tried_since": None, "last_status": None, "last_error": None}
    of = {"webhook_id": queue.webhook_id, "tenant_id": queue.tenant_id}
    next_at = now if state is MessageState.READY else None
    return of | dict(about) | start | {"state": state, "next_at": next_at, "queued_at": now, "finished_at": None}


def _execute(session: Session, statement: Any) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return int(result.rowcount)  # type: ignore[attr-defined]
