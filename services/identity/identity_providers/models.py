"""Identity providers of tenants as they are stored."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from chassis.core.errors import Conflict
from chassis.data.tenancy import TenantId, TenantScoped
from chassis.http.versions import Versioned
from services.identity.common.models import Base


class IdentityProvider(Versioned, TenantScoped, Base):
    """A tenant's provider; it speaks for that tenant alone.

    Attributes:
        client_secret: encrypted.
        role_claim, role_mapping: the claim that decides a person's role, and the role for each of its values.
        enforced: whether the tenant's people can sign in this way only.
        worked_at: when somebody first signed in by this issuer and client; None as long as nobody has.
    """

    __tablename__ = "identity_providers"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[str]
    role_claim: Mapped[str]
    role_mapping: Mapped[dict[str, Any]]
    enforced: Mapped[bool]
    worked_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id

    @property
    def id(self) -> UUID:
        """What the audit trail calls it by: a tenant has one."""
        return self.tenant_id

    def change_client(self, issuer: str, client_id: str) -> bool:
        """Trust another issuer, or be another client of it, which has to work before it can be enforced; returns
        whether anything is different now."""
        if (issuer, client_id) == (self.issuer, self.client_id):
            return False
        self.issuer, self.client_id, self.worked_at = issuer, client_id, None
        return True

    def enforce(self, enforced: bool) -> None:
        """Make it the only way to sign in, or one beside others."""
        if enforced and self.worked_at is None:
            raise Conflict(
                "Sign in by your identity provider once before you make it the only way.", code="sso_untried"
            )
        self.enforced = enforced
