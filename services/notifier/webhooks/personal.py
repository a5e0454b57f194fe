"""What this room keeps of people."""

from privacy.personal_data import PersonalData
from services.notifier.webhooks.models import WebhookAttempt, WebhookMessage

PERSONAL = (
    PersonalData(
        WebhookMessage,
        "Events on their way to webhooks (CONCORD_EVENT_LOG_DAYS).",
        texts=("body", "last_error"),
    ),
    PersonalData(WebhookAttempt, "What came of them (CONCORD_EVENT_LOG_DAYS).", texts=("error",)),
)
