"""Threads and messages, how many threads a tenant has, and the newest known name of each tenant that was renamed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, MetaData, UniqueConstraint, event, or_, text
from sqlalchemy.orm import DeclarativeBase, Mapped, composite, mapped_column
from uuid_utils.compat import uuid7

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.core.text import fold
from chassis.data.base import Aggregate
from chassis.data.columns import NAMING, TYPES
from chassis.data.tenancy import TenantId, TenantScoped
from services.messaging import rules
from services.messaging.rules import Side


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


# Archived with something unread: few, and the badge leaves them out.
SUPPLIER_HIDDEN = text("supplier_archived AND supplier_unread > 0")
RETAILER_HIDDEN = text("retailer_archived AND retailer_unread > 0")


@dataclass(frozen=True)
class Standing:
    """How a thread stands with one of its sides.

    Attributes:
        unread: messages by the other side after this side's read mark (D14).
        archived: by this side.
        updated_at: when anything this side sees of the thread last changed; grows with each change.
    """

    unread: int
    archived: bool
    updated_at: datetime


class Thread(Aggregate, TenantScoped, Base):
    """A conversation between one supplier and one retailer (S0-55).

    What a list and the badge show is stored here beside the messages and changed under the row's lock, so that
    neither counts messages. The names are what the two are called now; they follow renames.
    """

    __tablename__ = "threads"
    __table_args__ = (
        Index("ix_threads_supplier", "supplier_id", "supplier_archived", "last_message_at", "id"),
        Index("ix_threads_retailer", "retailer_id", "retailer_archived", "last_message_at", "id"),
        Index("ix_threads_supplier_updated", "supplier_id", "supplier_updated_at"),
        Index("ix_threads_retailer_updated", "retailer_id", "retailer_updated_at"),
        Index(
            "ix_threads_supplier_hidden", "supplier_id", sqlite_where=SUPPLIER_HIDDEN, postgresql_where=SUPPLIER_HIDDEN
        ),
        Index(
            "ix_threads_retailer_hidden", "retailer_id", sqlite_where=RETAILER_HIDDEN, postgresql_where=RETAILER_HIDDEN
        ),
        CheckConstraint("supplier_unread >= 0 AND retailer_unread >= 0", name="unread"),
        CheckConstraint("(about_type IS NULL) = (about_id IS NULL)", name="about"),
    )

    subject: Mapped[str]
    subject_folded: Mapped[str | None]  # what a search looks into (D62)
    supplier_id: Mapped[UUID]
    supplier_name: Mapped[str]
    retailer_id: Mapped[UUID]
    retailer_name: Mapped[str]
    about_type: Mapped[str | None]
    about_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    message_count: Mapped[int]
    last_message_at: Mapped[datetime]
    last_message_preview: Mapped[str]
    waiting_for: Mapped[str]
    waiting_since: Mapped[datetime]
    retailer_has_written: Mapped[bool]
    supplier_unread: Mapped[int]
    supplier_archived: Mapped[bool]
    supplier_updated_at: Mapped[datetime]
    retailer_unread: Mapped[int]
    retailer_archived: Mapped[bool]
    retailer_updated_at: Mapped[datetime]

    supplier: Mapped[Standing] = composite("supplier_unread", "supplier_archived", "supplier_updated_at")
    retailer: Mapped[Standing] = composite("retailer_unread", "retailer_archived", "retailer_updated_at")

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        """S0-9, S0-59: its two parties."""
        return or_(cls.supplier_id == tenant_id, cls.retailer_id == tenant_id)

    @classmethod
    def start(
        cls,
        subject: str,
        *,
        supplier: tuple[UUID, str],
        retailer: tuple[UUID, str],
        about: Mapping[str, Any] | None,
        now: datetime,
    ) -> "Thread":
        """A thread that waits for the supplier's first message; the parties are ids and names."""
        before = now - rules.TICK
        return cls(
            id=uuid7(),
            subject=subject,
            supplier_id=supplier[0],
            supplier_name=supplier[1],
            retailer_id=retailer[0],
            retailer_name=retailer[1],
            about_type=about and about["type"],
            about_id=about and about["id"],
            created_at=now,
            message_count=0,
            last_message_at=before,
            last_message_preview="",
            waiting_for=Side.SUPPLIER,
            waiting_since=now,
            retailer_has_written=False,
            supplier=Standing(0, False, before),
            retailer=Standing(0, False, before),
            event_sequence=0,
        )

    @property
    def about(self) -> dict[str, Any] | None:
        return {"type": self.about_type, "id": self.about_id} if self.about_type else None

    def tenant_of(self, side: Side) -> UUID:
        return self.supplier_id if side is Side.SUPPLIER else self.retailer_id

    def standing(self, side: Side) -> Standing:
        return self.supplier if side is Side.SUPPLIER else self.retailer

    def post(self, body: str, *, by: Side, sender: Principal, now: datetime, is_system: bool = False) -> "Message":
        """A new message, the thread's newest (S0-60): unread for the other side, and the sender has read all (D14).

        If the other side had archived the thread, it is in its list again.
        """
        at = rules.strictly_after(self.last_message_at, now)
        self.message_count += 1
        self.last_message_at = at
        self.last_message_preview = rules.preview(body)
        self.retailer_has_written = self.retailer_has_written or by is Side.RETAILER
        if rules.is_answer(by, Side(self.waiting_for)):
            self.waiting_for, self.waiting_since = by.other, at
        self._stand(by, at, unread=0)
        self._stand(by.other, at, unread=self.standing(by.other).unread + 1, archived=False)
        return Message(
            id=uuid7(),
            thread_id=self.id,
            number=self.message_count,
            sender_tenant_id=self.tenant_of(by),
            recipient_tenant_id=self.tenant_of(by.other),
            sender_id=sender.user_id,
            sender_name=sender.name,
            body=body,
            is_system=is_system,
            created_at=at,
        )

    def mark_read(self, side: Side, now: datetime) -> bool:
        """Move the read mark of ``side`` behind the newest message; False where it stood there already."""
        return self._change(side, now, unread=0)

    def mark_unread(self, side: Side, now: datetime) -> None:
        """Move the read mark of ``side`` back before the newest message by the other side, unless it is there.

        Raises:
            Conflict: ``nothing_received``: the other side has written nothing yet.
        """
        if side is Side.SUPPLIER and not self.retailer_has_written:
            raise Conflict("The other party has written nothing in this thread yet.", code="nothing_received")
        self._change(side, now, unread=max(1, self.standing(side).unread))

    def archive(self, side: Side, now: datetime) -> None:
        """Archive the thread for ``side``, until the other one writes again. Its read mark stays."""
        self._change(side, now, archived=True)

    def unarchive(self, side: Side, now: datetime) -> None:
        self._change(side, now, archived=False)

    def _change(self, side: Side, now: datetime, **changes: Any) -> bool:
        """Change what differs; nothing happens, also to ``updated_at``, when nothing does."""
        standing = self.standing(side)
        if replace(standing, **changes) == standing:
            return False
        self._stand(side, now, **changes)
        return True

    def _stand(self, side: Side, now: datetime, **changes: Any) -> None:
        standing = self.standing(side)
        at = rules.strictly_after(standing.updated_at, now)
        setattr(self, side, replace(standing, updated_at=at, **changes))


class Message(TenantScoped, Base):
    """One message; never changed. ``number`` counts the messages of a thread from 1 without gaps.

    ``sender_name`` is the name of the person who wrote it, as it was then; ``sender_id`` is None where code of before
    wrote it.
    """

    __tablename__ = "messages"
    __table_args__ = (UniqueConstraint("thread_id", "number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    thread_id: Mapped[UUID] = mapped_column(ForeignKey("threads.id"))
    number: Mapped[int]
    sender_tenant_id: Mapped[UUID]
    recipient_tenant_id: Mapped[UUID]
    sender_id: Mapped[UUID | None]
    sender_name: Mapped[str]
    body: Mapped[str]
    body_folded: Mapped[str | None]  # what a search looks into (D62)
    is_system: Mapped[bool]
    created_at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        """S0-9, S0-59: the two parties of its thread."""
        return or_(cls.sender_tenant_id == tenant_id, cls.recipient_tenant_id == tenant_id)


@event.listens_for(Thread, "before_insert")
def _fold_subject(_mapper: Any, _connection: Any, thread: Thread) -> None:
    """Only now, so that the audit trail shows the subject alone; it never changes."""
    thread.subject_folded = fold(thread.subject)


@event.listens_for(Message, "before_insert")
def _fold_body(_mapper: Any, _connection: Any, message: Message) -> None:
    message.body_folded = fold(message.body)


class ThreadCount(TenantScoped, Base):
    """How many threads a tenant has, and how many of them have something unread or are archived: no list or badge
    counts threads.

    Locked after threads, a supplier's before a retailer's, as late in a transaction as can be.
    """

    __tablename__ = "thread_counts"
    __table_args__ = (
        CheckConstraint("unread BETWEEN 0 AND threads AND archived BETWEEN 0 AND threads", name="within"),
    )

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    threads: Mapped[int]
    unread: Mapped[int]
    archived: Mapped[int]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        """S0-9."""
        return cls.tenant_id == tenant_id


class TenantName(Base):
    """A tenant's name as of its event number ``sequence``; older events change nothing.

    0 is the name from prm, when the tenant first had a thread.
    """

    __tablename__ = "tenant_names"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    sequence: Mapped[int]
