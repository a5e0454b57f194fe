"""The endpoints, one module a noun."""

from services.notifier.api import deliveries, event_log, mailbox, preferences, unsubscribe

BLUEPRINTS = (deliveries.blp, preferences.blp, unsubscribe.blp, event_log.blp, mailbox.blp)
