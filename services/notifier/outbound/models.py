"""Addresses that mail came back from."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Mapped, mapped_column

from services.notifier.common.models import Base

BOUNCES = 3
"""An address that refused so many mails for good, and took none in between, gets no more of them …"""

BOUNCES_COUNT = timedelta(days=30)
"""… for so long after the last one. Then it is tried again."""


class Bounce(Base):
    """A mailbox that refused mail for good: how often since it last took a mail, and when it did so last.

    ``address`` is its ``chassis.core.emails.address_key``, which is the same for all spellings.
    """

    __tablename__ = "bounces"

    address: Mapped[str] = mapped_column(primary_key=True)
    score: Mapped[int]
    last_at: Mapped[datetime]

    def is_given_up(self, now: datetime) -> bool:
        """Whether the mailbox gets no mail at this moment."""
        return self.score >= BOUNCES and now - self.last_at < BOUNCES_COUNT
