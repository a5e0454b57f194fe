"""Taking over a merchant's products, many at once (S2-28)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.principal import Principal
from chassis.data import audit
from services.affiliates.campaigns.models import Campaign
from services.affiliates.common.terms import Kind
from services.affiliates.merchants import actions
from services.affiliates.products.models import Product
from services.affiliates.products.schemas import Offered, why_inexact

BATCH = 500  # rows a statement
WRITTEN = ("name", "price", "currency", "campaign_id", "commission_type", "commission_value", "updated_at")

Terms = tuple[str | None, ...]
"""Type and value of a commission, and the currency of a FIXED one."""
NONE: Terms = (None, None)


def import_products(
    session: Session, offered: Sequence[Offered], *, actor: Principal, now: datetime
) -> list[dict[str, Any]]:
    """Create what is new, replace what is known, reject what does not fit; a result each, in their order.

    A product says itself to which campaign it belongs (S2-16); a changed commission stands in the audit trail.
    """
    merchant = actions.of(session, actor, now)
    campaigns = _known_campaigns(session, offered)
    results, rows = [], []
    for one in offered:
        error = one.error
        if one.product and one.product["campaign_id"] not in campaigns:
            error = "campaignId: there is no such campaign"
        elif one.product:
            error = why_inexact(one.product, one.product["currency"] or merchant.currency)
        if error or not one.product:
            results.append({"external_id": one.external_id, "status": "rejected", "error": error})
            continue
        rows.append(one.product)
        results.append({"external_id": one.external_id, "status": "created"})
    before = _terms_before(session, actor.tenant_id, [row["external_id"] for row in rows])
    for result in results:
        if result["status"] == "created" and result["external_id"] in before:
            result["status"] = "updated"
    # In one order everywhere, so that two imports of the same products do not wait for each other in a circle.
    for batch in _batches(sorted(rows, key=lambda row: str(row["external_id"]))):
        _upsert(session, actor.tenant_id, batch, now)
    changed = {
        row["external_id"]: [list(before.get(row["external_id"], NONE)), list(_terms_of(row))]
        for row in rows
        if before.get(row["external_id"], NONE) != _terms_of(row)
    }
    if changed:
        audit.record(
            session, "product.imported", merchant, tenant_id=merchant.id, actor=actor, now=now, changes=changed
        )
    return results


def _known_campaigns(session: Session, offered: Sequence[Offered]) -> set[UUID | None]:
    wanted = {one.product["campaign_id"] for one in offered if one.product} - {None}
    found: set[UUID | None] = {None}
    for batch in _batches(list(wanted)):
        found |= set(session.scalars(select(Campaign.id).where(Campaign.id.in_(batch))))
    return found


def _terms_before(session: Session, merchant_id: UUID, external_ids: Sequence[str]) -> dict[str, Terms]:
    found: dict[str, Terms] = {}
    for batch in _batches(external_ids):
        statement = select(
            Product.external_id, Product.commission_type, Product.commission_value, Product.currency
        ).where(Product.merchant_id == merchant_id, Product.external_id.in_(batch))
        found |= {external_id: _terms(*terms) for external_id, *terms in session.execute(statement)}
    return found


def _terms_of(row: dict[str, Any]) -> Terms:
    return _terms(row["commission_type"], row["commission_value"], row["currency"])


def _terms(kind: str | None, value: str | None, currency: str | None) -> Terms:
    return (kind, value, currency) if kind == Kind.FIXED and currency else (kind, value)


def _upsert(session: Session, merchant_id: UUID, rows: Sequence[dict[str, Any]], now: datetime) -> None:
    kept = [row | {"id": uuid7(), "merchant_id": merchant_id, "created_at": now, "updated_at": now} for row in rows]
    insert: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Product.__table__).values(kept)
    written = {name: statement.excluded[name] for name in WRITTEN}
    session.execute(statement.on_conflict_do_update(index_elements=["merchant_id", "external_id"], set_=written))


def _batches(things: Sequence[Any]) -> Iterable[list[Any]]:
    return (list(things[start : start + BATCH]) for start in range(0, len(things), BATCH))
