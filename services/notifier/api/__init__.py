"""The endpoints, one module a noun."""

from services.notifier.audience import api as audience_api
from services.notifier.audience import unsubscribe_api
from services.notifier.event_log import api as event_log_api
from services.notifier.outbound import api, mailbox_api
from services.notifier.webhooks import api as webhooks_api

BLUEPRINTS = (api.blp, audience_api.blp, unsubscribe_api.blp, event_log_api.blp, webhooks_api.blp, mailbox_api.blp)
