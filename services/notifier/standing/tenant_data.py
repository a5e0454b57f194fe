"""What the notifier holds of tenants. It deletes that itself when a tenant ends (``services.notifier.standing``)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase

from privacy.tenant_data import TenantData
from services.notifier.audience.models import Contact, Digest, DigestItem, Preferences, ReadMark, Tenant
from services.notifier.deliveries.models import Delivery
from services.notifier.event_log.models import EventViewer, LoggedEvent
from services.notifier.webhooks.models import Webhook, WebhookAttempt, WebhookMessage, WebhookQueue

TO_OTHERS = "what other companies were sent, which names it as it was called then"


def _of_webhooks(column: Any) -> Any:
    return lambda tenant_id: column.in_(select(Webhook.id).where(Webhook.tenant_id == tenant_id))


def _of_people(column: Any) -> Any:
    return lambda tenant_id: column.in_(select(Contact.id).where(Contact.tenant_id == tenant_id))


def _of(model: type[DeclarativeBase], why: str, **more: Any) -> TenantData:
    return TenantData(model, why, steps=(), **more)


TENANT_DATA = (
    _of(
        Tenant,
        "The company here: its time zone, whether it is suspended.",
        rows=lambda tenant_id: Tenant.id == tenant_id,
        remains="that it has ended, for 30 days, so that what comes late goes, too",
    ),
    _of(Contact, "Whom mail goes to."),
    _of(Preferences, "What people want to hear of.", rows=_of_people(Preferences.id)),
    _of(Delivery, "Every mail, with its outcome.", remains=TO_OTHERS),
    _of(DigestItem, "Events in digests.", remains=TO_OTHERS),
    _of(Digest, "Digests that were written.", rows=_of_people(Digest.user_id)),
    _of(
        ReadMark,
        "How far conversations were read.",
        rows=lambda tenant_id: ReadMark.tenant_id == tenant_id,
    ),
    _of(EventViewer, "Which events it may see."),
    _of(
        LoggedEvent,
        "Those events.",
        rows=lambda tenant_id: LoggedEvent.position.in_(
            select(EventViewer.position).where(EventViewer.tenant_id == tenant_id)
        ),
        remains="events that another company sees, too, for CONCORD_EVENT_LOG_DAYS days",
    ),
    _of(Webhook, "Webhooks, without their secrets.", secret=("secret", "previous_secret")),
    _of(WebhookQueue, "How webhooks stand.", rows=_of_webhooks(WebhookQueue.webhook_id)),
    _of(
        WebhookMessage,
        "Events on their way to webhooks.",
        rows=_of_webhooks(WebhookMessage.webhook_id),
        remains=TO_OTHERS,
    ),
    _of(WebhookAttempt, "Tries to call webhooks.", rows=_of_webhooks(WebhookAttempt.webhook_id)),
)
