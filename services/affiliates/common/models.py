"""Mapped base classes of this service."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Date, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.data.columns import NAMING, TYPES
from chassis.data.tenancy import TenantId
from services.affiliates.common.terms import Terms


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES | {date: Date, list[dict[str, Any]]: JSON}


class OfMerchant:
    """A row that belongs to one merchant, which alone sees it (S2-22). Combine with ``TenantScoped``."""

    merchant_id: Mapped[UUID] = mapped_column(sort_order=-1)

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.merchant_id == tenant_id


class HasTerms:
    """A level that can define a commission. Type and value are set together or not at all (S2-14).

    ``currency_of_terms`` names the column with the currency of a FIXED commission (D9); empty, it is the merchant's.
    """

    currency_of_terms = "currency"
    commission_type: Mapped[str | None] = mapped_column(sort_order=50)
    commission_value: Mapped[str | None] = mapped_column(sort_order=51)  # as the merchant wrote it: "12" stays "12"

    @property
    def terms(self) -> Terms | None:
        return Terms.of(self.commission_type, self.commission_value, getattr(self, self.currency_of_terms))


def apply_changes(row: Any, values: Mapping[str, Any]) -> bool:
    """Write ``values`` over the attributes of ``row``; return whether any of them changed."""
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in different.items():
        setattr(row, name, value)
    return bool(different)
