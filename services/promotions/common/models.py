"""The base of every mapped class here, and what a row of one tenant is."""

from uuid import UUID

from sqlalchemy import ColumnElement, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped

from chassis.data.columns import NAMING, TYPES


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class Owned:
    """A row of one tenant, which alone sees it. Named before ``TenantScoped`` in a class' bases."""

    tenant_id: Mapped[UUID]

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id
