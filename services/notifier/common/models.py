"""What every table of this service shares."""

from uuid import UUID

from sqlalchemy import ColumnElement, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped

from chassis.data.columns import NAMING, TYPES
from chassis.data.tenancy import TenantId


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class TenantOwned:
    """For a ``TenantScoped`` class whose rows belong to one tenant each; that tenant alone sees them."""

    tenant_id: Mapped[UUID]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id
