"""Resolves a campaign's selection to products and variants, for as long as the campaign is active (S1-27)."""

from sqlalchemy import CursorResult, Select, delete, false, insert, literal, true
from sqlalchemy.orm import Session

from services.promotions.common.models import Base
from services.promotions.sales.models import SalesCampaign
from services.promotions.sales.queries import excluded_variants, selected_products, selected_variants
from services.promotions.sales.rules import Discount, Type

SNAPSHOTS = Base.metadata.tables["sales_snapshots"]
VARIANTS = Base.metadata.tables["sales_variants"]


def take_snapshot(session: Session, campaign: SalesCampaign) -> int | None:
    """Write down which products and variants a campaign is for from now on, instead of those of its last time.

    A fixed number of statements, however many there are: the database does it without showing us any.

    Returns:
        How many there are; None for a campaign that has no selection of products.
    """
    session.execute(delete(SNAPSHOTS).where(SNAPSHOTS.c.campaign_id == campaign.id))
    session.execute(delete(VARIANTS).where(VARIANTS.c.campaign_id == campaign.id))
    if campaign.type == Type.PRICELIST or campaign.discount_type == Discount.ORDER_DISCOUNT:
        return None
    mine = literal(campaign.id, SNAPSHOTS.c.campaign_id.type)
    chosen = selected_products(session, campaign).add_columns(mine)
    written = insert(SNAPSHOTS).from_select(["product_id", "campaign_id"], chosen)
    result = session.execute(written, execution_options={"preserve_rowcount": True})
    assert isinstance(result, CursorResult)
    _set_apart(session, campaign, excluded_variants(campaign), selected=False)
    return result.rowcount + _set_apart(session, campaign, selected_variants(session, campaign), selected=True)


def _set_apart(session: Session, campaign: SalesCampaign, uids: Select[tuple[str]], *, selected: bool) -> int:
    """Variants that are in, or out, whatever holds for their products (D68)."""
    columns = VARIANTS.c
    mine = literal(campaign.id, columns.campaign_id.type), literal(campaign.tenant_id, columns.tenant_id.type)
    rows = uids.add_columns(*mine, true() if selected else false())
    written = insert(VARIANTS).from_select(["variant_uid", "campaign_id", "tenant_id", "selected"], rows)
    result = session.execute(written, execution_options={"preserve_rowcount": True})
    assert isinstance(result, CursorResult)
    return result.rowcount
