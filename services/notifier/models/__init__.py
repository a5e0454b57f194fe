"""Whom mail may go to and what they want to hear of, every mail, the event log, and webhooks with their messages."""

from services.notifier.audience.digest_models import Digest, DigestItem, ReadMark
from services.notifier.audience.models import Contact, Preferences, Tenant
from services.notifier.common.models import Base
from services.notifier.deliveries.models import Delivery
from services.notifier.event_log.models import EventLogEnd, EventViewer, LoggedEvent
from services.notifier.outbound.models import Bounce
from services.notifier.webhooks.models import Webhook, WebhookAttempt, WebhookMessage, WebhookQueue

__all__ = [
    "Base",
    "Bounce",
    "Contact",
    "Delivery",
    "Digest",
    "DigestItem",
    "EventLogEnd",
    "EventViewer",
    "LoggedEvent",
    "Preferences",
    "ReadMark",
    "Tenant",
    "Webhook",
    "WebhookAttempt",
    "WebhookMessage",
    "WebhookQueue",
]
