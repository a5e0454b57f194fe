"""What a subscriber remembers: events handled, events parked after a failure, and where it stands in each subject.

``consumer`` is the subscriber's name everywhere: several of one service share these tables and nothing else.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.database import ChassisBase

WAITING = "waiting"
DEAD = "dead"


class InboxRow(ChassisBase):
    """An event whose effect is committed; the same one again is a duplicate. Kept longer than any replay reaches."""

    __tablename__ = "inbox"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    handled_at: Mapped[datetime] = mapped_column(index=True)


class ParkedRow(ChassisBase):
    """An event whose handler failed: tried again at ``next_at`` while ``waiting``, kept with its reason once ``dead``.

    ``event_id`` is text, because what is no event of ours has no proper id, nor a subject and a sequence. A ``forced``
    one is handled whatever inbox and gate say, because an operator wants it so.
    """

    __tablename__ = "parked"
    __table_args__ = (Index("ix_parked_due", "state", "next_at"),)

    consumer: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    subject: Mapped[UUID | None]
    sequence: Mapped[int | None]
    body: Mapped[str]
    state: Mapped[str] = mapped_column(default=WAITING)
    attempts: Mapped[int] = mapped_column(default=1)
    error: Mapped[str]
    forced: Mapped[bool] = mapped_column(default=False, server_default="false")
    parked_at: Mapped[datetime]
    next_at: Mapped[datetime]


class CursorRow(ChassisBase):
    """How far an ordered subscriber is with one subject: everything from ``first`` to ``last`` has been its turn.

    Both are null while nobody can say yet where it begins. Kept for ever: a subject may speak again after years.
    """

    __tablename__ = "inbox_cursor"

    consumer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    first: Mapped[int | None]
    last: Mapped[int | None]


class AheadRow(ChassisBase):
    """An event that reached an ordered subscriber before its predecessor; it waits here for its turn."""

    __tablename__ = "inbox_ahead"
    __table_args__ = (Index("ix_inbox_ahead_since", "consumer", "since"),)

    consumer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    type: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
