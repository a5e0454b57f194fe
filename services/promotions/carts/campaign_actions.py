"""Create, replace and delete cart campaigns (S4). Locks: the campaign's row, then its linked products."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.http import versions
from services.promotions.carts import campaign_queries, campaign_rules, events, linked_product_actions
from services.promotions.carts.campaign_models import ONE_FOLDED_NAME_A_CUSTOMER, ONE_NAME_A_CUSTOMER, CartCampaign
from services.promotions.catalogue import pricelist_queries, product_queries
from services.promotions.common.actions import audit, flush, publish


def create_campaign(session: Session, data: dict[str, Any], *, actor: Principal, now: datetime) -> CartCampaign:
    """A new campaign, ``dbVersion`` 0 (S4-6, S4-13).

    Raises:
        Invalid: the end is not after the start (S4-8), or there is no such price list.
        Conflict: ``campaign_name_taken`` (S4-9, D51).
    """
    campaign = CartCampaign.create(tenant_id=actor.tenant_id, now=now, db_version=0)
    _write(session, campaign, data)
    session.add(campaign)
    lines = _lines_changed({"products": [], "mandatoryProducts": []}, campaign)
    audit(session, "cart_campaign.created", campaign, actor=actor, now=now, changes=lines)
    _flush(session)
    publish(session, campaign, events.CartCampaignCreated, campaign_id=campaign.id, actor=actor, now=now)
    return campaign


def replace_campaign(
    session: Session,
    campaign_id: UUID,
    data: dict[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> CartCampaign:
    """Replace a campaign, in the version the caller has read where it names one (S4-14, S4-15, D6). Raises as
    ``create_campaign``, and:

    Raises:
        NotFound: not one of the caller's.
        Stale: it was changed since the version that the caller names.
    """
    campaign = campaign_queries.lock_campaign(session, campaign_id)
    versions.require(campaign, expected)
    campaign_rules.require_version(campaign.db_version, data["db_version"])
    before = _lines(campaign)
    with session.no_autoflush:
        _write(session, campaign, data)
    campaign.touch(now)
    lines = _lines_changed(before, campaign)
    audit(session, "cart_campaign.replaced", campaign, actor=actor, now=now, changes=lines)
    _flush(session)
    publish(session, campaign, events.CartCampaignReplaced, campaign_id=campaign.id, actor=actor, now=now)
    return campaign


def delete_campaign(
    session: Session, campaign_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime
) -> None:
    """Delete a campaign with its linked products (S4-17). Carts that had it are plain from now on.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
    """
    campaign = campaign_queries.lock_campaign(session, campaign_id)
    versions.require(campaign, expected)
    linked_product_actions.delete_of_campaign(session, campaign.id, actor=actor, now=now)
    gone = {
        "name": [campaign.name, None],
        "customerId": [campaign.customer_id, None],
        "status": [campaign.status, None],
    } | {name: [lines, []] for name, lines in _lines(campaign).items() if lines}
    audit(session, "cart_campaign.deleted", campaign, actor=actor, now=now, changes=gone)
    publish(session, campaign, events.CartCampaignDeleted, campaign_id=campaign.id, actor=actor, now=now)
    session.delete(campaign)


def _write(session: Session, campaign: CartCampaign, data: Mapping[str, Any]) -> None:
    end = data["end_date"]
    if end is not None and end <= data["start_date"]:
        raise Invalid.field("endDate", "must be greater than startDate")
    fields = {name: data[name] for name in ("name", "customer_id", "description", "status", "start_date", "end_date")}
    if "pricelist_uid" in data:
        fields["pricelist_id"] = pricelist_queries.pricelist_id(session, data["pricelist_uid"])
        campaign.pricelist_uid = data["pricelist_uid"]
    filtered, mandatory = data["products"] or [], data["mandatory_products"] or []
    places = {"products": [line["id"] for line in filtered], "mandatoryProducts": [line["id"] for line in mandatory]}
    known = product_queries.products_of(session, {*places["products"], *places["mandatoryProducts"]})
    campaign.write(
        fields,
        products=campaign_rules.with_modes(filtered, known),
        mandatory_products=campaign_rules.with_modes(mandatory, known),
    )
    campaign.warnings = campaign_rules.about_unknown(places, known)


def _flush(session: Session) -> None:
    taken = Conflict("Marketing campaign name must be unique along with customerId.", code="campaign_name_taken")
    flush(session, {ONE_NAME_A_CUSTOMER: taken, ONE_FOLDED_NAME_A_CUSTOMER: taken})


def _lines(campaign: CartCampaign) -> dict[str, list[dict[str, str]]]:
    def shown(lines: Any) -> list[dict[str, str]]:
        return [{"id": line.product_id, "matchMode": line.match_mode} for line in lines]

    return {"products": shown(campaign.products), "mandatoryProducts": shown(campaign.mandatory_products)}


def _lines_changed(before: Mapping[str, Any], campaign: CartCampaign) -> dict[str, Any]:
    """The lists of products that differ now, for the audit trail."""
    after = _lines(campaign)
    return {name: [before[name], after[name]] for name in after if before[name] != after[name]}
