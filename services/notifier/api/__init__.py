"""The endpoints, one module a noun."""

from services.notifier.api import deliveries, event_log, mailbox

BLUEPRINTS = (deliveries.blp, event_log.blp, mailbox.blp)
