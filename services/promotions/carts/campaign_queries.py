"""Read cart campaigns: one, a filtered list, and the one that a shopper's link names (S4)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.text import fold
from chassis.data.bulk import among
from chassis.data.lookup import one_or_404
from services.promotions.carts import list_queries
from services.promotions.carts.campaign_models import CartCampaign, CartCampaignProduct
from services.promotions.carts.campaign_rules import CAMPAIGN_SORTS, Bound, MatchMode, Reason, SortKey
from services.promotions.carts.list_queries import Listed
from services.promotions.catalogue.models import Product, Variant
from services.promotions.catalogue.pricelist_queries import name_pricelists
from services.promotions.catalogue.product_queries import products_of


def campaign(session: Session, campaign_id: UUID) -> CartCampaign:
    """One campaign of the caller's tenant.

    Raises:
        NotFound: there is none, or it is another's.
    """
    return _campaign(session, select(CartCampaign), campaign_id)


def lock_campaign(session: Session, campaign_id: UUID) -> CartCampaign:
    """As ``campaign``, its row locked until the transaction ends."""
    return _campaign(session, select(CartCampaign).with_for_update(), campaign_id)


def _campaign(session: Session, statement: Select[tuple[CartCampaign]], campaign_id: UUID) -> CartCampaign:
    row = one_or_404(session, statement.where(CartCampaign.id == campaign_id), "There is no such marketing campaign.")
    name_pricelists(session, [row])
    return row


def campaigns(
    session: Session,
    *,
    page: int,
    size: int,
    sort: Sequence[SortKey],
    customer_id: str | None = None,
    name: str | None = None,
    status: str | None = None,
    start_date: Bound | None = None,
    end_date: Bound | None = None,
    product_id: str | None = None,
    product_match_mode: str | None = None,
) -> Listed:
    """The tenant's campaigns (S4-2, S4-3). Both filters on products are about one line of the filter; that on an id
    finds products by their variants and the other way round (D54). Names are compared without case (D62).

    One without an end ends neither before nor after any date.
    """
    statement = select(CartCampaign)
    for column, value in (
        (CartCampaign.customer_id, customer_id),
        (CartCampaign.status, status),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if name is not None:
        statement = statement.where(_is_called(name))
    for date, bound in ((CartCampaign.start_date, start_date), (CartCampaign.end_date, end_date)):
        if bound is not None:
            statement = statement.where(list_queries.within(date, bound))
    if product_id is not None or product_match_mode is not None:
        statement = statement.where(_has_line(session, product_id, product_match_mode))
    keys = [(_sort_column(key), key.descending) for key in sort]
    listed = list_queries.list_page(session, statement, CartCampaign.id, keys, page=page, size=size)
    name_pricelists(session, listed.items)
    return listed


def meant_by(session: Session, name: str, customer_id: str | None) -> CartCampaign | Reason:
    """The campaign of a shopper's link, or why there is none (S4-28). Case does not matter in its name (D62).

    A campaign of this customer goes before one without a customer. A link without a customer means the campaign
    without one, or else the only campaign of that name.
    """
    named, exactly_first = select(CartCampaign).where(_is_called(name)), CartCampaign.name != name
    if customer_id is not None:
        mine_first = CartCampaign.customer_key.desc()  # the other one's key is empty
        either = named.where(CartCampaign.customer_key.in_([customer_id, ""])).order_by(mine_first, exactly_first)
        return session.scalars(either.limit(1)).first() or Reason.UNKNOWN
    # A customer has at most two, both from before names were compared without case.
    campaigns = session.scalars(named.order_by(CartCampaign.customer_key, exactly_first).limit(3)).all()
    if not campaigns:
        return Reason.UNKNOWN
    is_only_one = len({campaign.customer_key for campaign in campaigns}) == 1
    return campaigns[0] if campaigns[0].customer_id is None or is_only_one else Reason.AMBIGUOUS


def _is_called(name: str) -> Any:
    """Whether a campaign has this name, whatever the case of letters; those that clash have only their own."""
    return or_(CartCampaign.name_folded == fold(name), CartCampaign.name == name)


def _has_line(session: Session, product_id: str | None, match_mode: str | None) -> Any:
    line = exists().where(CartCampaignProduct.campaign_id == CartCampaign.id, CartCampaignProduct.mandatory.is_(False))
    if product_id is not None:
        line = line.where(is_about(session, product_id, CartCampaignProduct.product_id, CartCampaignProduct.match_mode))
    if match_mode is not None:
        line = line.where(CartCampaignProduct.match_mode == match_mode)
    return line


def _sort_column(key: SortKey) -> Any:
    """What a list is sorted by: a column, or the first of a campaign's lines in the order that is asked for."""
    place, _, of_line = key.name.partition(".")
    column = CAMPAIGN_SORTS[key.name]
    if not of_line:
        return getattr(CartCampaign, column)
    extreme = func.max if key.descending else func.min
    lines = select(extreme(getattr(CartCampaignProduct, column)))
    is_mandatory = CartCampaignProduct.mandatory.is_(place == "mandatoryProducts")
    return lines.where(CartCampaignProduct.campaign_id == CartCampaign.id, is_mandatory).scalar_subquery()


def is_about(
    session: Session, product_id: str, id_column: InstrumentedAttribute[str], mode_column: InstrumentedAttribute[str]
) -> Any:
    """Whether a line of a campaign is about a product or variant, as a condition (D54).

    A line that names a product is about its variants, one that names a variant is about its product, and one that
    names a variant for all of its product is about the other variants too.
    """
    product = products_of(session, [product_id]).get(product_id, product_id)
    variants = select(Variant.variant_uid).join(Product, Product.id == Variant.product_id)
    family = {product, *session.scalars(variants.where(Product.product_uid == product))}
    near = family if product == product_id else {product, product_id}
    as_product = and_(mode_column == MatchMode.PRODUCT, among(session, id_column, family))
    return or_(among(session, id_column, near), as_product)
