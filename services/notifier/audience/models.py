"""Users, their tenants, their preferences and their digests."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.notifier.audience.rules import MONDAY, SEND_AT, Quiet, Wishes, zone_of
from services.notifier.common.models import Base, TenantOwned
from services.notifier.topics import DEFAULTS
from services.notifier.topics.base import Cadence, Topic

OPEN = text("digest_id IS NULL")


class Tenant(Base):
    """A tenant that mail concerns. Its row is locked before its contacts or its new mails change.

    ``sequence`` is the number of the newest event about it; older ones change nothing. ``standing_sequence`` is the
    same for the events that suspend, resume and end it, so that neither kind hides an event of the other.

    Attributes:
        suspended: nothing goes out for it; what is due waits until it is resumed.
        ended_at: when we heard that it has left for good; its rows are being deleted.
    """

    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    time_zone: Mapped[str | None]
    sequence: Mapped[int] = mapped_column(default=0, server_default="0")
    suspended: Mapped[bool] = mapped_column(default=False, server_default=false())
    ended_at: Mapped[datetime | None]
    standing_sequence: Mapped[int] = mapped_column(default=0, server_default="0")

    @property
    def is_silent(self) -> bool:
        """Whether nothing goes out for it."""
        return self.suspended or self.ended_at is not None


class Contact(TenantOwned, TenantScoped, Base):
    """A copy of a user of identity. A removed user stays as a tombstone without personal data.

    ``sequence`` is the number of the newest event about this user; older ones change nothing.

    Attributes:
        active: can sign in. False while invited, and for a tombstone.
        invited: has not accepted yet, and gets nothing but the invitation.
        suspended: gets no mail until they are resumed.
        time_zone: their own; None is the tenant's.
    """

    __tablename__ = "contacts"
    __table_args__ = (Index(None, "tenant_id", "role"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    name: Mapped[str | None]
    role: Mapped[str | None]
    active: Mapped[bool]
    sequence: Mapped[int]
    invited: Mapped[bool] = mapped_column(default=False, server_default=false())
    suspended: Mapped[bool] = mapped_column(default=False, server_default=false())
    locale: Mapped[str | None]
    time_zone: Mapped[str | None]

    @property
    def is_reachable(self) -> bool:
        """Whether they get a tenant's mail."""
        return self.active and not self.suspended

    def may_get(self, topic: Topic) -> bool:
        """Whether mail of a topic may go to them: someone who is invited gets the invitation alone."""
        is_there = self.active or (self.invited and topic.before_joining)
        return is_there and not self.suspended and (not topic.roles or self.role in topic.roles)

    def join(self) -> None:
        """They have accepted their invitation."""
        self.active, self.invited = True, False

    def follow_account(self, sequence: int, **changes: Any) -> None:
        """Become what identity says of the account."""
        self.sequence = sequence
        for name, value in changes.items():
            setattr(self, name, value)


class Preferences(TenantOwned, TenantScoped, Versioned, Base):
    """What a user wants to hear of and when. Users without a row have never chosen. ``id`` is the user's.

    ``time_zone`` None is their account's, else the tenant's; local times are ``HH:MM``.
    """

    __tablename__ = "preferences"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    topics: Mapped[dict[str, Any]]
    time_zone: Mapped[str | None]
    send_at: Mapped[str]
    weekday: Mapped[int]
    quiet_from: Mapped[str | None]
    quiet_until: Mapped[str | None]
    updated_at: Mapped[datetime]

    @classmethod
    def unsaid(cls, user_id: UUID, tenant_id: UUID, now: datetime) -> "Preferences":
        """The preferences of a user who has not chosen yet."""
        return cls(
            id=user_id,
            tenant_id=tenant_id,
            topics={},
            send_at=f"{SEND_AT:%H:%M}",
            weekday=MONDAY,
            updated_at=now,
        )

    def choose(self, now: datetime, **changes: Any) -> None:
        """Change what is named, and only the topics that are named."""
        if "topics" in changes:
            self.topics = {**self.topics, **{topic: str(value) for topic, value in changes.pop("topics").items()}}
        if "quiet_hours" in changes:
            quiet = changes.pop("quiet_hours")
            self.quiet_from, self.quiet_until = (quiet["begin"], quiet["until"]) if quiet else (None, None)
        for name, value in changes.items():
            setattr(self, name, value)
        self.updated_at = now

    def wishes(self, *other_zones: str | None) -> Wishes:
        """What they want. ``other_zones`` are their account's and the tenant's."""
        quiet = None
        if self.quiet_from and self.quiet_until:
            quiet = Quiet(time.fromisoformat(self.quiet_from), time.fromisoformat(self.quiet_until))
        chosen = {topic: Cadence(self.topics[topic]) for topic in DEFAULTS if topic in self.topics}
        return Wishes(
            topics={**DEFAULTS, **chosen},
            time_zone=zone_of(self.time_zone, *other_zones),
            send_at=time.fromisoformat(self.send_at),
            weekday=self.weekday,
            quiet=quiet,
            version=self.version,
        )


class DigestItem(TenantOwned, TenantScoped, Base):
    """An entry: one event that one user hears of in a digest. It belongs to a digest, or waits for the next one.

    Attributes:
        template: of the mail that it would have been.
        due_at: when the digest is written that takes it.
        thread_id, sequence: of a message, which is dropped when the tenant has read it.
    """

    __tablename__ = "digest_items"
    __table_args__ = (
        UniqueConstraint("user_id", "event_id", "template"),
        Index("ix_digest_items_due", "due_at", sqlite_where=OPEN, postgresql_where=OPEN),
        Index(None, "digest_id"),
        Index(None, "tenant_id", "thread_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    topic: Mapped[str]
    cadence: Mapped[str]
    event_id: Mapped[UUID]
    template: Mapped[str]
    thread_id: Mapped[UUID | None]
    sequence: Mapped[int | None]
    context: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    digest_id: Mapped[UUID | None]


class Digest(TenantOwned, TenantScoped, Base):
    """The ledger: one row for each user, cadence and period, so no second digest of it can be written."""

    __tablename__ = "digests"
    __table_args__ = (UniqueConstraint("user_id", "cadence", "period_start"), Index(None, "created_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    cadence: Mapped[str]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    created_at: Mapped[datetime]


class ReadMark(Base):
    """How far a tenant has read a thread: the number of the thread's event that says so. Earlier messages are read."""

    __tablename__ = "read_marks"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    thread_id: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int]
