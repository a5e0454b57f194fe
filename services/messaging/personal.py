"""What this service keeps of people."""

from privacy.person import FORMER_USER
from privacy.personal_data import PersonalData
from services.messaging.models import Message, Thread

PERSONAL = (
    PersonalData(
        Message,
        "The correspondence of two companies; for as long as they are customers.",
        by_user=("sender_id",),
        letters=("body", "body_folded"),
        tenant="sender_tenant_id",
        erase={"sender_name": FORMER_USER},
    ),
    PersonalData(
        Thread,
        "The subjects of their conversations, and the beginning of the newest message.",
        letters=("subject", "subject_folded", "last_message_preview"),
        tenant="supplier_id",
    ),
)
