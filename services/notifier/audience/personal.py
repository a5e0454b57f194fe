"""What this room keeps of people."""

from privacy.personal_data import PersonalData
from services.notifier.audience.models import Contact, Digest, DigestItem, Preferences

PERSONAL = (
    PersonalData(
        Contact,
        "Whom mail goes to; until the person is removed.",
        by_user=("id",),
        by_address=("email",),
        erase={
            "email": None,
            "name": None,
            "role": None,
            "locale": None,
            "time_zone": None,
            "active": False,
            "invited": False,
        },
    ),
    PersonalData(Preferences, "What a person wants to hear of; until they are removed.", by_user=("id",), delete=True),
    PersonalData(
        DigestItem,
        "Events that wait for a digest, or stand in one (CONCORD_KEEP_MAILS).",
        by_user=("user_id",),
        texts=("context",),
        delete=True,
    ),
    PersonalData(Digest, "Which digests were written (CONCORD_KEEP_MAILS).", by_user=("user_id",), delete=True),
)
