"""The endpoints, one module a noun."""

from services.notifier.api import deliveries, mailbox

BLUEPRINTS = (deliveries.blp, mailbox.blp)
