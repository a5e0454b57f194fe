"""The users that mail may go to, the tenants they belong to, and what each of them wants to hear of."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantScoped
from chassis.http.versions import Versioned
from services.notifier.audience.rules import DEFAULTS, MONDAY, SEND_AT, Cadence, Wishes, zone_of
from services.notifier.common.models import Base


class Tenant(Base):
    """A tenant that mail concerns. Its row is the lock under which its contacts and its new mails meet.

    ``sequence`` is the number of the newest event about it; older ones change nothing.
    """

    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    time_zone: Mapped[str | None]
    sequence: Mapped[int] = mapped_column(default=0, server_default="0")


class Contact(TenantScoped, Base):
    """A user as identity last told of them. Somebody removed stays as a tombstone without personal data.

    ``sequence`` is the number of the newest event about this user; older ones change nothing.
    """

    __tablename__ = "contacts"
    __table_args__ = (Index(None, "tenant_id", "role"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    email: Mapped[str | None]
    name: Mapped[str | None]
    role: Mapped[str | None]
    active: Mapped[bool]
    sequence: Mapped[int]

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id


class Preferences(TenantScoped, Versioned, Base):
    """What a user wants to hear of and when; who has no row never said so. ``id`` is the user's.

    ``time_zone`` None is the tenant's; local times are ``HH:MM``.
    """

    __tablename__ = "preferences"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    topics: Mapped[dict[str, Any]]
    time_zone: Mapped[str | None]
    send_at: Mapped[str]
    weekday: Mapped[int]
    quiet_from: Mapped[str | None]
    quiet_until: Mapped[str | None]
    updated_at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    @classmethod
    def unsaid(cls, user_id: UUID, tenant_id: UUID, now: datetime) -> "Preferences":
        """Those of somebody who has not chosen yet."""
        return cls(
            id=user_id,
            tenant_id=tenant_id,
            topics={},
            send_at=f"{SEND_AT:%H:%M}",
            weekday=MONDAY,
            updated_at=now,
        )

    def choose(self, now: datetime, **changes: Any) -> None:
        """Take over what is named and keep the rest; topics too are changed one by one."""
        if "topics" in changes:
            self.topics = {**self.topics, **{topic: str(value) for topic, value in changes.pop("topics").items()}}
        if "quiet_hours" in changes:
            quiet = changes.pop("quiet_hours")
            self.quiet_from, self.quiet_until = (quiet["begin"], quiet["until"]) if quiet else (None, None)
        for name, value in changes.items():
            setattr(self, name, value)
        self.updated_at = now

    def wishes(self, tenant_zone: str | None) -> Wishes:
        quiet = None
        if self.quiet_from and self.quiet_until:
            quiet = (time.fromisoformat(self.quiet_from), time.fromisoformat(self.quiet_until))
        chosen = {topic: Cadence(self.topics[topic]) for topic in DEFAULTS if topic in self.topics}
        return Wishes(
            topics={**DEFAULTS, **chosen},
            time_zone=zone_of(self.time_zone, tenant_zone),
            send_at=time.fromisoformat(self.send_at),
            weekday=self.weekday,
            quiet=quiet,
        )
