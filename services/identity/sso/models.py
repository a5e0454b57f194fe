"""Identity providers of tenants and sign-ins under way as they are stored."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantId, TenantScoped
from chassis.http.versions import Versioned
from services.identity.common.models import Base


class IdentityProvider(Versioned, TenantScoped, Base):
    """A tenant's provider; it speaks for that tenant alone.

    Attributes:
        client_secret: encrypted.
        role_claim, role_mapping: the claim that decides a person's role, and the role for each of its values.
        enforced: whether the tenant's people can sign in this way only.
    """

    __tablename__ = "identity_providers"

    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[str]
    role_claim: Mapped[str]
    role_mapping: Mapped[dict[str, Any]]
    enforced: Mapped[bool]
    updated_at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id


class SsoAttempt(Base):
    """A sign-in that has gone to the provider and not come back; good once, for ten minutes.

    Attributes:
        state: digest of the ``state`` that the provider gives back.
        browser: digest of what a cookie of the same browser must hold.
        nonce, verifier: encrypted.
        next: the path of ours that the person wanted.
    """

    __tablename__ = "sso_attempts"

    state: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    browser: Mapped[str]
    nonce: Mapped[str]
    verifier: Mapped[str]
    next: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
