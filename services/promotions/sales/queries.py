"""Read sales campaigns with stores, price list, customer group and selection."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.text import fold
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.promotions.catalogue.models import CustomerGroup, Pricelist, Product, Store, Variant
from services.promotions.catalogue.queries import settings
from services.promotions.common.queries import has_words
from services.promotions.sales.models import SalesCampaign, SalesSelection, SalesStore
from services.promotions.sales.rules import KINDS, SORTS

SIDES = ("include", "exclude")

T = TypeVar("T", Pricelist, CustomerGroup)
Selection = Mapping[str, Mapping[str, Sequence[Mapping[str, str]]]]  # lines by side and kind, as an answer shows them


@dataclass(frozen=True)
class SeenCampaign:
    """A campaign as an answer shows it: names beside uids, times in the tenant's zone (S1-9, S1-10)."""

    campaign: SalesCampaign
    stores: Sequence[Store]
    pricelist: Pricelist | None
    customer_group: CustomerGroup | None
    selection: Selection
    zone: ZoneInfo

    @property
    def version(self) -> int:
        """What ``ETag`` and ``If-Match`` go by (D6)."""
        return self.campaign.version

    @property
    def valid_from(self) -> str:
        return self.campaign.valid_from.astimezone(self.zone).isoformat()

    @property
    def valid_to(self) -> str:
        return self.campaign.valid_to.astimezone(self.zone).isoformat()


def campaign(session: Session, campaign_uid: str) -> SalesCampaign:
    """One campaign of the caller.

    Raises:
        NotFound: there is none of that uid.
    """
    return one_or_404(session, _campaign_of(campaign_uid), "There is no such campaign.")


def lock_campaign(session: Session, campaign_uid: str) -> SalesCampaign:
    """As ``campaign``, its row locked until the transaction ends."""
    return one_or_404(session, _campaign_of(campaign_uid).with_for_update(key_share=True), "There is no such campaign.")


def _campaign_of(campaign_uid: str) -> Select[tuple[SalesCampaign]]:
    return select(SalesCampaign).where(SalesCampaign.campaign_uid == campaign_uid)


def seen(session: Session, campaign: SalesCampaign) -> SeenCampaign:
    """A campaign with all that an answer shows."""
    return complete(session, [campaign])[0]


def campaigns(
    session: Session,
    *,
    page: int,
    page_size: int,
    sort_by: str = "created_at",
    descending: bool = True,
    store_uids: Sequence[str] = (),
    **filters: Any,
) -> Page:
    """The caller's campaigns that match ``filters`` (S1-38), the newest first by default.

    The number of statements does not depend on the page.
    """
    statement = select(SalesCampaign).where(*(CONDITIONS[name](value) for name, value in filters.items()))
    if store_uids:
        running = exists().where(
            SalesStore.campaign_id == SalesCampaign.id,
            SalesStore.store_id == Store.id,
            Store.store_uid.in_(store_uids),
        )
        statement = statement.where(or_(SalesCampaign.all_stores, running))
    order: InstrumentedAttribute[Any] = getattr(SalesCampaign, sort_by)
    statement = statement.order_by(order.desc() if descending else order, SalesCampaign.campaign_uid)
    rows = paginate(session, statement, page=page, page_size=page_size)
    return Page(complete(session, rows.items), page, page_size, rows.total_items)


def search(
    session: Session,
    *,
    page_number: int = 1,
    page_size: int = 20,
    sort_by: str | None = None,
    sort_direction: str | None = None,
    **filters: Any,
) -> Page:
    """As ``campaigns``, by the words of a search (S1-38): without ``sort_by`` the newest first, else ascending."""
    direction = sort_direction or ("ASC" if sort_by else "DESC")
    return campaigns(
        session,
        page=page_number,
        page_size=page_size,
        sort_by=SORTS[sort_by or "createdAt"],
        descending=direction == "DESC",
        **filters,
    )


SEARCHED = (
    SalesCampaign.name,
    SalesCampaign.display_name,
    SalesCampaign.campaign_uid,
    SalesCampaign.campaign_code,
)
CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "query": lambda value: or_(*(has_words(column, value) for column in SEARCHED)),
    "name": lambda value: has_words(SalesCampaign.name, value),
    "display_name": lambda value: has_words(SalesCampaign.display_name, value),
    "campaign_code": lambda value: or_(
        SalesCampaign.campaign_code_folded == fold(value), SalesCampaign.campaign_code == value
    ),
    "type": lambda value: SalesCampaign.type == value,
    "discount_type": lambda value: SalesCampaign.discount_type == value,
    "status": lambda value: SalesCampaign.status == value,
    "statuses": lambda value: SalesCampaign.status.in_(value) if value else true(),
    "valid_from": lambda value: SalesCampaign.valid_from >= value,
    "valid_to": lambda value: SalesCampaign.valid_to <= value,
}


def complete(session: Session, campaigns: Sequence[SalesCampaign]) -> list[SeenCampaign]:
    """Campaigns with stores, price lists, groups and selections: a fixed number of statements."""
    zone = settings(session).zone
    ids = [campaign.id for campaign in campaigns]
    stores: dict[UUID, list[Store]] = defaultdict(list)
    placed = (
        select(SalesStore.campaign_id, Store)
        .join(Store, Store.id == SalesStore.store_id)
        .where(SalesStore.campaign_id.in_(ids))
        .order_by(SalesStore.position)
    )
    for campaign_id, store in session.execute(placed).tuples():
        stores[campaign_id].append(store)
    pricelists = _by_id(session, Pricelist, {campaign.pricelist_id for campaign in campaigns})
    groups = _by_id(session, CustomerGroup, {campaign.customer_group_id for campaign in campaigns})
    selections = _selections(session, ids)
    return [
        SeenCampaign(
            campaign,
            stores[campaign.id],
            pricelists.get(campaign.pricelist_id),
            groups.get(campaign.customer_group_id),
            selections[campaign.id],
            zone,
        )
        for campaign in campaigns
    ]


def has_selection(session: Session, campaign: SalesCampaign) -> bool:
    """Whether anything is included or excluded."""
    return bool(session.scalar(select(exists().where(SalesSelection.campaign_id == campaign.id))))


def _by_id(session: Session, model: type[T], ids: Collection[UUID | None]) -> dict[UUID | None, T]:
    known_ids = [row for row in ids if row]
    if not known_ids:
        return {}
    return {row.id: row for row in session.scalars(select(model).where(model.id.in_(known_ids)))}


def _selections(session: Session, ids: Sequence[UUID]) -> dict[UUID, dict[str, dict[str, list[dict[str, str]]]]]:
    """What campaigns include and exclude, with the names of products, also for their variants; of the other kinds we
    know no names."""
    selections: dict[UUID, dict[str, dict[str, list[dict[str, str]]]]] = {
        campaign_id: {side: {plural: [] for plural in KINDS.values()} for side in SIDES} for campaign_id in ids
    }
    of_variant = Product.__table__.alias()
    is_product = SalesSelection.kind == "product"
    lines = (
        select(SalesSelection, func.coalesce(Product.name, of_variant.c.name))
        .outerjoin(Product, and_(is_product, Product.product_uid == SalesSelection.uid))
        .outerjoin(Variant, and_(is_product, Variant.variant_uid == SalesSelection.uid))
        .outerjoin(of_variant, of_variant.c.id == Variant.product_id)
        .where(SalesSelection.campaign_id.in_(ids))
        .order_by(SalesSelection.position)
    )
    for line, name in session.execute(lines).tuples():
        shown = {f"{line.kind}_uid": line.uid, "name": name or line.uid}
        selections[line.campaign_id][line.side][KINDS[line.kind]].append(shown)
    return selections
