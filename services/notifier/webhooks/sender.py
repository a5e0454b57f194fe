"""Sends due messages: a sender commits its claims, sends, and then commits the outcomes.

Any number of senders may run; no lock is held while a sender waits for a receiver. A message whose sender vanished is
sent again after its lease, so each arrives at least once, always under its event's id. Few senders serve one endpoint
at a time; one that fails is served by a single sender, ever more rarely, and half of the senders skip such endpoints.
So a receiver that does not answer holds up no other.

Idle senders wait for the bell of their process (``waking``): one thread looks for all of them.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.database import Database
from chassis.process.service import Runtime, Task
from services.notifier import settings
from services.notifier.audience.tenants import is_silent
from services.notifier.event_log import envelopes
from services.notifier.webhooks import call as webhooks_call
from services.notifier.webhooks import messages, queries, rules, signing, waking
from services.notifier.webhooks.call import CallResult
from services.notifier.webhooks.models import Webhook, WebhookAttempt, WebhookMessage, WebhookQueue
from services.notifier.webhooks.outcomes import apply_result
from services.notifier.webhooks.rules import MessageState

SENDERS = 8
# Seconds between looks for something to send, by one thread of a process, which wakes the senders: where other
# processes queue it, and where ours does, whose commits wake them at once.
LOOK, SELDOM = 0.1, 0.5
UNWOKEN = 30.0  # seconds after which a sender looks without being woken
FORGOTTEN = "The event is older than the log reaches back."

outcomes = Counter("concord_webhooks_total", "Requests to webhooks by outcome", ["outcome"])
log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that one sender is to send, as it was when the claim was committed."""

    webhook_id: UUID
    event_id: UUID
    url: str
    secrets: list[str]
    body: str
    attempt: int


def tasks() -> list[Task]:
    """The senders of one process, and the task that wakes them; half of them serve only endpoints that have not failed
    lately."""
    senders = [
        Task(f"webhooks {number}", UNWOKEN, partial(send_some, healthy=number <= SENDERS // 2), bell=waking.bell_of)
        for number in range(1, SENDERS + 1)
    ]
    return [*senders, Task("due webhooks", LOOK, wake_senders, seldom=SELDOM)]


def wake_senders(runtime: Runtime) -> None:
    """Wake the idle senders of this process when an endpoint is due. Their own looks would cost eight times as much."""
    with runtime.database.read() as session:
        is_due = queries.is_any_due(session, utcnow(), healthy=False)
    if is_due:
        waking.bell_of(runtime).ring()


def send_some(runtime: Runtime, *, healthy: bool, most: int = rules.IN_FLIGHT) -> bool:
    """Send what is due at one endpoint, with ``healthy`` at one that has not failed lately; whether there was any."""
    claims = claim_due(runtime.database, utcnow(), healthy=healthy, most=most)
    if not claims:
        return False
    started = utcnow()
    with ThreadPoolExecutor(len(claims)) as calls:
        results = list(calls.map(lambda claim: call(runtime, claim, started), claims))
    settle(runtime.database, claims, results, started=started, now=utcnow())
    return True


def claim_due(database: Database, now: datetime, *, healthy: bool = False, most: int = rules.IN_FLIGHT) -> list[Claim]:
    """Claim the due messages of one endpoint and commit that; none when none is due.

    They are claimed and settled together, because each time the endpoint's queue is locked.
    """
    while True:
        with database.read() as session:
            if not queries.is_any_due(session, now, healthy=healthy):
                return []
        with database.begin() as session:
            queue = queries.next_due(session, now, healthy=healthy)
            if queue is None:
                return []  # another sender was quicker
            webhook = session.get(Webhook, queue.webhook_id)
            if is_silent(session, queue.tenant_id):
                queue.due_at = None  # until the tenant is resumed, or another event is queued
                continue
            claims = _claim(session, queue, webhook, now, most) if webhook and webhook.is_active else []
            messages.reschedule(session, queue, webhook, now)
        if claims:
            return claims


def call(runtime: Runtime, claim: Claim, now: datetime) -> CallResult:
    """Send a message, signed with every secret that is valid at this moment. Outside of any transaction."""
    own = settings.of(runtime.settings)
    secret_box = own.secret_box(signing.PURPOSE)
    body = body_for(claim.body, own.public_url)
    headers = signing.headers(str(claim.event_id), body, [secret_box.decrypt(secret) for secret in claim.secrets], now)
    deadline, loopback = own.webhook_timeout, own.webhook_loopback
    return webhooks_call.post(claim.url, body.encode(), headers, deadline=deadline, loopback=loopback)


def body_for(envelope: str, public_url: str) -> str:
    """The body that is sent for an envelope. A large event comes without its data, and says where that is
    (``dataref``)."""
    event = envelopes.public(json.loads(envelope))
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) <= rules.MAX_BODY:
        return body
    del event["data"]
    event["dataref"] = f"{public_url}/api/v1/events/{event['id']}"
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def settle(
    database: Database, claims: Sequence[Claim], results: Sequence[CallResult], *, started: datetime, now: datetime
) -> None:
    """Commit the outcomes of messages of one endpoint, except of those whose lease has ended meanwhile."""
    webhook_id = claims[0].webhook_id
    verdicts = []
    with database.begin() as session:
        pair = queries.lock_webhook(session, webhook_id)
        if pair is None:
            return  # deleted meanwhile
        webhook, queue = pair
        messages_sent = queries.messages_of(session, webhook_id, [claim.event_id for claim in claims])
        for claim, result in zip(claims, results, strict=True):
            message = messages_sent.get(claim.event_id)
            if message is None:
                continue
            session.add(_attempt(message, claim, result, started))
            if message.state != MessageState.SENDING or message.attempts != claim.attempt:
                log.warning("a webhook's outcome came too late", event_id=str(claim.event_id))
                continue
            verdicts.append(apply_result(session, queue, webhook, message, result, now))
        messages.reschedule(session, queue, webhook, now)
    for verdict in verdicts:
        outcomes.labels(verdict).inc()


def _claim(session: Session, queue: WebhookQueue, webhook: Webhook, now: datetime, most: int) -> list[Claim]:
    """Begin to send the messages whose turn it is, no more than the endpoint is trusted with."""
    messages_due = _whose_turn(session, queue, now, most)
    bodies = queries.bodies_of(session, messages_due)
    claims = []
    for message in messages_due:
        body = bodies.get(message.event_id)
        if body is None:
            message.finish(MessageState.FAILED, now)
            message.last_error = FORGOTTEN
            messages.release_next(session, message, now)
            continue
        message.begin(now, settings.of(settings.process_of(session)).webhook_lease)
        secrets = webhook.secrets(now)
        claims.append(Claim(webhook.id, message.event_id, webhook.url, secrets, body, message.attempts))
    return claims


def _whose_turn(session: Session, queue: WebhookQueue, now: datetime, most: int) -> list[WebhookMessage]:
    if queue.cool_until is not None and queue.cool_until > now:
        return []
    in_flight = queries.being_sent(session, queue.webhook_id)
    lost = [message for message in in_flight if message.next_at and message.next_at <= now]
    free = min(most, rules.in_flight(queue.failures) - len(in_flight) + len(lost))
    if free <= 0:
        return []
    ready = queries.ready(session, queue.webhook_id, limit=free)
    return [*lost, *(message for message in ready if message.next_at and message.next_at <= now)][:free]


def _attempt(message: WebhookMessage, claim: Claim, result: CallResult, started: datetime) -> WebhookAttempt:
    return WebhookAttempt(
        id=uuid7(),
        webhook_id=message.webhook_id,
        tenant_id=message.tenant_id,
        event_id=message.event_id,
        type=message.type,
        number=claim.attempt,
        at=started,
        milliseconds=round(result.seconds * 1000),
        status=result.status,
        error=result.error,
    )
