"""Create, change and activate sales campaigns (S1).

Locks: the tenant's currency where a body has amounts, the campaign's row, the tenant's catalogue. Only a change that
starts or ends an effect raises the catalogue's revision: a campaign that is not active is in no evaluation.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.data.bulk import insert_many
from chassis.http import versions
from services.promotions.catalogue import actions as catalogue_actions
from services.promotions.catalogue import pricelist_queries, store_queries
from services.promotions.catalogue.actions import lock_currency
from services.promotions.catalogue.models import Store
from services.promotions.catalogue.rules import Fitter
from services.promotions.common import actions as common_actions
from services.promotions.common.actions import audit, publish
from services.promotions.common.models import Base
from services.promotions.common.rules import slug
from services.promotions.sales import events, queries, rules
from services.promotions.sales.models import ONE_UID, SalesCampaign
from services.promotions.sales.queries import SeenCampaign
from services.promotions.sales.selection_actions import take_snapshot

STORES = Base.metadata.tables["sales_stores"]


AMOUNTS = {"amount_threshold": "amountThreshold", "discount_amount": "discountAmount"}


def create(session: Session, data: dict[str, Any], *, actor: Principal, now: datetime) -> SeenCampaign:
    """A new campaign, which has no effect yet (S1-11).

    Raises:
        Conflict: ``campaign_exists``: the uid is taken (S1-8).
        Invalid: details do not go together, name what is not there, or are finer than the currency.
    """
    campaign_uid = data.pop("campaign_uid")
    details, where = _resolve(session, _in_currency(data, _currency_for(session, data, actor)))
    rules.require_valid(details, has_selection=False)

    def make(uid: str) -> SalesCampaign:
        campaign = SalesCampaign.create(
            tenant_id=actor.tenant_id, now=now, campaign_uid=uid, status=rules.Status.NEW, **details
        )
        session.add(campaign)
        changes = {"storeUids": [None, [store.store_uid for store in where or ()]]}
        audit(session, "sales_campaign.created", campaign, actor=actor, now=now, changes=changes)
        return campaign

    campaign = common_actions.insert_with_uid(
        session,
        make,
        uid=campaign_uid,
        seed=slug(details["display_name"], otherwise="campaign"),
        column=SalesCampaign.campaign_uid,
        unique=ONE_UID,
        taken=Conflict(f"There is a campaign {campaign_uid} already.", code="campaign_exists"),
    )
    _replace_stores(session, campaign, where or ())
    return _publish(session, campaign, events.SalesCampaignCreated, actor=actor, now=now)


def change(
    session: Session,
    campaign_uid: str,
    data: dict[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> SeenCampaign:
    """Change the details that are named, then the status (S1-12); what is as it was already changes nothing.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``campaign_active``: details of an active campaign (S1-13); ``invalid_transition``.
        Invalid: details do not go together, name what is not there, or are finer than the currency.
    """
    currency = _currency_for(session, data, actor)
    campaign = queries.lock_campaign(session, campaign_uid)
    versions.require(campaign, expected)
    if data.pop("campaign_uid", campaign_uid) != campaign_uid:
        raise Invalid.field("campaignUid", "A campaign keeps its uid.")
    status = data.pop("status", campaign.status)
    details, where = _resolve(session, _in_currency(data, currency))
    shown = _change_details(session, campaign, details, where, actor=actor, now=now)
    if status != campaign.status:
        shown = _change_status(session, campaign, status, actor=actor, now=now)
    return shown or queries.seen(session, campaign)


def _currency_for(session: Session, data: Mapping[str, Any], actor: Principal) -> str | None:
    """The tenant's currency, locked, where a body has amounts; else None."""
    return lock_currency(session, actor.tenant_id) if any(data.get(name) for name in AMOUNTS) else None


def _in_currency(data: dict[str, Any], currency: str | None) -> dict[str, Any]:
    if currency is None:
        return data
    fitter = Fitter(currency)
    fitted = fitter.fit(data, AMOUNTS)
    fitter.require()
    return fitted


def _resolve(session: Session, data: dict[str, Any]) -> tuple[dict[str, Any], list[Store] | None]:
    """What a body names, as columns of the campaign; and the stores, None where it names none."""
    details = dict(data)
    where = None
    if "store_uids" in details:
        where = store_queries.by_uids(session, details.pop("store_uids"))
        details["all_stores"] = not where
    if "pricelist_uid" in details:
        details["pricelist_id"] = pricelist_queries.pricelist_id(session, details.pop("pricelist_uid"))
    if "customer_group_uid" in details:
        details["customer_group_id"] = store_queries.customer_group_id(session, details.pop("customer_group_uid"))
    return details, where


def _change_details(
    session: Session,
    campaign: SalesCampaign,
    details: Mapping[str, Any],
    where: Sequence[Store] | None,
    *,
    actor: Principal,
    now: datetime,
) -> SeenCampaign | None:
    """Take over what is different; None where nothing is."""
    before = [store.store_uid for store in queries.seen(session, campaign).stores]
    after = before if where is None else [store.store_uid for store in where]
    different = {name: value for name, value in details.items() if getattr(campaign, name) != value}
    if not different and before == after:
        return None
    campaign.require_editable()
    selected = queries.has_selection(session, campaign)
    rules.require_valid(campaign.details | different, has_selection=selected)
    campaign.change(different, now)
    changes = {"storeUids": [before, after]} if before != after else {}
    audit(session, "sales_campaign.changed", campaign, actor=actor, now=now, changes=changes)
    if where is not None:
        _replace_stores(session, campaign, where)
    return _publish(session, campaign, events.SalesCampaignChanged, actor=actor, now=now)


def _change_status(
    session: Session, campaign: SalesCampaign, status: str, *, actor: Principal, now: datetime
) -> SeenCampaign:
    """Activate or deactivate (S1-12, S1-15)."""
    campaign.become(status, now)
    if status == rules.Status.ACTIVE:
        audit(session, "sales_campaign.activated", campaign, actor=actor, now=now)
        count = take_snapshot(session, campaign)
        shown = _publish(session, campaign, events.SalesCampaignActivated, actor=actor, now=now, product_count=count)
    else:
        audit(session, "sales_campaign.deactivated", campaign, actor=actor, now=now)
        shown = _publish(session, campaign, events.SalesCampaignDeactivated, actor=actor, now=now)
    catalogue_actions.touch(session, actor.tenant_id)
    return shown


def _replace_stores(session: Session, campaign: SalesCampaign, where: Sequence[Store]) -> None:
    session.execute(delete(STORES).where(STORES.c.campaign_id == campaign.id))
    rows = [
        {"campaign_id": campaign.id, "store_id": store.id, "position": position} for position, store in enumerate(where)
    ]
    if rows:
        insert_many(session, STORES, rows)


def _publish(
    session: Session, campaign: SalesCampaign, event_type: type, *, actor: Principal, now: datetime, **facts: Any
) -> SeenCampaign:
    """Publish a campaign as it is now; returns it as an answer shows it."""
    shown = queries.seen(session, campaign)
    publish(
        session,
        campaign,
        event_type,
        store_uids=[store.store_uid for store in shown.stores],
        pricelist_uid=shown.pricelist and shown.pricelist.pricelist_uid,
        customer_group_uid=shown.customer_group and shown.customer_group.customer_group_uid,
        actor=actor,
        now=now,
        **facts,
    )
    return shown
