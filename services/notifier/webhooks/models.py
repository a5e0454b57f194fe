"""Webhooks: where a tenant wants its events sent, how that endpoint is doing, and every message on its way there."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.backoff import delay_after
from chassis.core.errors import Conflict
from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.notifier.common.models import Base, TenantOwned
from services.notifier.webhooks import rules
from services.notifier.webhooks.rules import MessageState, Status

# Written out, not bound: only so do both databases use the partial indexes for the statements that name them.
UNFINISHED = text("state IN ('waiting', 'ready', 'sending')")
READY = text("state = 'ready'")
SENDING = text("state = 'sending'")
DUE = text("due_at IS NOT NULL")


class Webhook(TenantOwned, Versioned, TenantScoped, Base):
    """What a tenant has set up. A transaction that changes more than this row locks its :class:`WebhookQueue` first.

    Attributes:
        types: patterns of the events it wants (``rules.event_types``).
        secret: encrypted; ``previous_secret`` goes on signing beside it until ``previous_until``.
        reason: why we have disabled it.
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index(None, "tenant_id", "id"),)

    new_secret = ""  # not stored: only the request that makes a secret shows it

    id: Mapped[UUID] = mapped_column(primary_key=True)
    url: Mapped[str]
    description: Mapped[str]
    types: Mapped[list[str]]
    status: Mapped[str]
    reason: Mapped[str | None]
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]

    @property
    def is_active(self) -> bool:
        return self.status == Status.ACTIVE

    def change(self, *, url: str, types: list[str], description: str, now: datetime) -> None:
        self.url, self.types, self.description = url, types, description
        self.updated_at = now

    def pause(self, now: datetime) -> None:
        """Its owner wants nothing just now; what happens meanwhile is kept for later."""
        self._move(Status.PAUSED, Status.ACTIVE)
        self.updated_at = now

    def resume(self, now: datetime) -> None:
        """Its owner says that it works again."""
        self._move(Status.ACTIVE, Status.PAUSED, Status.DISABLED)
        self.reason = self.disabled_at = None
        self.updated_at = now

    def disable(self, reason: str, now: datetime) -> None:
        """We stop sending; only its owner can resume it."""
        self._move(Status.DISABLED, Status.ACTIVE, Status.PAUSED)
        self.reason = reason
        self.disabled_at = self.updated_at = now

    def rotate(self, secret: str, now: datetime) -> None:
        """Sign with a new secret, and for a while with the previous one, too."""
        self.previous_secret, self.previous_until = self.secret, now + rules.SECRET_OVERLAP
        self.secret = secret
        self.updated_at = now

    def secrets(self, now: datetime) -> list[str]:
        """What a message is signed with at this moment, the newest first."""
        if self.previous_secret is None or self.previous_until is None or self.previous_until <= now:
            return [self.secret]
        return [self.secret, self.previous_secret]

    def _move(self, target: Status, *origins: Status) -> None:
        if self.status not in origins:
            raise Conflict(f"A webhook cannot go from {self.status} to {target}.", code="invalid_transition")
        self.status = target


class WebhookQueue(Base):
    """The state of an endpoint. Its row is the lock under which its messages change state.

    Attributes:
        failures: attempts that failed since the last success; those that failed together, while it cools, count once.
        failing_since: the first of these.
        cool_until: before this moment nothing is sent to it.
        due_at: when a sender has to look at it; None while there is nothing to do.
    """

    __tablename__ = "webhook_queues"
    __table_args__ = (Index("ix_webhook_queues_due", "due_at", sqlite_where=DUE, postgresql_where=DUE),)

    webhook_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    failures: Mapped[int]
    failing_since: Mapped[datetime | None]
    cool_until: Mapped[datetime | None]
    due_at: Mapped[datetime | None]

    def start_afresh(self) -> None:
        """Forget the failures."""
        self.failures = 0
        self.failing_since = self.cool_until = None

    def fail(self, now: datetime) -> bool:
        """Count a failed attempt; returns whether the endpoint has taken nothing for so long that it is given up."""
        if self.cool_until is None or self.cool_until <= now:
            self.failures += 1
        self.failing_since = self.failing_since or now
        return now - self.failing_since >= rules.GIVE_UP_AFTER

    def cool(self, now: datetime, at_least: timedelta) -> datetime:
        """Send nothing for a while; returns until when."""
        until = now + max(delay_after(self.failures, rules.COOLING_DELAYS), at_least)
        self.cool_until = max(until, self.cool_until or until)
        return self.cool_until

    def due_by(self, moment: datetime) -> None:
        """A sender has something to do at this moment, or when the endpoint has cooled."""
        moment = max(moment, self.cool_until or moment)
        self.due_at = min(moment, self.due_at or moment)


class WebhookMessage(TenantOwned, TenantScoped, Base):
    """One event on its way to one webhook.

    Attributes:
        position: of its event in the log, which is also the order within its series.
        body: what is sent where the log has no such event: test messages.
        next_at: of one that is ready, when it may be sent; of one that is being sent, when its sender is given up.
        attempts: how often it was sent since it was last queued; also tells one sender's outcome from a later one's.
        tried_since: the first of these attempts.
        finished_at: when it was delivered or has failed.
    """

    __tablename__ = "webhook_messages"
    __table_args__ = (
        Index(
            "ix_webhook_messages_unfinished",
            *("webhook_id", "subject", "position"),
            sqlite_where=UNFINISHED,
            postgresql_where=UNFINISHED,
        ),
        Index("ix_webhook_messages_ready", "webhook_id", "next_at", sqlite_where=READY, postgresql_where=READY),
        Index("ix_webhook_messages_sending", "webhook_id", "next_at", sqlite_where=SENDING, postgresql_where=SENDING),
        Index(None, "webhook_id", "position"),
        Index(None, "finished_at"),
    )

    webhook_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str]
    subject: Mapped[UUID]
    body: Mapped[str | None]
    state: Mapped[str]
    attempts: Mapped[int]
    tried_since: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    queued_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    def get_ready(self, now: datetime) -> None:
        """The earlier messages of its series are finished."""
        self._move(MessageState.READY, MessageState.WAITING)
        self.next_at = now

    def begin(self, now: datetime, lease: timedelta) -> None:
        """A sender claims it, also when its first sender has vanished."""
        self._move(MessageState.SENDING, MessageState.READY, MessageState.SENDING)
        self.attempts += 1
        self.tried_since = self.tried_since or now
        self.next_at = now + lease

    def try_again(self, moment: datetime) -> None:
        self._move(MessageState.READY, MessageState.SENDING)
        self.next_at = moment

    def finish(self, state: MessageState, now: datetime) -> None:
        """It was delivered, or has failed."""
        self._move(state, MessageState.READY, MessageState.SENDING)
        self.next_at = None
        self.finished_at = now

    def is_given_up(self, now: datetime) -> bool:
        """Whether it has been tried for so long that it has failed."""
        return self.tried_since is not None and now - self.tried_since >= rules.GIVE_UP_AFTER

    def _move(self, target: MessageState, *origins: MessageState) -> None:
        if self.state not in origins:
            raise Conflict(f"A message cannot go from {self.state} to {target}.", code="invalid_transition")
        self.state = target


class WebhookAttempt(TenantOwned, TenantScoped, Base):
    """One request to an endpoint, and what came of it. Only ever added."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (Index(None, "webhook_id", "event_id", "id"), Index(None, "webhook_id", "id"), Index(None, "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID]
    event_id: Mapped[UUID]
    type: Mapped[str]
    number: Mapped[int]
    at: Mapped[datetime]
    milliseconds: Mapped[int]
    status: Mapped[int | None]
    error: Mapped[str | None]
