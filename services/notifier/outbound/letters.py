"""A letter: a finished mail, as the renderer makes it and a channel hands it over."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """A finished mail. ``at`` orders it in the development mailbox; the same mail sent again has the same."""

    sender: str
    recipient: str
    message_id: str
    at: datetime
    content: bytes
