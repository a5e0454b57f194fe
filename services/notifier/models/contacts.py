"""The users that mail may go to, and the tenants they belong to."""

from uuid import UUID

from sqlalchemy import ColumnElement, Index
from sqlalchemy.orm import Mapped, mapped_column

from chassis.database import TenantScoped
from services.notifier.models.base import Base


class Tenant(Base):
    """A tenant that mail concerns. Its row is the lock under which its contacts and its new mails meet."""

    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column(primary_key=True)


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
