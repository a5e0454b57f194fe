"""Webhooks that we have disabled, for their owner. There is no event: ``webhooks.outcomes`` writes the notice."""

from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.roles import ADMINS
from services.notifier.topics.base import Notice, Topic


def disabled(
    tenant_id: UUID, *, webhook_id: UUID, receiver: str | None, description: str, reason: str, log_days: int
) -> Notice:
    context = {
        "headline": f"We have stopped sending events to {receiver or ''}",
        "receiver": receiver or "",
        "description": description,
        "reason": reason,
        "days": str(log_days),
        "webhook_id": str(webhook_id),
    }
    return Notice(uuid7(), tenant_id, context)


WEBHOOK = Topic(
    name="webhook",
    description="disabled webhooks",
    roles=ADMINS,
    subject="{headline}",
    section=list,
)
