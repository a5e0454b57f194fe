"""Cart campaigns: one, a filtered list, and the one that a shopper's link means (S4)."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.core.text import fold
from services.promotions.carts import list_queries
from services.promotions.carts.campaign_models import CartCampaign, CartCampaignProduct
from services.promotions.carts.campaign_rules import Reason
from services.promotions.carts.list_queries import Listed
from services.promotions.carts.list_rules import Bound, SortKey
from services.promotions.catalogue import product_id_queries
from services.promotions.catalogue.pricelist_models import Pricelist


def campaign(session: Session, campaign_id: UUID, *, lock: bool = False) -> CartCampaign:
    """One campaign of the caller's tenant, its row locked until the transaction ends where ``lock`` says so.

    Raises:
        NotFound: there is none, or it is another's.
    """
    statement = select(CartCampaign).where(CartCampaign.id == campaign_id)
    found = session.scalar(statement.with_for_update() if lock else statement)
    if found is None:
        raise NotFound("There is no such marketing campaign.")
    name_pricelists(session, [found])
    return found


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
    found = list_queries.list_page(session, statement, COLUMNS, sort=sort, page=page, size=size)
    name_pricelists(session, found.items)
    return found


def meant_by(session: Session, name: str, customer_id: str | None) -> CartCampaign | Reason:
    """The campaign of a shopper's link, or why there is none (S4-28). Case does not matter in its name (D62).

    A campaign of this customer goes before one of nobody's. A link that names no customer means the campaign of
    nobody's, or else the only one of that name.
    """
    named, exactly_first = select(CartCampaign).where(_is_called(name)), CartCampaign.name != name
    if customer_id is not None:
        mine_first = CartCampaign.customer_key.desc()  # the other one's key is empty
        either = named.where(CartCampaign.customer_key.in_([customer_id, ""])).order_by(mine_first, exactly_first)
        return session.scalars(either.limit(1)).first() or Reason.UNKNOWN
    # Of one customer there are at most two, where they were there before case stopped to matter.
    found = session.scalars(named.order_by(CartCampaign.customer_key, exactly_first).limit(3)).all()
    if not found:
        return Reason.UNKNOWN
    is_only_one = len({each.customer_key for each in found}) == 1
    return found[0] if found[0].customer_id is None or is_only_one else Reason.AMBIGUOUS


def name_pricelists(session: Session, found: Sequence[CartCampaign]) -> None:
    wanted = {each.pricelist_id for each in found if each.pricelist_id}
    named = select(Pricelist.id, Pricelist.pricelist_uid).where(Pricelist.id.in_(wanted))
    names = dict(session.execute(named).tuples().all()) if wanted else {}
    for each in found:
        each.pricelist_uid = names.get(each.pricelist_id) if each.pricelist_id else None


def _is_called(name: str) -> Any:
    """Whether a campaign has this name, whatever the case of letters; those that clash have only their own."""
    return or_(CartCampaign.name_folded == fold(name), CartCampaign.name == name)


def _has_line(session: Session, product_id: str | None, match_mode: str | None) -> Any:
    line = exists().where(CartCampaignProduct.campaign_id == CartCampaign.id, CartCampaignProduct.mandatory.is_(False))
    if product_id is not None:
        line = line.where(
            product_id_queries.is_about(
                session, product_id, CartCampaignProduct.product_id, CartCampaignProduct.match_mode
            )
        )
    if match_mode is not None:
        line = line.where(CartCampaignProduct.match_mode == match_mode)
    return line


def _plain(column: Any) -> Callable[[bool], Any]:
    return lambda _descending: column


def _of_lines(column: Any, *, mandatory: bool) -> Callable[[bool], Any]:
    """The first of a campaign's lines in the order asked for."""

    def extreme(descending: bool) -> Any:
        first = func.max(column) if descending else func.min(column)
        lines = select(first).where(CartCampaignProduct.campaign_id == CartCampaign.id)
        return lines.where(CartCampaignProduct.mandatory.is_(mandatory)).scalar_subquery()

    return extreme


COLUMNS = {
    "id": _plain(CartCampaign.id),
    "name": _plain(CartCampaign.name),
    "customerId": _plain(CartCampaign.customer_id),
    "description": _plain(CartCampaign.description),
    "status": _plain(CartCampaign.status),
    "startDate": _plain(CartCampaign.start_date),
    "endDate": _plain(CartCampaign.end_date),
    "createDate": _plain(CartCampaign.created_at),
    "updateDate": _plain(CartCampaign.updated_at),
    "dbVersion": _plain(CartCampaign.db_version),
    "products.id": _of_lines(CartCampaignProduct.product_id, mandatory=False),
    "products.matchMode": _of_lines(CartCampaignProduct.match_mode, mandatory=False),
    "mandatoryProducts.id": _of_lines(CartCampaignProduct.product_id, mandatory=True),
    "mandatoryProducts.matchMode": _of_lines(CartCampaignProduct.match_mode, mandatory=True),
}
