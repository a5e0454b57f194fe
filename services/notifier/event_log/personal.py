"""What this room keeps of people."""

from privacy.personal_data import PersonalData
from services.notifier.event_log.models import LoggedEvent

PERSONAL = (
    PersonalData(LoggedEvent, "What happened, for systems to catch up (CONCORD_EVENT_LOG_DAYS).", texts=("body",)),
)
