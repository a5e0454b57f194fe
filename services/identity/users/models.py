"""Users as they are stored."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, event
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.emails import address_key
from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.core.text import fold
from chassis.data.base import Aggregate
from chassis.data.tenancy import TenantId, TenantScoped
from contracts.roles import Role
from privacy.person import FORMER_USER, NO_ADDRESS
from services.identity.common.models import PRESENT, REMOVED, Base
from services.identity.tenants.models import Tenant
from services.identity.tenants.principals import principal_of
from services.identity.users.rules import Status

ONE_SUBJECT = Index(
    "uq_users_sso_subject", "tenant_id", "sso_subject", unique=True, sqlite_where=PRESENT, postgresql_where=PRESENT
)
ONE_ADDRESS = Index("uq_users_email_key", "email_key", unique=True, sqlite_where=PRESENT, postgresql_where=PRESENT)


class User(Aggregate, TenantScoped, Base):
    """A person who signs in, or is invited to. A removed user stays as a row, so that the trail keeps a name; the
    address is free."""

    __tablename__ = "users"
    __table_args__ = (
        ONE_ADDRESS,
        Index("ix_users_tenant_id_id", "tenant_id", "id"),
        ONE_SUBJECT,
        Index("ix_users_removed_at", "removed_at", sqlite_where=REMOVED, postgresql_where=REMOVED),
    )

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    email: Mapped[str]
    email_key: Mapped[str]
    name: Mapped[str]
    name_folded: Mapped[str | None]  # what a search looks into (D62)
    role: Mapped[str]
    password_hash: Mapped[str | None]  # None until a password is set, and where only single sign-on or a passkey opens
    locale: Mapped[str | None]
    time_zone: Mapped[str | None]
    sso_subject: Mapped[str | None]  # how the tenant's own identity provider calls the person
    external_id: Mapped[str | None]  # how the tenant's directory does (SCIM)
    earlier_addresses: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))  # encrypted digests
    network_warned_at: Mapped[datetime | None]  # when they last heard of a sign-in from somewhere unknown
    created_at: Mapped[datetime]
    invited_at: Mapped[datetime | None]  # as long as the invitation has not been accepted
    suspended_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    @property
    def may_sign_in(self) -> bool:
        return self.invited_at is None and self.suspended_at is None and self.removed_at is None

    @property
    def status(self) -> Status:
        if self.removed_at is not None:
            return Status.REMOVED
        if self.invited_at is not None:
            return Status.INVITED
        return Status.ACTIVE if self.suspended_at is None else Status.SUSPENDED

    def join(self, name: str, password_hash: str) -> None:
        """Accept the invitation."""
        if self.status != Status.INVITED:
            raise Conflict("This invitation has been accepted or withdrawn.", code="invalid_transition")
        self.name, self.password_hash, self.invited_at = name, password_hash, None

    def suspend(self, now: datetime) -> None:
        if self.status == Status.INVITED:
            raise Conflict("An invitation is withdrawn, not suspended.", code="invalid_transition")
        self.suspended_at = self.suspended_at or now

    def resume(self) -> None:
        self.suspended_at = None

    def change_profile(self, changes: Mapping[str, str | None]) -> bool:
        """Take over ``name``, ``locale`` or ``time_zone``; returns whether anything is different now."""
        before = (self.name, self.locale, self.time_zone)
        self.name = changes.get("name") or self.name
        self.locale = changes.get("locale", self.locale)
        self.time_zone = changes.get("time_zone", self.time_zone)
        return before != (self.name, self.locale, self.time_zone)

    def remove(self, now: datetime) -> None:
        """Shut the person out for good; what would open the account again is forgotten."""
        if self.removed_at is not None:
            raise Conflict("This user has been removed already.", code="invalid_transition")
        self.removed_at = now
        self.password_hash = self.sso_subject = None

    def erase(self, now: datetime) -> None:
        """Forget who a removed person was."""
        if self.removed_at is None:
            raise Conflict("Only a removed user can be erased.", code="invalid_transition")
        self.erased_at = now
        self.name, self.email, self.email_key = FORMER_USER, NO_ADDRESS, f"{self.id}:{NO_ADDRESS}"
        self.external_id = self.sso_subject = self.locale = self.time_zone = self.earlier_addresses = None

    def move_to(self, email: str, digest: str) -> None:
        """Another address; ``digest`` is what stays of the one before, until the person is erased."""
        self.email, self.email_key = email, address_key(email)
        self.earlier_addresses = [*(self.earlier_addresses or ()), digest]

    def note_network_warning(self, now: datetime, *, every: timedelta) -> bool:
        """Note that they are warned of a network now; False where they were a short while ago."""
        if self.network_warned_at is not None and now - self.network_warned_at < every:
            return False
        self.network_warned_at = now
        return True

    def fold_name(self) -> None:
        """Keep the folded name in step with the name."""
        self.name_folded = fold(self.name)

    def as_principal(self, tenant: Tenant, session_id: UUID | None = None) -> Principal:
        return principal_of(self.id, Role(self.role), self.name, tenant, session_id)


@event.listens_for(User, "before_insert")
@event.listens_for(User, "before_update")
def _fold_name(_mapper: Any, _connection: Any, user: User) -> None:
    """Only now, so that the audit trail shows the name alone."""
    user.fold_name()
