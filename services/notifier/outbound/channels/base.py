"""What a channel is: it hands letters over, each in three steps, so that a sender can work between them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime

from services.notifier.common import wording
from services.notifier.deliveries.rules import Trouble


@dataclass(frozen=True, slots=True)
class Letter:
    """A finished mail. ``at`` orders it in the development mailbox; the same mail sent again has the same."""

    sender: str
    recipient: str
    message_id: str
    at: datetime
    content: bytes


class NotTaken(Exception):
    """A letter was not handed over.

    Attributes:
        trouble: what that means for the letter.
        is_server: the server is at fault, so no other letter fares better just now.
        is_bounce: the recipient's address was refused for good.
    """

    def __init__(self, trouble: Trouble, reason: str, *, is_server: bool = False, is_bounce: bool = False) -> None:
        super().__init__(reason)
        self.is_bounce = is_bounce
        self.trouble = trouble
        self.reason = wording.one_line(reason, 500)
        self.is_server = is_server


class Channel(ABC):
    """A way that letters leave by. Each step may raise :class:`NotTaken`; then the others are left out."""

    def announce(self, letter: Letter) -> None:  # noqa: B027 - not every channel has something to announce
        """Everything before the letter could arrive, such as connecting. It may take its time."""

    @abstractmethod
    def transfer(self, letter: Letter) -> None:
        """Send the letter off. From here on it may arrive."""

    def confirm(self, letter: Letter) -> None:  # noqa: B027 - nor something to wait for
        """Wait until the receiver has said that it took the letter."""

    def close(self) -> None:  # noqa: B027 - nor something to close
        """Give back what stays open between letters."""
