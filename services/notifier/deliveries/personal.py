"""What this room keeps of people."""

from collections.abc import Mapping
from typing import Any

from privacy.person import FORMER_USER
from privacy.personal_data import PersonalData
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import State


def _state(row: Mapping[str, Any]) -> Any:
    """A mail to somebody who is gone is not sent any more."""
    return State.SUPPRESSED.value if row["state"] in (State.NEW, State.SENDING) else row["state"]


PERSONAL = (
    PersonalData(
        Delivery,
        "What was sent to whom, with what outcome (CONCORD_KEEP_MAILS).",
        by_user=("user_id",),
        by_address=("address",),
        texts=("context", "last_error"),
        erase={"address": None, "subject": f"To a {FORMER_USER}", "state": _state, "next_at": None},
    ),
)
