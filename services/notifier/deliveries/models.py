"""Deliveries: every mail that was, is or will be on its way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Index, UniqueConstraint, Update, text, update
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.backoff import delay_after
from chassis.core.errors import Conflict
from chassis.data.tenancy import TenantId, TenantScoped
from services.notifier.common.models import Base, TenantOwned
from services.notifier.deliveries import rules
from services.notifier.deliveries.rules import State, Trouble
from services.notifier.topics import PRIVATE
from services.notifier.topics.base import Category

# Written out, not bound: only so do both databases use the partial indexes for the statements that name them.
CLAIMABLE = text("state IN ('new', 'sending')")
UNADDRESSED = text("state = 'no_recipient'")
OF_A_THREAD = text("thread_id IS NOT NULL")

READ = "Everything in it was read before it was sent."


class Recipient(NamedTuple):
    """A user and their address at the moment."""

    user_id: UUID
    address: str | None


class Delivery(TenantOwned, TenantScoped, Base):
    """One mail to one recipient about one event, or about several messages of a thread, whose first event it names.

    Attributes:
        recipient: whom it was first meant for, a user or a tenant without users; of a copy to a former address, the
            mail that told of the change. With event and template it is a key, so no mail is written twice.
        user_id: who gets it; None while it has no recipient.
        message_id: never changes, so that mail programs recognise a copy.
        thread_id: set on a mail about messages. There is one a thread, and it gathers messages while it waits.
        queued_at: when it was queued for its present recipient.
        next_at: when a sender may take it: the next attempt of a new one, the end of the lease of one being sent. None
            while its tenant is suspended.
        attempts: how often a sender has taken it; also tells that sender's outcome from a later one's.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("event_id", "template", "recipient"),
        Index(None, "tenant_id", "id"),
        Index("ix_deliveries_claimable", "next_at", sqlite_where=CLAIMABLE, postgresql_where=CLAIMABLE),
        Index("ix_deliveries_unaddressed", "tenant_id", sqlite_where=UNADDRESSED, postgresql_where=UNADDRESSED),
        Index(None, "user_id", "state"),
        Index("ix_deliveries_thread", "thread_id", sqlite_where=OF_A_THREAD, postgresql_where=OF_A_THREAD),
        Index(None, "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    template: Mapped[str]
    category: Mapped[str]
    topic: Mapped[str]
    recipient: Mapped[UUID]
    user_id: Mapped[UUID | None]
    address: Mapped[str | None]
    context: Mapped[dict[str, Any]]
    subject: Mapped[str]
    message_id: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    thread_id: Mapped[UUID | None]
    attempts: Mapped[int]
    next_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        """Its tenant's mails, without those that concern nobody but their readers."""
        return super().visible_to(tenant_id) & cls.topic.not_in(PRIVATE)

    @classmethod
    def claim(cls, ids: Sequence[UUID], until: datetime) -> Update:
        """Claim mails, and update loaded objects. One statement: row by row it takes a third of a claim's time."""
        free = cls.state.in_([str(State.NEW), str(State.SENDING)])
        values = {"state": str(State.SENDING), "attempts": cls.attempts + 1, "next_at": until}
        return update(cls).where(cls.id.in_(ids), free).values(values)

    def fail(self, trouble: Trouble, reason: str, now: datetime) -> None:
        """It could not be handed over: it is tried again later, or has failed."""
        state = rules.state_after(trouble, Category(self.category), now - self.queued_at)
        self._move(state, State.SENDING)
        self.last_error = reason
        self.next_at = now + delay_after(self.attempts, rules.RETRY_DELAYS) if state is State.NEW else None

    def outlive_lease(self) -> None:
        """Its sender has vanished; a mail that must not come twice becomes uncertain."""
        self._move(State.UNCERTAIN, State.SENDING)
        self.next_at = None
        self.last_error = "The sender stopped while it sent the mail; it is unknown whether the mail arrived."

    def resend(self, at: datetime) -> None:
        """Send it again although it may have arrived; the time for which it is tried starts anew."""
        self._move(State.NEW, State.UNCERTAIN)
        self.queued_at = self.next_at = at
        self.last_error = None

    def forget(self) -> None:
        """Never send it again."""
        self._move(State.FORGOTTEN, State.UNCERTAIN)
        self.last_error = "It is unknown whether the mail arrived, and it was decided not to send it again."

    def lose_recipient(self, reason: str) -> None:
        """Its recipient was removed; it waits for another user of the tenant."""
        self._move(State.NO_RECIPIENT, State.NEW, State.SENDING)
        self.user_id = self.address = self.next_at = None
        self.last_error = reason

    def address_to(self, recipient: Recipient, now: datetime) -> None:
        """Give it to a user."""
        self._move(State.NEW, State.NO_RECIPIENT)
        self.user_id, self.address = recipient
        self.queued_at = self.next_at = now
        self.last_error = None

    def postpone(self, until: datetime) -> None:
        """Send it later: its recipient has quiet hours now, or the throttle limits mail to their provider."""
        if not self.attempts:
            self.queued_at = until
        self.next_at = until

    def release(self, now: datetime) -> None:
        """Give it back untried: its sender stops, or reaches no server."""
        self._move(State.NEW, State.SENDING)
        self.attempts -= 1
        self.next_at = now

    def leave_out_read(self, sequence: int) -> bool:
        """Remove the messages that came before this event of the thread; returns whether none is left."""
        unread = [message for message in self.context["messages"] if message["sequence"] > sequence]
        if not unread:
            self.suppress(READ)
        elif len(unread) < len(self.context["messages"]):
            self.context = self.context | {"messages": unread, "left_out": 0}
        return not unread

    def suppress(self, reason: str) -> None:
        """Decide not to send it, or not to repeat it after its sender has vanished."""
        self._move(State.SUPPRESSED, State.NEW, State.SENDING, State.NO_RECIPIENT)
        self.next_at = None
        self.last_error = reason

    def _move(self, target: State, *origins: State) -> None:
        if self.state not in origins:
            raise Conflict(f"A mail cannot go from {self.state} to {target}.", code="invalid_transition")
        self.state = target
