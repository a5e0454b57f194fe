"""Writes: what a receiver's answer means for its message, its endpoint and the webhook's owner."""

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from chassis.core.backoff import delay_after
from chassis.core.principal import Principal
from chassis.data import audit
from services.notifier import settings
from services.notifier.audience.notices import notify
from services.notifier.topics import webhooks as topic
from services.notifier.webhooks import rules
from services.notifier.webhooks.call import CallResult
from services.notifier.webhooks.messages import release_next
from services.notifier.webhooks.models import Webhook, WebhookMessage, WebhookQueue
from services.notifier.webhooks.rules import MessageState, Status, Verdict

GONE = "The receiver answered 410 Gone."
NOTHING_TAKEN = "The receiver has taken nothing for three days."


def apply_result(
    session: Session,
    queue: WebhookQueue,
    webhook: Webhook,
    message: WebhookMessage,
    result: CallResult,
    now: datetime,
) -> Verdict:
    """Apply the result of a call; queue and webhook are locked."""
    verdict = rules.verdict(result.status)
    message.last_status, message.last_error = result.status, result.error
    if verdict is Verdict.TAKEN:
        queue.start_afresh()
        message.finish(MessageState.DELIVERED, now)
        release_next(session, message, now)
        return verdict
    is_given_up = queue.fail(now)
    if verdict is Verdict.GONE:
        message.try_again(now)
        _disable(session, webhook, GONE, now)
        return verdict
    retry_after = rules.retry_after(result.retry_after, now)
    if verdict is Verdict.REFUSED:
        next_attempt = now + max(delay_after(message.attempts, rules.RETRY_DELAYS), retry_after)
    else:
        next_attempt = queue.cool(now, retry_after)
    if message.is_given_up(now):
        message.finish(MessageState.FAILED, now)
        release_next(session, message, now)
    else:
        message.try_again(next_attempt)
    if is_given_up:
        _disable(session, webhook, NOTHING_TAKEN, now)
    return verdict


def _disable(session: Session, webhook: Webhook, reason: str, now: datetime) -> None:
    """Stop sending, and write to the owner, once."""
    if webhook.status == Status.DISABLED:
        return
    webhook.disable(reason, now)
    system = Principal.system("notifier")
    audit.record(session, "webhook.disabled", webhook, tenant_id=webhook.tenant_id, actor=system, now=now)
    # The URL may hold a secret of the receiver's; its host is enough to recognise it.
    notice = topic.disabled(
        webhook.tenant_id,
        webhook_id=webhook.id,
        receiver=urlsplit(webhook.url).hostname,
        description=webhook.description,
        reason=reason,
        log_days=settings.of(settings.process_of(session)).event_log_days,
    )
    notify(session, topic.WEBHOOK, [notice], now=now)
