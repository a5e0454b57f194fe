"""Create, change and delete store campaigns, and store the status that the clock gives them (S3).

Lock: the campaign's row. Every change first catches up with the clock, so that a start and an end are published once
and in order, whether or not the scheduler was there before.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.errors import Invalid
from chassis.core.principal import Principal
from chassis.http import versions
from contracts.roles import Role
from services.promotions.catalogue import actions as catalogue_actions
from services.promotions.common.actions import audit, publish
from services.promotions.common.models import Base
from services.promotions.store_campaigns import events, queries, rules
from services.promotions.store_campaigns.models import StoreCampaign, StoreCampaignStore
from services.promotions.store_campaigns.name_actions import flush_names, insert_campaign, renamed, require_free
from services.promotions.store_campaigns.rules import Status

LINKS = Base.metadata.tables["store_campaign_stores"]
CLOCK = Principal.system("promotions")
EVENT_BY_STATUS = {Status.ACTIVE: events.CampaignStarted, Status.EXPIRED: events.CampaignEnded}


def create_campaign(
    session: Session, data: dict[str, Any], *, store_uids: Sequence[str], actor: Principal, now: datetime
) -> StoreCampaign:
    """A new campaign, shown by ``store_uids``. Its window may lie anywhere (S3-19).

    Raises:
        Invalid: name or identifier is taken, a store unknown, or ``invalid_date_range``.
    """
    rules.require_window(data["starts_at"], data["ends_at"])
    key = uuid7()
    require_free(session, key, actor.tenant_id, data)
    linked = _known_stores(session, store_uids)
    campaign = insert_campaign(session, key, data, actor, now)
    _link(session, campaign, linked, now)
    _publish(session, campaign, events.CampaignCreated, actor, now)
    if campaign.status == Status.ACTIVE:
        _publish(session, campaign, events.CampaignStarted, actor, now)
    catch_up(session, campaign, now)
    _renew_bundles(session, campaign)
    return campaign


def update_campaign(
    session: Session,
    campaign_id: str,
    changes: Mapping[str, Any],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> tuple[StoreCampaign, tuple[str, ...]]:
    """Change what is named, at once (S3-4, S3-6). A change of nothing publishes no event and writes no audit row.

    Returns the campaign and which of the named fields are in force (S3-3).

    Raises:
        NotFound: ``campaign_not_found``.
        Stale: ``expected`` is not its version.
        Conflict: ``campaign_not_modifiable`` (S3-13).
        Invalid: name or identifier is taken, or ``invalid_date_range``.
        Forbidden: ``extra_permission_required``.
    """
    campaign = _lock_modifiable(session, campaign_id, expected, now)
    before = Status(campaign.status)
    require_free(session, campaign.id, campaign.tenant_id, renamed(campaign, changes))
    different = campaign.change(changes, is_person=actor.role != Role.MACHINE, now=now)
    if different:
        campaign.catch_up(now)
        audit(session, "store_campaign.updated", campaign, actor=actor, now=now)
        flush_names(session)
        _publish(session, campaign, events.CampaignUpdated, actor, now, updated_fields=different)
        after = Status(campaign.status)
        if after is not before and after in EVENT_BY_STATUS:
            _publish(session, campaign, EVENT_BY_STATUS[after], actor, now)
        _renew_bundles(session, campaign)
    return campaign, tuple(name for name in changes if _is_in_force(campaign, name, changes[name], different))


def link_stores(
    session: Session,
    campaign_id: str,
    store_uids: Sequence[str],
    *,
    expected: ETags | None,
    actor: Principal,
    now: datetime,
) -> StoreCampaign:
    """Let these stores and no others show the campaign (S3-9). Raises as ``update_campaign``, and:

    Raises:
        Invalid: there is no such store.
    """
    campaign = _lock_modifiable(session, campaign_id, expected, now)
    linked, before = _known_stores(session, store_uids), campaign.store_uids
    if sorted(linked) != before:
        changes = {"storeIds": [before, sorted(linked)]}
        campaign.updated_at = now
        audit(session, "store_campaign.linked", campaign, actor=actor, now=now, changes=changes)
        _link(session, campaign, linked, now)
        _publish(session, campaign, events.CampaignUpdated, actor, now, updated_fields=("store_ids",))
        catalogue_actions.touch(session, campaign.tenant_id)
    return campaign


def delete_campaign(
    session: Session, campaign_id: str, *, expected: ETags | None, actor: Principal, now: datetime
) -> UUID:
    """Delete a campaign that is over or never ran (D44). Its name and identifier are free; its audit trail stays.

    Returns its id.

    Raises:
        NotFound: ``campaign_not_found``.
        Stale: ``expected`` is not its version.
        Conflict: ``campaign_not_modifiable``: it runs, or has run and may go on.
    """
    campaign = queries.lock_campaign(session, campaign_id, now)
    versions.require(campaign, expected)
    rules.require_deletable(campaign.current_status, has_run=queries.has_run(session, campaign.id))
    catch_up(session, campaign, now)
    gone = {"name": [campaign.name, None], "campaignIdentifier": [campaign.campaign_identifier, None]}
    audit(session, "store_campaign.deleted", campaign, actor=actor, now=now, changes=gone)
    _publish(session, campaign, events.CampaignDeleted, actor, now)
    session.execute(delete(StoreCampaignStore).where(StoreCampaignStore.campaign_id == campaign.id))
    session.delete(campaign)
    return campaign.id


def catch_up(session: Session, campaign: StoreCampaign, now: datetime) -> None:
    """Store and publish the status that the clock gives a locked campaign (S3-7). A second call does nothing."""
    passed = campaign.catch_up(now)
    if not passed:
        return
    audit(session, "store_campaign.clocked", campaign, actor=CLOCK, now=now)
    campaign.current_status = campaign.status_at(now)
    for status in passed:
        _publish(session, campaign, EVENT_BY_STATUS[status], CLOCK, now, status=status)


def _renew_bundles(session: Session, campaign: StoreCampaign) -> None:
    """Have the till bundles of the campaign's stores made again (D44). This is the last statement of a change."""
    if campaign.store_uids:
        catalogue_actions.touch(session, campaign.tenant_id)


def _lock_modifiable(session: Session, campaign_id: str, expected: ETags | None, now: datetime) -> StoreCampaign:
    """A campaign to change: locked, in the version the caller has seen, up to date with the clock, and not over."""
    campaign = queries.lock_campaign(session, campaign_id, now)
    versions.require(campaign, expected)
    rules.require_modifiable(campaign.status_at(now))
    catch_up(session, campaign, now)
    return campaign


def _is_in_force(campaign: StoreCampaign, name: str, value: Any, different: Sequence[str]) -> bool:
    """Whether what an update named holds now (S3-3); ``active`` does not where a later start came with it (D43)."""
    is_delayed = name == "status" and value == Status.ACTIVE and campaign.status == Status.SCHEDULED
    return bool(getattr(campaign, name) == value) or (name in different and not is_delayed)


def _known_stores(session: Session, store_uids: Sequence[str]) -> dict[str, UUID]:
    ids = queries.store_ids(session, store_uids)
    unknown = [
        {"field": f"store_ids.{place}", "message": f"There is no store {store_uid}"}
        for place, store_uid in enumerate(store_uids)
        if store_uid not in ids
    ]
    if unknown:
        raise Invalid("Field validation failed", errors=unknown[:100])
    return ids


def _link(session: Session, campaign: StoreCampaign, linked: Mapping[str, UUID], now: datetime) -> None:
    session.execute(delete(StoreCampaignStore).where(StoreCampaignStore.campaign_id == campaign.id))
    rows = [{"campaign_id": campaign.id, "store_id": store_id} for store_id in linked.values()]
    if rows:
        session.execute(insert(LINKS), rows)
    queries.complete(session, [campaign], now)


def _publish(
    session: Session, campaign: StoreCampaign, event_type: type, actor: Principal, now: datetime, **facts: Any
) -> None:
    facts |= {"campaign_id": campaign.id, "company_id": campaign.tenant_id, "store_ids": tuple(campaign.store_uids)}
    publish(session, campaign, event_type, actor=actor, now=now, **facts)
