"""Replaces a campaign's selection, and resolves it to products and variants when the campaign is activated (S1-27)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, false, insert, literal, true
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.principal import Principal
from chassis.core.text import camel
from chassis.data.bulk import execute_counted, insert_many
from chassis.http import versions
from services.promotions.common.actions import audit, publish
from services.promotions.common.models import Base
from services.promotions.sales import events, queries, rules
from services.promotions.sales.models import SalesCampaign
from services.promotions.sales.queries import SeenCampaign, Selection
from services.promotions.sales.rules import KINDS, Discount, Type
from services.promotions.sales.selection_queries import excluded_variants, selected_products, selected_variants

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
    count = execute_counted(session, insert(SNAPSHOTS).from_select(["product_id", "campaign_id"], chosen))
    _set_apart(session, campaign, excluded_variants(campaign), selected=False)
    return count + _set_apart(session, campaign, selected_variants(session, campaign), selected=True)


def _set_apart(session: Session, campaign: SalesCampaign, uids: Select[tuple[str]], *, selected: bool) -> int:
    """Variants that are in, or out, whatever holds for their products (D68)."""
    columns = VARIANTS.c
    mine = literal(campaign.id, columns.campaign_id.type), literal(campaign.tenant_id, columns.tenant_id.type)
    rows = uids.add_columns(*mine, true() if selected else false())
    return execute_counted(
        session, insert(VARIANTS).from_select(["variant_uid", "campaign_id", "tenant_id", "selected"], rows)
    )


LINES = Base.metadata.tables["sales_selections"]


def replace_selection(
    session: Session,
    campaign_uid: str,
    selection: Mapping[str, Mapping[str, Sequence[str]]],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> SeenCampaign:
    """Replace the selection of a campaign that is not active (S1-28, D21). What it names need not exist yet.

    Args:
        selection: by side (``include``, ``exclude``) and kind (``brand_uids`` …).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``campaign_active``.
        Invalid: the campaign can have none (S1-36).
    """
    campaign = queries.lock_campaign(session, campaign_uid)
    versions.require(campaign, expected)
    campaign.require_editable()
    lines = _lines(campaign, selection)
    if lines:
        rules.require_valid(campaign.details, has_selection=True)
    before = queries.seen(session, campaign).selection
    session.execute(delete(LINES).where(LINES.c.campaign_id == campaign.id))
    if lines:
        insert_many(session, LINES, lines)
    after = queries.seen(session, campaign)
    if after.selection != before:
        campaign.updated_at = now
        _record_change(session, campaign, before, after.selection, actor=actor, now=now)
    return after


def _record_change(
    session: Session, campaign: SalesCampaign, before: Selection, after: Selection, *, actor: Principal, now: datetime
) -> None:
    """Audit what the campaign was and is for, and publish how many things of each kind it names."""
    changes = {"selection": [_named(before), _named(after)]}
    audit(session, "sales_campaign.selected", campaign, actor=actor, now=now, changes=changes)
    included, excluded = ({camel(kind): len(lines) for kind, lines in after[side].items()} for side in queries.SIDES)
    event = events.SalesSelectionReplaced
    publish(session, campaign, event, included=included, excluded=excluded, actor=actor, now=now)


def _lines(campaign: SalesCampaign, selection: Mapping[str, Mapping[str, Sequence[str]]]) -> list[dict[str, Any]]:
    """A selection as rows; what is named twice counts once."""
    return [
        {"campaign_id": campaign.id, "side": side, "kind": kind, "uid": uid, "position": position}
        for side in queries.SIDES
        for kind in KINDS
        for position, uid in enumerate(dict.fromkeys(selection[side][f"{kind}_uids"]))
    ]


def _named(selection: Selection) -> dict[str, dict[str, list[str]]]:
    """A selection for the audit trail: uids only, and no empty lists."""
    return {
        side: {
            camel(kind): [line[f"{singular}_uid"] for line in selection[side][kind]]
            for singular, kind in KINDS.items()
            if selection[side][kind]
        }
        for side in queries.SIDES
    }
