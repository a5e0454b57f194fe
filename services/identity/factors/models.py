"""Second factors as they are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantId, TenantScoped
from services.identity.common.models import Base

ONE_CREDENTIAL = UniqueConstraint("credential_id")


class TotpSecret(TenantScoped, Base):
    """What a person's authenticator makes its codes from (RFC 6238).

    Attributes:
        secret: encrypted; None until a first one is confirmed.
        confirmed_at: since when ``secret`` counts.
        last_step: the 30 seconds of the last code that was taken: no code counts twice.
        pending_secret: encrypted; replaces ``secret`` once a code of it is shown.
    """

    __tablename__ = "totp_secrets"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    secret: Mapped[str | None]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int | None]
    pending_secret: Mapped[str | None]
    pending_since: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def confirm(self, step: int, now: datetime) -> None:
        """Let the pending secret count, of which the code of ``step`` has been shown."""
        self.secret, self.confirmed_at, self.last_step = self.pending_secret, now, step
        self.pending_secret = self.pending_since = None


class RecoveryCode(TenantScoped, Base):
    """A code that replaces a lost authenticator once; known by its keyed hash only."""

    __tablename__ = "recovery_codes"
    __table_args__ = (Index("ix_recovery_codes_user_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    digest: Mapped[str]
    used_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id


class Passkey(TenantScoped, Base):
    """A public key whose private half a device of the person keeps (WebAuthn)."""

    __tablename__ = "passkeys"
    __table_args__ = (ONE_CREDENTIAL, Index("ix_passkeys_user_id", "user_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)  # 32 bits without a sign
    name: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def use(self, sign_count: int, now: datetime) -> None:
        """Remember how often its device says it has signed."""
        self.sign_count, self.last_used_at = sign_count, now


class PasskeyChallenge(Base):
    """What a device has to sign; good once, for a few minutes.

    Attributes:
        purpose: ``register``, ``sign_in`` or ``step_up``: what was signed for one is no good for another.
        user_id: whose passkey has to sign; None for a sign-in without a name.
    """

    __tablename__ = "passkey_challenges"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    user_id: Mapped[UUID | None]
    challenge: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
