"""What a subscriber remembers of the events it was given: those handled, and those parked after a failure."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.database import ChassisBase

WAITING = "waiting"
DEAD = "dead"


class InboxRow(ChassisBase):
    """An event whose effect is committed; the same one again is a duplicate. Kept longer than any replay reaches."""

    __tablename__ = "inbox"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    handled_at: Mapped[datetime] = mapped_column(index=True)


class ParkedRow(ChassisBase):
    """An event whose handler failed: tried again at ``next_at`` while ``waiting``, kept with its reason once ``dead``.

    ``event_id`` is text, because what is no event of ours has no proper id.
    """

    __tablename__ = "parked"
    __table_args__ = (Index("ix_parked_due", "state", "next_at"),)

    event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(default=WAITING)
    attempts: Mapped[int] = mapped_column(default=1)
    error: Mapped[str]
    parked_at: Mapped[datetime]
    next_at: Mapped[datetime]
