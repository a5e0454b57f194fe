"""Bulk import of a merchant's products (S2-28)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import among, batches, insertion
from services.affiliates.campaigns.models import Campaign
from services.affiliates.common.terms import Kind
from services.affiliates.merchants.actions import ensure_merchant
from services.affiliates.merchants.models import Merchant
from services.affiliates.products.models import Product
from services.affiliates.products.schemas import Offered, why_inexact

BATCH = 500  # rows a statement
UPDATED = ("name", "price", "currency", "campaign_id", "commission_type", "commission_value", "updated_at")

Terms = tuple[str | None, ...]
"""Type and value of a commission, and the currency of a FIXED one that names it."""
NONE: Terms = (None, None)


def import_products(
    session: Session, offered: Sequence[Offered], *, actor: Principal, now: datetime
) -> list[dict[str, Any]]:
    """Create new products, replace existing ones, reject bad ones; return a result for each, in their order.

    A product names its campaign itself (S2-16). The audit trail shows commissions that change.
    """
    merchant = ensure_merchant(session, actor, now)
    campaign_ids = _existing_campaigns(session, offered)
    errors = [_why_rejected(product, campaign_ids, merchant) for product in offered]
    rows = [product.product for product, error in zip(offered, errors, strict=True) if product.product and not error]
    before = _terms_before(session, merchant.id, [row["external_id"] for row in rows])
    # In the order of their ids, so that two imports of the same products cannot deadlock.
    for batch in batches(sorted(rows, key=lambda row: str(row["external_id"])), BATCH):
        _upsert(session, merchant.id, batch, now)
    _audit(session, merchant, before, rows, actor, now)
    return [
        {"external_id": product.external_id}
        | (
            {"status": "rejected", "error": error}
            if error
            else {"status": "updated" if product.external_id in before else "created"}
        )
        for product, error in zip(offered, errors, strict=True)
    ]


def _why_rejected(offered: Offered, campaign_ids: set[UUID | None], merchant: Merchant) -> str | None:
    product = offered.product
    if product is None:
        return offered.error
    if product["campaign_id"] not in campaign_ids:
        return "campaignId: there is no such campaign"
    return why_inexact(product, product["currency"] or merchant.currency)


def _existing_campaigns(session: Session, offered: Sequence[Offered]) -> set[UUID | None]:
    """Ids of the campaigns that the products name and that exist; None stands for no campaign."""
    named = {product.product["campaign_id"] for product in offered if product.product} - {None}
    return {None, *session.scalars(select(Campaign.id).where(among(session, Campaign.id, named)))}


def _terms_before(session: Session, merchant_id: UUID, external_ids: Sequence[str]) -> dict[str, Terms]:
    """The commissions of the products that exist already."""
    statement = select(Product.external_id, Product.commission_type, Product.commission_value, Product.currency).where(
        Product.merchant_id == merchant_id, among(session, Product.external_id, external_ids)
    )
    return {external_id: _terms(*terms) for external_id, *terms in session.execute(statement)}


def _terms(kind: str | None, value: str | None, currency: str | None) -> Terms:
    return (kind, value, currency) if kind == Kind.FIXED and currency else (kind, value)


def _audit(
    session: Session,
    merchant: Merchant,
    before: Mapping[str, Terms],
    rows: Sequence[Mapping[str, Any]],
    actor: Principal,
    now: datetime,
) -> None:
    changes = {}
    for row in rows:
        old = before.get(row["external_id"], NONE)
        new = _terms(row["commission_type"], row["commission_value"], row["currency"])
        if old != new:
            changes[row["external_id"]] = [list(old), list(new)]
    if changes:
        audit.record(
            session, "product.imported", merchant, tenant_id=merchant.id, actor=actor, now=now, changes=changes
        )


def _upsert(session: Session, merchant_id: UUID, products: Sequence[dict[str, Any]], now: datetime) -> None:
    rows = [row | {"id": uuid7(), "merchant_id": merchant_id, "created_at": now, "updated_at": now} for row in products]
    statement = insertion(session, Product).values(rows)
    updates = {name: statement.excluded[name] for name in UPDATED}
    session.execute(statement.on_conflict_do_update(index_elements=["merchant_id", "external_id"], set_=updates))
