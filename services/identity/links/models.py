"""Links and asked-for resets as they are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.clock import CLOCKS_APART
from chassis.core.errors import Conflict
from chassis.data.tenancy import TenantId, TenantScoped
from services.identity.common.models import Base


class Link(TenantScoped, Base):
    """A link that is good once. What it carries is known by its digest only; it is made anew from the id and identity's
    secret whenever the notifier asks for it, so no event, mail queue or table holds it.

    Attributes:
        purpose: ``reset`` or ``invitation``.
    """

    __tablename__ = "links"
    __table_args__ = (Index("ix_links_user_id", "user_id"), Index("ix_links_expires_at", "expires_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    purpose: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    def is_good(self, now: datetime) -> bool:
        return self.used_at is None and now < self.expires_at

    def use(self, now: datetime) -> None:
        if not self.is_good(now):
            raise Conflict("This link is no longer valid.", code="invalid_transition")
        self.used_at = now

    def replace(self, now: datetime) -> None:
        """A newer link has taken its place, by whichever clock."""
        self.expires_at = min(self.expires_at, now - CLOCKS_APART)


class AskedReset(Base):
    """Somebody has asked for a reset; whether there is such an account is looked up later, so that the answer takes as
    long for an unknown one."""

    __tablename__ = "asked_resets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    address: Mapped[str]
    asked_at: Mapped[datetime]
