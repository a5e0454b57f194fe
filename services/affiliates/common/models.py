"""What all mapped classes of this service share."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Date, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from chassis.data.columns import NAMING, TYPES
from chassis.data.tenancy import TenantScoped
from services.affiliates.common.terms import Terms


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES | {date: Date, list[dict[str, Any]]: JSON}


class OfMerchant:
    """A row that belongs to one merchant and is seen by it alone (S2-22). Goes with :class:`TenantScoped`."""

    merchant_id: Mapped[UUID] = mapped_column(sort_order=-1)

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        return cls.merchant_id == tenant_id


class HasTerms:
    """A level at which a commission can be defined; type and value are set together or not at all (S2-14)."""

    commission_type: Mapped[str | None] = mapped_column(sort_order=50)
    commission_value: Mapped[str | None] = mapped_column(sort_order=51)  # as it was written: "12" stays "12"

    @property
    def terms(self) -> Terms | None:
        return Terms.of(self.commission_type, self.commission_value, self.terms_currency)

    @property
    def terms_currency(self) -> str | None:
        """The currency of a FIXED commission (D9); none where the merchant's holds."""
        raise NotImplementedError


def changes(mapped: Any, wanted: Mapping[str, Any]) -> bool:
    """Write ``wanted`` over ``mapped``; say whether that changed anything."""
    different = {name: value for name, value in wanted.items() if getattr(mapped, name) != value}
    for name, value in different.items():
        setattr(mapped, name, value)
    return bool(different)


__all__ = ["Base", "HasTerms", "OfMerchant", "TenantScoped", "changes", "declared_attr"]
