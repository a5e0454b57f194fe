"""Sends what is due: a message is claimed and the claim committed, then it is sent, then the outcome committed.

Any number of senders may run; nothing is locked while a receiver is waited for. A message whose sender vanished is sent
again after its lease, so each arrives at least once, always under its event's id. An endpoint is looked after by few
senders at a time, one that fails by a single one and ever more rarely, and half of the senders leave those alone: so
who does not answer holds up nobody else.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.database import Database
from chassis.process.service import Runtime, Task
from services.notifier import settings
from services.notifier.event_log import envelopes
from services.notifier.webhooks import call as webhooks_call
from services.notifier.webhooks import messages, queries, rules, signing
from services.notifier.webhooks.call import CallResult
from services.notifier.webhooks.models import Webhook, WebhookAttempt, WebhookMessage, WebhookQueue
from services.notifier.webhooks.outcomes import take_in
from services.notifier.webhooks.rules import MessageState

SENDERS = 8
POLL = 0.25  # seconds between a sender's looks for something to send
FORGOTTEN = "The event is older than the log reaches back."

outcomes = Counter("concord_webhooks_total", "Requests to webhooks by what became of them", ["outcome"])
log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A message in this sender's hand, as it was when the claim was committed."""

    webhook_id: UUID
    event_id: UUID
    url: str
    secrets: list[str]
    body: str
    attempt: int


def tasks() -> list[Task]:
    """The senders of one process; half of them serve only endpoints that have not failed lately."""
    return [
        Task(f"webhooks {number}", POLL, send_to_healthy if number <= SENDERS // 2 else send_to_any)
        for number in range(1, SENDERS + 1)
    ]


def send_to_healthy(runtime: Runtime) -> bool:
    """Send one due message of an endpoint that works; whether there was one."""
    return send_one(runtime, healthy=True)


def send_to_any(runtime: Runtime) -> bool:
    """Send one due message; whether there was one."""
    return send_one(runtime, healthy=False)


def send_one(runtime: Runtime, *, healthy: bool) -> bool:
    claim = claim_next(runtime.database, utcnow(), healthy=healthy)
    if claim is None:
        return False
    started = utcnow()
    answer = call(runtime, claim, started)
    settle(runtime.database, claim, answer, started=started, now=utcnow())
    return True


def claim_next(database: Database, now: datetime, *, healthy: bool = False) -> Claim | None:
    """Take the next due message, the claim committed; None when none is due."""
    while _is_any_due(database, now, healthy):
        with database.begin() as session:
            queue = queries.next_due(session, now, healthy=healthy)
            if queue is None:
                return None  # another sender was quicker
            webhook = session.get(Webhook, queue.webhook_id)
            claim = _claim(session, queue, webhook, now) if webhook and webhook.is_active else None
            messages.look_again(session, queue, webhook, now)
        if claim is not None:
            return claim
    return None


def call(runtime: Runtime, claim: Claim, now: datetime) -> CallResult:
    """Send a message, signed with every secret that is valid at this moment. Outside of any transaction."""
    secret_box = settings.secret_box(runtime.settings, signing.PURPOSE)
    body = body_for(claim.body, runtime.settings.public_url)
    headers = signing.headers(str(claim.event_id), body, [secret_box.decrypt(secret) for secret in claim.secrets], now)
    deadline, loopback = settings.load().webhook_timeout, settings.webhook_loopback(runtime.settings)
    return webhooks_call.post(claim.url, body.encode(), headers, deadline=deadline, loopback=loopback)


def body_for(envelope: str, public_url: str) -> str:
    """What is sent for an envelope. A large event comes without its data, and says where that is (``dataref``)."""
    told = envelopes.told(json.loads(envelope))
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) <= rules.MAX_BODY:
        return body
    del told["data"]
    told["dataref"] = f"{public_url}/api/v1/events/{told['id']}"
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def settle(database: Database, claim: Claim, answer: CallResult, *, started: datetime, now: datetime) -> None:
    """Commit what became of a message. A sender that was slower than its lease has no say any more."""
    with database.begin() as session:
        queue = queries.lock_queues(session, [claim.webhook_id]).get(claim.webhook_id)
        message = session.get(WebhookMessage, (claim.webhook_id, claim.event_id))
        if queue is None or message is None:
            return  # deleted meanwhile
        session.add(_attempt(message, claim, answer, started))
        if message.state != MessageState.SENDING or message.attempts != claim.attempt:
            log.warning("a webhook's outcome came too late", event_id=str(claim.event_id))
            return
        webhook = session.get_one(Webhook, claim.webhook_id, with_for_update=True)
        verdict = take_in(session, queue, webhook, message, answer, settings.load(), now)
        messages.look_again(session, queue, webhook, now)
    outcomes.labels(verdict).inc()


def _is_any_due(database: Database, now: datetime, healthy: bool) -> bool:
    """A look that locks nothing, so that idle senders disturb nobody."""
    with database.read() as session:
        return queries.is_any_due(session, now, healthy=healthy)


def _claim(session: Session, queue: WebhookQueue, webhook: Webhook, now: datetime) -> Claim | None:
    """Begin to send the message whose turn it is, unless as many are on their way as the endpoint is trusted with."""
    message = _whose_turn(session, queue, now)
    if message is None:
        return None
    body = queries.body_of(session, message)
    if body is None:
        message.finish(MessageState.FAILED, now)
        message.last_error = FORGOTTEN
        messages.let_the_next_go(session, message, now)
        return None
    message.begin(now, settings.load().webhook_lease)
    return Claim(webhook.id, message.event_id, webhook.url, webhook.secrets(now), body, message.attempts)


def _whose_turn(session: Session, queue: WebhookQueue, now: datetime) -> WebhookMessage | None:
    on_their_way = queries.being_sent(session, queue.webhook_id)
    lost = [message for message in on_their_way if message.next_at and message.next_at <= now]
    is_cooling = queue.cool_until is not None and queue.cool_until > now
    if is_cooling or len(on_their_way) - len(lost) >= rules.in_flight(queue.failures):
        return None
    if lost:
        return lost[0]
    ready = queries.first_ready(session, queue.webhook_id)
    return ready if ready and ready.next_at and ready.next_at <= now else None


def _attempt(message: WebhookMessage, claim: Claim, answer: CallResult, started: datetime) -> WebhookAttempt:
    return WebhookAttempt(
        id=uuid7(),
        webhook_id=message.webhook_id,
        tenant_id=message.tenant_id,
        event_id=message.event_id,
        type=message.type,
        number=claim.attempt,
        at=started,
        milliseconds=round(answer.seconds * 1000),
        status=answer.status,
        error=answer.error,
    )
