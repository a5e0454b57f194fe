"""Finds the amounts of a tenant that do not fit another currency (D9)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from chassis.core import money
from services.promotions.catalogue.models import Pricelist, PricelistEntry, PricelistVariant, Product, Variant
from services.promotions.sales.models import SalesCampaign

EXAMPLES = 3
"""Of each kind that are named."""


def finer_than(session: Session, tenant_id: UUID, currency: str) -> list[str]:
    """A sentence for each of a few amounts that have more decimals than ``currency``; five statements."""
    places = money.minor_units(currency)
    return [
        f"{what} has {format(amount.normalize(), 'f')}."
        for what, amounts in _finer_rows(session, tenant_id, places)
        for amount in amounts
        if amount is not None and amount != round(amount, places)
    ]


def _finer_rows(session: Session, tenant_id: UUID, places: int) -> Iterator[tuple[str, tuple[Decimal | None, ...]]]:
    entry, variant_entry, campaign = PricelistEntry, PricelistVariant, SalesCampaign
    of_lists = Pricelist.tenant_id == tenant_id
    kinds: list[tuple[str, tuple[Any, ...], Any, Any]] = [
        ("The product {}", (Product.price, Product.cost), Product.product_uid, Product.tenant_id == tenant_id),
        ("The variant {}", (Variant.price,), Variant.variant_uid, Variant.tenant_id == tenant_id),
        (
            "The campaign {}",
            (campaign.amount_threshold, campaign.discount_amount, campaign.total_discount_limit),
            campaign.campaign_uid,
            campaign.tenant_id == tenant_id,
        ),
        (
            "The price list {}",
            (entry.price,),
            Pricelist.pricelist_uid,
            and_(of_lists, entry.pricelist_id == Pricelist.id),
        ),
        (
            "The price list {}",
            (variant_entry.price,),
            Pricelist.pricelist_uid,
            and_(of_lists, variant_entry.pricelist_id == Pricelist.id),
        ),
    ]
    for sentence, columns, uid, mine in kinds:
        finer = or_(*(_is_finer(session, column, places) for column in columns))
        for row in session.execute(select(uid, *columns).where(mine, finer).order_by(uid).limit(EXAMPLES)):
            yield sentence.format(row[0]), tuple(row[1:])


def _is_finer(session: Session, column: Any, places: int) -> ColumnElement[bool]:
    """Whether an amount has more decimals than ``places``; SQLite has it as text."""
    if session.get_bind().dialect.name == "postgresql":
        rounded: ColumnElement[bool] = column != func.round(column, places)
        return rounded
    text = type_coerce(column, String)
    point = func.instr(text, ".")
    return and_(point > 0, func.rtrim(func.substr(text, point + 1 + places), "0") != "")
