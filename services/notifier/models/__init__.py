"""Whom mail may go to and what they want to hear of, every mail, the event log, and webhooks with their messages."""

from services.notifier.models.base import Base
from services.notifier.models.bounces import Bounce
from services.notifier.models.contacts import Contact, Preferences, Tenant
from services.notifier.models.deliveries import Delivery
from services.notifier.models.digests import Digest, DigestItem, ReadMark
from services.notifier.models.event_log import EventLogEnd, EventViewer, LoggedEvent
from services.notifier.models.webhooks import Webhook, WebhookAttempt, WebhookMessage, WebhookQueue

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
