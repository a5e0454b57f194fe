"""Refresh tokens and counted sign-in attempts as they are stored."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.errors import Conflict
from chassis.data.tenancy import TenantId, TenantScoped
from services.identity.common.models import Base
from services.identity.sessions.rules import Bucket

ENDED = text("ended_at IS NOT NULL")
REVOKED = text("revoked_at IS NOT NULL")


class SignedIn(TenantScoped, Base):
    """One sign-in of a person, from its start to its end; its id is the ``sid`` of its access tokens and the ``family``
    of its refresh tokens.

    Attributes:
        how: ``password``, ``passkey`` or ``sso``.
        device, address: as text, for the person to recognise it by.
        keep: whether the browser keeps it when it is closed.
        expires_at: the absolute end, however busy it is.
        proved_at: when its person last showed a password or factor (step-up), to us or their identity provider.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_user_id_id", "user_id", "id"),
        Index("ix_sessions_ended_at", "ended_at", sqlite_where=ENDED, postgresql_where=ENDED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    how: Mapped[str]
    device: Mapped[str]
    address: Mapped[str]
    keep: Mapped[bool]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)
    proved_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def is_alive(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.expires_at

    def prove(self, now: datetime) -> None:
        """Its person has shown a password or factor again (step-up)."""
        self.proved_at = now


class Revocation(Base):
    """Access tokens that the gateway must refuse although they have not ended: those of this user or sign-in that were
    issued until ``at``, written at ``noted_at``. Of a sign-in that has ended none counts, so its ``at`` is later than
    any of them."""

    __tablename__ = "revocations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    noted_at: Mapped[datetime] = mapped_column(index=True)


class RefreshToken(TenantScoped, Base):
    """One refresh token, known by its digest only. Each is good for one use; all that come from one sign-in are a
    ``family``, which is revoked as a whole when a used one comes again: it has been copied."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        Index("ix_refresh_tokens_revoked_at", "revoked_at", sqlite_where=REVOKED, postgresql_where=REVOKED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    family: Mapped[UUID] = mapped_column(index=True)
    digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def is_good(self, now: datetime) -> bool:
        return self.used_at is None and self.revoked_at is None and now < self.expires_at

    def use(self, now: datetime) -> None:
        if not self.is_good(now):
            raise Conflict("This refresh token is no longer valid.", code="invalid_transition")
        self.used_at = now


class LoginThrottle(Base):
    """Tries to sign in that have not been forgotten yet; ``key`` is a digest of what they are counted for.

    Attributes:
        window_start: since when tries are being forgotten, one after the other.
        next_at: when the next try is allowed; None at once.
        refused: whether a try was refused since the last one that was allowed.
    """

    __tablename__ = "login_throttle"

    key: Mapped[str] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    window_start: Mapped[datetime] = mapped_column(index=True)
    next_at: Mapped[datetime | None]
    refused: Mapped[bool] = mapped_column(default=False, server_default=false())

    def forget(self, bucket: Bucket, now: datetime) -> None:
        """Forget the tries whose time has passed."""
        self.attempts, self.window_start = bucket.remaining(self.attempts, self.window_start, now)

    def wait(self, now: datetime) -> timedelta:
        """How long until the next try is allowed; zero at once."""
        return max(timedelta(), self.next_at - now) if self.next_at else timedelta()

    def count(self, bucket: Bucket, now: datetime) -> None:
        """Count a try that is allowed."""
        self.forget(bucket, now)
        self.attempts += 1
        self.refused = False
        pause = bucket.pause(self.attempts)
        self.next_at = now + pause if pause else None

    def take_off(self, *, all_of_them: bool) -> None:
        """Count a try, or all of them, no more: the password was right."""
        self.attempts = 0 if all_of_them else max(0, self.attempts - 1)
        self.next_at = None
