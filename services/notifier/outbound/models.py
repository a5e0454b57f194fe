"""Addresses that mail came back from."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from services.notifier.common.models import Base
from services.notifier.outbound import rules


class Bounce(Base):
    """A mailbox that refused mail for good, how often since it last took any, and when it did so last.

    ``address`` is its ``chassis.core.emails.address_key``: however it is spelled, it is the same one.
    """

    __tablename__ = "bounces"

    address: Mapped[str] = mapped_column(primary_key=True)
    score: Mapped[int]
    last_at: Mapped[datetime]

    def is_given_up(self, now: datetime) -> bool:
        return rules.is_given_up(self.score, now - self.last_at)
