"""The endpoints, one module a noun."""

from services.notifier.api import deliveries, event_log, mailbox, preferences, unsubscribe, webhooks

BLUEPRINTS = (deliveries.blp, preferences.blp, unsubscribe.blp, event_log.blp, webhooks.blp, mailbox.blp)
