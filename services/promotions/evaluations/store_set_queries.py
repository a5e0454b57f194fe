"""Loads the active campaigns of a store into a store set."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from chassis.core import money
from chassis.core.errors import Invalid
from chassis.core.principal import NOBODY
from services.promotions import engine
from services.promotions.catalogue import queries as catalogue_queries
from services.promotions.catalogue.models import (
    Catalogue,
    CustomerGroup,
    Settings,
    Store,
)
from services.promotions.sales.models import SalesCampaign, SalesStore

CATALOGUES = Catalogue.__table__
LISTED = "PRICELIST"


Elsewhere = tuple[str, engine.Reason]
"""A campaign that is not among those of a store, and why."""
Stamp = tuple[UUID, int]
"""A tenant's catalogue row and its revision: the row too, because a number alone could come again with a new row."""


@dataclass
class StoreSet:
    """The campaigns of one store, and the products that baskets there have asked for so far.

    Products are looked up when a basket first names them: a campaign may be for a hundred thousand of them.

    Attributes:
        stamp: the tenant's catalogue row and revision before the set was read; the set is as new or newer.
        since: campaigns that ended before are left out.
        regular: price lists that come before the products' own prices: the store's, the chain's (S1-34).
        limited: total uses and discount of campaigns that have such limits.
        by_list: uids of campaigns by the price list that each applies.
        prices: what one costs, with the currency's decimals.
        rounded: products with a finer price in the catalogue, written before the tenant changed its currency (D9).
    """

    tenant_id: UUID
    store_uid: str
    stamp: Stamp
    since: datetime
    currency: str
    strategy: engine.Strategy
    campaigns: engine.CampaignSet
    regular: tuple[UUID | None, UUID | None]
    uids: dict[UUID, str]
    by_list: dict[UUID, list[str]]
    limited: dict[UUID, tuple[int | None, Decimal | None]]
    prices: dict[str, Decimal] = field(default_factory=dict)
    rounded: set[str] = field(default_factory=set)
    products: dict[str, UUID] = field(default_factory=dict)

    def limits_for(self, uids: Collection[str]) -> dict[UUID, tuple[int | None, Decimal | None]]:
        """The limits of the campaigns that these products touch, by campaign."""
        if not self.limited:
            return {}
        concerned = self.campaigns.concerning(uids)
        return {campaign: limits for campaign, limits in self.limited.items() if self.uids[campaign] in concerned}

    def missing(self, codes: Collection[str]) -> set[str]:
        """Those of the codes, folded, that no campaign here has."""
        folded = {code for code in map(engine.fold_code, codes) if code}
        return {code for code in folded if not self.campaigns.with_codes([code])}

    @property
    def size(self) -> int:
        return len(self.uids) + len(self.prices)


def stamp(session: Session, tenant_id: UUID) -> Stamp:
    """The tenant's catalogue row and revision. It changes with everything that an evaluation could show."""
    statement = select(CATALOGUES.c.id, CATALOGUES.c.revision).where(CATALOGUES.c.tenant_id == tenant_id)
    row = session.execute(statement).one_or_none()
    return (row.id, row.revision) if row else (NOBODY, 0)


def store_set(session: Session, tenant_id: UUID, store_uid: str, *, since: datetime) -> StoreSet:
    """The active campaigns of a store.

    Raises:
        Invalid: ``unknown_store``.
    """
    read = stamp(session, tenant_id)  # first, so that what follows is of this state or of a newer one
    store = session.scalar(select(Store).where(Store.tenant_id == tenant_id, Store.store_uid == store_uid))
    if store is None:
        raise Invalid.field("storeUid", f"There is no store {store_uid}.", code="unknown_store")
    settings = session.scalar(select(Settings).where(Settings.tenant_id == tenant_id))
    seen = catalogue_queries.complete_settings(session, settings)
    rows = session.execute(in_store(store.id).where(SalesCampaign.status == "ACTIVE", SalesCampaign.valid_to >= since))
    campaigns = [(row, group) for row, group in rows]
    by_list: dict[UUID, list[str]] = {}
    for row, _ in campaigns:
        if row.pricelist_id:
            by_list.setdefault(row.pricelist_id, []).append(row.campaign_uid)
    limits = [(row.id, (row.total_uses_limit, row.total_discount_limit)) for row, _ in campaigns]
    return StoreSet(
        tenant_id=tenant_id,
        store_uid=store_uid,
        stamp=read,
        since=since,
        currency=seen.currency,
        strategy=engine.Strategy(seen.strategy),
        campaigns=engine.CampaignSet(
            (without_products(row, group) for row, group in campaigns), seen.currency, money.minor_units(seen.currency)
        ),
        regular=(store.pricelist_id, settings.pricelist_id if settings else None),
        uids={row.id: row.campaign_uid for row, _ in campaigns},
        by_list=by_list,
        limited={campaign: limit for campaign, limit in limits if limit != (None, None)},
    )


def elsewhere(session: Session, store_set: StoreSet, codes: Collection[str], *, at: datetime) -> dict[str, Elsewhere]:
    """For codes that no campaign of the set has: the active campaign with that code which has ended or is for other
    stores. Of several it is the one that ends last (D67).
    """
    if not codes:
        return {}
    campaign = SalesCampaign
    rows = session.execute(
        select(campaign.campaign_code_folded, campaign.campaign_uid, campaign.valid_to)
        .where(
            campaign.tenant_id == store_set.tenant_id,
            campaign.status == "ACTIVE",
            campaign.campaign_code_folded.in_(codes),
        )
        .order_by(campaign.valid_to, campaign.campaign_uid.desc())
    )
    reasons = engine.Reason
    return {code: (uid, reasons.ENDED if valid_to < at else reasons.OTHER_STORE) for code, uid, valid_to in rows}


def in_store(store_id: UUID) -> Any:
    """Campaigns of a store, each with the uid of its customer group."""
    here = select(SalesStore.campaign_id).where(SalesStore.store_id == store_id)
    return (
        select(SalesCampaign, CustomerGroup.customer_group_uid)
        .outerjoin(CustomerGroup, CustomerGroup.id == SalesCampaign.customer_group_id)
        .where(or_(SalesCampaign.all_stores, SalesCampaign.id.in_(here)))
    )


def without_products(row: SalesCampaign, group: str | None, **more: Any) -> engine.Campaign:
    """A campaign as the engine knows it. Unless ``more`` says which, it is for no product yet."""
    selected: dict[str, Any] = {"products": frozenset()}
    if row.type == LISTED:
        selected = {"prices": {}}
    elif row.discount_type == engine.Discount.ORDER_DISCOUNT:
        selected = {}
    return engine.Campaign(
        row.campaign_uid,
        engine.Discount(row.discount_type),
        row.valid_from,
        row.valid_to,
        percent=row.discount_percent or None,
        amount=row.discount_amount or None,
        priority=row.priority,
        code=row.campaign_code,
        combinable=not row.prevent_combinations,
        quantity_threshold=row.quantity_threshold,
        amount_threshold=row.amount_threshold,
        max_usage=row.max_usage,
        customer_group=group,
        **(selected | more),
    )
