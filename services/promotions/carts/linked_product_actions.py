"""Create, replace and delete linked products (S4-19, S4-20). Locks: the campaign's row, then the linked products."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.errors import Invalid
from chassis.core.principal import Principal
from chassis.http import versions
from chassis.messaging import outbox
from services.promotions.carts import campaign_rules, events, linked_product_queries
from services.promotions.carts.campaign_models import CartCampaign, LinkedProducts
from services.promotions.catalogue import product_queries
from services.promotions.common.actions import audit, event_of, publish


def create(session: Session, data: dict[str, Any], *, actor: Principal, now: datetime) -> LinkedProducts:
    """New linked products, ``dbVersion`` 0 (S4-13).

    Raises:
        Invalid: the caller has no such campaign, or a product is linked to itself.
    """
    _lock_campaign(session, data)
    linked = LinkedProducts.create(tenant_id=actor.tenant_id, now=now, db_version=0)
    _write(session, linked, data)
    session.add(linked)
    audit(session, "linked_products.created", linked, actor=actor, now=now)
    publish(session, linked, events.LinkedProductsCreated, linked_products_id=linked.id, actor=actor, now=now)
    return linked


def replace(
    session: Session,
    linked_id: UUID,
    data: dict[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> LinkedProducts:
    """Replace linked products, in the version the caller has read where it names one (S4-14, S4-15, S4-19, D6).
    Raises as ``create``, and:

    Raises:
        NotFound: not the caller's.
        Stale: they were changed since the version that the caller names.
    """
    _require_version(linked_product_queries.link(session, linked_id), data, expected)
    _lock_campaign(session, data)
    linked = linked_product_queries.lock_link(session, linked_id)  # after the campaign; a refusal has locked nothing
    _require_version(linked, data, expected)
    _write(session, linked, data)
    linked.touch(now)
    audit(session, "linked_products.replaced", linked, actor=actor, now=now)
    publish(session, linked, events.LinkedProductsReplaced, linked_products_id=linked.id, actor=actor, now=now)
    return linked


def delete_one(session: Session, linked_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime) -> None:
    """Delete linked products.

    Raises:
        NotFound: not the caller's.
        Stale: ``expected`` is not their version.
    """
    linked = linked_product_queries.lock_link(session, linked_id)
    versions.require(linked, expected)
    audit(session, "linked_products.deleted", linked, actor=actor, now=now, changes=_gone(linked))
    publish(session, linked, events.LinkedProductsDeleted, linked_products_id=linked.id, actor=actor, now=now)
    session.delete(linked)


def delete_of_campaign(session: Session, campaign_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Delete all linked products of a locked campaign, each with its event and audit row."""
    links = linked_product_queries.lock_links_of_campaign(session, campaign_id)
    for link in links:
        audit(session, "linked_products.deleted", link, actor=actor, now=now, changes=_gone(link))
    rows = [
        outbox.row_of(
            event_of(link, events.LinkedProductsDeleted, linked_products_id=link.id),
            link.id,
            link.event_sequence + 1,
            tenants=(link.tenant_id,),
            actor=actor,
            now=now,
        )
        for link in links
    ]
    outbox.add_rows(session, rows)
    session.execute(delete(LinkedProducts).where(LinkedProducts.marketing_campaign_id == campaign_id))


def _require_version(linked: LinkedProducts, data: dict[str, Any], expected: ETags | None) -> None:
    versions.require(linked, expected)
    campaign_rules.require_version(linked.db_version, data["db_version"])


def _lock_campaign(session: Session, data: dict[str, Any]) -> None:
    """S4-20: the campaign is there, and stays until this transaction ends."""
    if data["base_product"]["id"] == data["linked_product"]["id"]:
        raise Invalid.field("linkedProduct.id", "must be another product than baseProduct")
    campaign = select(CartCampaign.id).where(CartCampaign.id == data["marketing_campaign_id"])
    if session.scalar(campaign.with_for_update(read=True, key_share=True)) is None:
        raise Invalid.field("marketingCampaignId", "there is no such campaign")


def _write(session: Session, linked: LinkedProducts, data: dict[str, Any]) -> None:
    base, dependent = data["base_product"], data["linked_product"]
    known = product_queries.products_of(session, {base["id"], dependent["id"]})
    base_product, linked_product = campaign_rules.with_modes([base, dependent], known)
    linked.write(
        customer_id=data["customer_id"],
        marketing_campaign_id=data["marketing_campaign_id"],
        base_product=base_product,
        linked_product=linked_product,
    )
    linked.warnings = campaign_rules.about_unknown(
        {"baseProduct": [base["id"]], "linkedProduct": [dependent["id"]]}, known
    )


def _gone(linked: LinkedProducts) -> dict[str, Any]:
    return {
        "marketingCampaignId": [str(linked.marketing_campaign_id), None],
        "baseProduct": [linked.base_product, None],
        "linkedProduct": [linked.linked_product, None],
    }
