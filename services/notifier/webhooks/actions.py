"""Writes: setting up webhooks, pausing and resuming them, their secrets, and sending events again."""

import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.clock import rfc3339
from chassis.core.errors import Conflict, Invalid, NotFound
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.encryption import SecretBox
from chassis.http import versions
from services.notifier.audience.tenants import lock_tenant
from services.notifier.webhooks import messages, queries, rules, signing, waking
from services.notifier.webhooks.models import Webhook, WebhookMessage, WebhookQueue
from services.notifier.webhooks.rules import MessageState, Status

TEST_TYPE = "webhooks.Test.v1"


def create(
    session: Session,
    *,
    url: str,
    types: list[str],
    description: str,
    secret_box: SecretBox,
    actor: Principal,
    now: datetime,
) -> Webhook:
    """Set a webhook up for the actor's tenant; it shows its ``new_secret`` this once.

    Raises:
        Conflict: ``webhook_limit_reached``.
    """
    lock_tenant(session, actor.tenant_id)
    statement = select(func.count()).select_from(Webhook).where(Webhook.tenant_id == actor.tenant_id)
    if session.scalars(statement).one() >= rules.MAX_WEBHOOKS:
        raise Conflict(f"There are {rules.MAX_WEBHOOKS} webhooks already.", code="webhook_limit_reached")
    webhook = Webhook(id=uuid7(), tenant_id=actor.tenant_id, status=Status.ACTIVE, created_at=now)
    webhook.change(url=url, types=types, description=description, now=now)
    webhook.new_secret = signing.new_secret()
    webhook.secret = secret_box.encrypt(webhook.new_secret)
    session.add(webhook)
    session.add(WebhookQueue(webhook_id=webhook.id, tenant_id=webhook.tenant_id, failures=0))
    _audit(session, "created", webhook, actor, now)
    return webhook


def replace(
    session: Session,
    webhook_id: UUID,
    *,
    url: str,
    types: list[str],
    description: str,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Webhook:
    """Replace URL, types and description; messages that are queued already go to the new URL."""
    webhook, _ = _lock_webhook(session, webhook_id, expected)
    webhook.change(url=url, types=types, description=description, now=now)
    _audit(session, "replaced", webhook, actor, now)
    return webhook


def delete(session: Session, webhook_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime) -> None:
    """Delete a webhook; nothing more is sent to it."""
    webhook, queue = _lock_webhook(session, webhook_id, expected)
    messages.give_up_all(session, queue, now)
    _audit(session, "deleted", webhook, actor, now)
    session.delete(queue)
    session.delete(webhook)


def pause(session: Session, webhook_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime) -> Webhook:
    """Send nothing until it is resumed; events are kept for then."""
    webhook, _ = _lock_webhook(session, webhook_id, expected)
    webhook.pause(now)
    _audit(session, "paused", webhook, actor, now)
    return webhook


def resume(session: Session, webhook_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime) -> Webhook:
    """Send again, at once; earlier failures are forgotten."""
    webhook, queue = _lock_webhook(session, webhook_id, expected)
    webhook.resume(now)
    messages.go_on(session, queue, now)
    _audit(session, "resumed", webhook, actor, now)
    return webhook


def rotate_secret(
    session: Session,
    webhook_id: UUID,
    *,
    secret_box: SecretBox,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> Webhook:
    """Give a webhook a ``new_secret``; the one before it goes on signing for a day."""
    webhook, _ = _lock_webhook(session, webhook_id, expected)
    webhook.new_secret = signing.new_secret()
    webhook.rotate(secret_box.encrypt(webhook.new_secret), now)
    _audit(session, "secret_rotated", webhook, actor, now)
    return webhook


def send_test(session: Session, webhook_id: UUID, *, actor: Principal, now: datetime) -> WebhookMessage:
    """Queue a test message.

    Raises:
        Conflict: ``webhook_not_active``.
    """
    webhook, queue = _lock_webhook(session, webhook_id, None)
    _require_active(webhook)
    event_id = uuid7()
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "/services/notifier",
        "type": TEST_TYPE,
        "subject": str(event_id),
        "time": rfc3339(now),
        "datacontenttype": "application/json",
        "sequence": 1,
        "data": {"webhookId": str(webhook.id)},
    }
    messages.queue_test(session, queue, event_id, TEST_TYPE, json.dumps(envelope), now)
    return session.get_one(WebhookMessage, (webhook.id, event_id))


def redeliver_one(session: Session, webhook_id: UUID, event_id: UUID, *, now: datetime) -> int:
    """Send one event again, or for the first time, whatever the webhook's types. A message that waits goes out now.

    Raises:
        Conflict: ``webhook_not_active``.
        Invalid: the caller's log has no such event.
    """
    webhook, queue = _lock_webhook(session, webhook_id, None)
    _require_active(webhook)
    event = queries.seen(session, event_id)
    if event is None:
        raise Invalid.field("eventId", "The log has no such event.")
    message = session.get(WebhookMessage, (webhook_id, event_id))
    queue.cool_until = None
    if message is not None and message.state == MessageState.READY:
        message.next_at = now
        queue.due_by(now)
        waking.wake_after_commit(session)
        return 1
    return messages.queue_again(session, queue, [event], now=now)


def redeliver_since(
    session: Session, webhook_id: UUID, *, since: datetime, until: datetime | None, now: datetime
) -> int:
    """Send again, or for the first time, the events of a period that the webhook wants; returns how many.

    Raises:
        Conflict: ``webhook_not_active``.
        Invalid: ``range_too_large``.
    """
    webhook, queue = _lock_webhook(session, webhook_id, None)
    _require_active(webhook)
    events = queries.seen_between(
        session, since=since, until=until, types=webhook.types, limit=rules.MAX_REDELIVERED + 1
    )
    if len(events) > rules.MAX_REDELIVERED:
        message = f"More than {rules.MAX_REDELIVERED} events happened in that time; ask for a shorter one."
        raise Invalid.field("until", message, code="range_too_large")
    queue.cool_until = None
    return messages.queue_again(session, queue, events, now=now)


def _lock_webhook(session: Session, webhook_id: UUID, expected: ETags | None) -> tuple[Webhook, WebhookQueue]:
    """One of the caller's webhooks and its queue, both locked, in the version that the caller has seen.

    Raises:
        NotFound, Stale
    """
    queries.webhook(session, webhook_id)  # locks nothing of another tenant's
    pair = queries.lock_webhook(session, webhook_id)
    if pair is None:
        raise NotFound("There is no such webhook.")
    versions.require(pair[0], expected)
    return pair


def _require_active(webhook: Webhook) -> None:
    if not webhook.is_active:
        raise Conflict(f"The webhook is {webhook.status}; resume it first.", code="webhook_not_active")


def _audit(session: Session, action: str, webhook: Webhook, actor: Principal, now: datetime) -> None:
    audit.record(session, f"webhook.{action}", webhook, tenant_id=webhook.tenant_id, actor=actor, now=now)
