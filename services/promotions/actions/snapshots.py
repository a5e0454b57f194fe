"""Resolving a campaign's selection to products, for as long as the campaign is active (S1-27)."""

from sqlalchemy import CursorResult, delete, insert, literal
from sqlalchemy.orm import Session

from services.promotions.engine import Discount
from services.promotions.models import Base, SalesCampaign
from services.promotions.queries.sales import selected_products
from services.promotions.rules.sales import Type

SNAPSHOTS = Base.metadata.tables["sales_snapshots"]


def take_snapshot(session: Session, campaign: SalesCampaign) -> int | None:
    """Write down which products a campaign is for from now on, instead of those of its last time.

    Two statements, however many products there are: the database does it without showing us any.

    Returns:
        How many there are; None for a campaign that has no selection of products.
    """
    session.execute(delete(SNAPSHOTS).where(SNAPSHOTS.c.campaign_id == campaign.id))
    if campaign.type == Type.PRICELIST or campaign.discount_type == Discount.ORDER_DISCOUNT:
        return None
    chosen = selected_products(session, campaign).add_columns(literal(campaign.id, SNAPSHOTS.c.campaign_id.type))
    written = insert(SNAPSHOTS).from_select(["product_id", "campaign_id"], chosen)
    result = session.execute(written, execution_options={"preserve_rowcount": True})
    assert isinstance(result, CursorResult)
    return result.rowcount
