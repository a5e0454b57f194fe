"""What is active in a store: its campaigns, and what products cost and belong to."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from chassis.core import money
from chassis.core.errors import Invalid
from chassis.core.principal import NOBODY
from services.promotions import engine
from services.promotions.catalogue import settings_queries
from services.promotions.catalogue.models import Catalogue, Product, Variant
from services.promotions.catalogue.pricelist_models import PricelistEntry, PricelistVariant
from services.promotions.catalogue.store_models import CustomerGroup, Store
from services.promotions.common.tenant_models import Settings
from services.promotions.sales.models import SalesCampaign, SalesSnapshot, SalesStore, SalesVariant

CATALOGUES = Catalogue.__table__
LISTED = "PRICELIST"
Apart = dict[str, Decimal | Literal[False] | None]
"""By campaign, what holds for a variant otherwise than for its product (D68): its price in the campaign's list, None
where it is selected by itself, False where it is excluded."""
Elsewhere = tuple[str, engine.Reason]
"""A campaign that is not among those of a store, and why."""
Stamp = tuple[UUID, int]
"""A tenant's catalogue row and its revision: the row too, because a number alone could come again with a new row."""


@dataclass
class StoreSet:
    """The campaigns of one store, and the products that baskets there have asked for so far.

    Products are looked up when a basket first names them: a campaign may be for a hundred thousand of them.

    Attributes:
        stamp: of the tenant's catalogue when all this was read; what was read is never older.
        since: campaigns that ended before are left out.
        regular: price lists that come before the products' own prices: the store's, the chain's (S1-34).
        limited: total uses and discount of campaigns that have such limits.
        by_list: uids of campaigns by the price list they bring into force.
        prices: what one costs, with the currency's decimals.
        rounded: what has a finer price in the catalogue; it was written before the currency was another one (D9).
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

    def concerned(self, uids: Collection[str]) -> dict[UUID, tuple[int | None, Decimal | None]]:
        """The campaigns with limits that a basket of these products concerns."""
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
    """Another one after every change that an evaluation could show."""
    statement = select(CATALOGUES.c.id, CATALOGUES.c.revision).where(CATALOGUES.c.tenant_id == tenant_id)
    found = session.execute(statement).one_or_none()
    return (found.id, found.revision) if found else (NOBODY, 0)


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
    seen = settings_queries.seen(session, settings)
    rows = session.execute(in_store(store.id).where(SalesCampaign.status == "ACTIVE", SalesCampaign.valid_to >= since))
    found = [(row, group) for row, group in rows]
    by_list: dict[UUID, list[str]] = {}
    for row, _ in found:
        if row.pricelist_id:
            by_list.setdefault(row.pricelist_id, []).append(row.campaign_uid)
    limits = [(row.id, (row.total_uses_limit, row.total_discount_limit)) for row, _ in found]
    return StoreSet(
        tenant_id=tenant_id,
        store_uid=store_uid,
        stamp=read,
        since=since,
        currency=seen.currency,
        strategy=engine.Strategy(seen.strategy),
        campaigns=engine.CampaignSet(
            (without_products(row, group) for row, group in found), seen.currency, money.minor_units(seen.currency)
        ),
        regular=(store.pricelist_id, settings.pricelist_id if settings else None),
        uids={row.id: row.campaign_uid for row, _ in found},
        by_list=by_list,
        limited={campaign: limit for campaign, limit in limits if limit != (None, None)},
    )


def elsewhere(session: Session, known: StoreSet, codes: Collection[str], *, at: datetime) -> dict[str, Elsewhere]:
    """Of codes that no campaign of the set has: the active campaign that has it, which ended before or is for other
    stores; of several the one that goes on longest (D67).
    """
    if not codes:
        return {}
    campaign = SalesCampaign
    rows = session.execute(
        select(campaign.campaign_code_folded, campaign.campaign_uid, campaign.valid_to)
        .where(
            campaign.tenant_id == known.tenant_id,
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


def learn(session: Session, known: StoreSet, uids: Collection[str]) -> list[str]:
    """Look up products and variants the set has not met yet; return those that do not exist."""
    wanted = [uid for uid in dict.fromkeys(uids) if uid not in known.prices]
    if not wanted:
        return []
    found = {row.uid: row for row in session.execute(_products(known, wanted))}
    apart: dict[str, Apart] = {}
    if missing := [uid for uid in wanted if uid not in found]:
        found |= {row.uid: row for row in session.execute(_variants(known, missing))}
        apart = _apart(session, known, [uid for uid in missing if uid in found])
    ids = {row.id for row in found.values()}
    belongs = _memberships(session, known, ids)
    for uid, row in found.items():
        touches = dict(belongs.get(row.id, ())) | apart.get(uid, {})
        known.campaigns.learn(uid, [(campaign, price) for campaign, price in touches.items() if price is not False])
        known.products[uid] = row.id
        price = next(price for price in row[2:] if price is not None)
        known.prices[uid] = money.rounded(price, known.currency)
        if known.prices[uid] != price:
            known.rounded.add(uid)
    return [uid for uid in wanted if uid not in found]


def _products(known: StoreSet, uids: Collection[str]) -> Any:
    """S1-34: the store's list, then the chain's, then the product's own price."""
    store, chain = aliased(PricelistEntry), aliased(PricelistEntry)
    first, second = known.regular
    return (
        select(Product.product_uid.label("uid"), Product.id, store.price, chain.price, Product.price)
        .outerjoin(store, and_(store.product_id == Product.id, store.pricelist_id == first))
        .outerjoin(chain, and_(chain.product_id == Product.id, chain.pricelist_id == second))
        .where(Product.tenant_id == known.tenant_id, Product.product_uid.in_(uids))
    )


def _variants(known: StoreSet, uids: Collection[str]) -> Any:
    """A variant belongs to what its product does, at a price of its own where it has one: on a list, else by itself."""
    own_store, own_chain = aliased(PricelistVariant), aliased(PricelistVariant)
    store, chain = aliased(PricelistEntry), aliased(PricelistEntry)
    first, second = known.regular
    prices = own_store.price, own_chain.price, Variant.price, store.price, chain.price, Product.price
    return (
        select(Variant.variant_uid.label("uid"), Product.id, *prices)
        .join(Product, Product.id == Variant.product_id)
        .outerjoin(own_store, and_(own_store.variant_uid == Variant.variant_uid, own_store.pricelist_id == first))
        .outerjoin(own_chain, and_(own_chain.variant_uid == Variant.variant_uid, own_chain.pricelist_id == second))
        .outerjoin(store, and_(store.product_id == Product.id, store.pricelist_id == first))
        .outerjoin(chain, and_(chain.product_id == Product.id, chain.pricelist_id == second))
        .where(Variant.tenant_id == known.tenant_id, Variant.variant_uid.in_(uids))
    )


def _memberships(
    session: Session, known: StoreSet, ids: Iterable[UUID]
) -> dict[UUID, list[tuple[str, Decimal | None]]]:
    """By product: the campaigns it was selected for (S1-27), and those whose price list it stands in (S1-14)."""
    belongs: dict[UUID, list[tuple[str, Decimal | None]]] = {}
    snapshots = select(SalesSnapshot.product_id, SalesSnapshot.campaign_id).where(SalesSnapshot.product_id.in_(ids))
    for product, campaign in session.execute(snapshots):
        if campaign in known.uids:
            belongs.setdefault(product, []).append((known.uids[campaign], None))
    if known.by_list:
        entries = select(PricelistEntry.product_id, PricelistEntry.pricelist_id, PricelistEntry.price)
        for product, pricelist, price in session.execute(entries.where(PricelistEntry.product_id.in_(ids))):
            belongs.setdefault(product, []).extend((uid, price) for uid in known.by_list.get(pricelist, ()))
    return belongs


def _apart(session: Session, known: StoreSet, uids: Collection[str]) -> dict[str, Apart]:
    apart: dict[str, Apart] = {uid: {} for uid in uids}
    snapshots = select(SalesVariant.variant_uid, SalesVariant.campaign_id, SalesVariant.selected).where(
        SalesVariant.tenant_id == known.tenant_id, SalesVariant.variant_uid.in_(uids)
    )
    for uid, campaign, selected in session.execute(snapshots):
        if campaign in known.uids:
            apart[uid][known.uids[campaign]] = None if selected else False
    for pricelist, uid, price in session.execute(variant_prices(known.by_list, uids)) if known.by_list else ():
        apart[uid] |= dict.fromkeys(known.by_list[pricelist], price)
    return apart


def variant_prices(pricelists: Collection[UUID], uids: Collection[str]) -> Any:
    """What variants cost on lists where they stand by themselves (D68)."""
    entry = PricelistVariant
    priced = select(entry.pricelist_id, entry.variant_uid, entry.price)
    return priced.where(entry.pricelist_id.in_(pricelists), entry.variant_uid.in_(uids))
