"""Sign-ins and failed tries as they are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.tenancy import TenantId, TenantScoped
from services.identity.common.models import Base

GOOD = text("outcome = 'ok'")
"""What each sign-in asks for: where a person has signed in from, and with what."""


class SignIn(TenantScoped, Base):
    """One sign-in or failed try; one for an unknown account belongs to nobody and only the operator sees it.

    Attributes:
        user_id: the person, or the API key.
        account: the address of a known account, or the API key's public half; of an unknown one nothing is stored.
        how, outcome: see ``rules``.
        network: what the address was counted as (``chassis.core.networks``).
    """

    __tablename__ = "sign_ins"
    __table_args__ = (
        Index("ix_sign_ins_tenant_id_at", "tenant_id", "at"),
        Index("ix_sign_ins_user_id_at", "user_id", "at"),
        Index("ix_sign_ins_at", "at"),
        Index("ix_sign_ins_user_id_network", "user_id", "network", sqlite_where=GOOD, postgresql_where=GOOD),
        Index("ix_sign_ins_user_id_device", "user_id", "device", sqlite_where=GOOD, postgresql_where=GOOD),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenants.id"))
    user_id: Mapped[UUID | None]
    account: Mapped[str | None]
    how: Mapped[str]
    outcome: Mapped[str]
    device: Mapped[str]
    address: Mapped[str]
    network: Mapped[str]
    at: Mapped[datetime]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id
