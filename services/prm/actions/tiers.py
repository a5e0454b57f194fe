"""Making, replacing and deleting tiers, and assigning retailers to them.

Everything here locks the supplier's programme first, then tiers: so two changes of one supplier never meet (S0-44).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.errors import Invalid, NotFound
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import insert_ignoring
from chassis.http import versions
from chassis.messaging import outbox
from services.prm import events, rules
from services.prm.models import Assignment, Programme, Tier
from services.prm.queries import tiers as queries
from services.prm.queries.names import names_of
from services.prm.queries.relationships import exists_between


def lock_programme(session: Session, supplier_id: UUID) -> None:
    """Lock a supplier's programme until the transaction ends."""
    insert_ignoring(session, Programme, [{"supplier_id": supplier_id}])
    session.execute(select(Programme).where(Programme.supplier_id == supplier_id).with_for_update())


def create_tier(session: Session, data: dict[str, Any], *, actor: Principal, now: datetime) -> Tier:
    """A new tier (S0-42, S0-48).

    Raises:
        Conflict: ``tier_limit_reached``: there are 10 (S0-44).
    """
    lock_programme(session, actor.tenant_id)
    rules.require_free_slot(queries.number_of_tiers(session, actor.tenant_id))
    tier = Tier(id=uuid7(), supplier_id=actor.tenant_id, created_at=now, event_sequence=0)
    tier.replace(**data, now=now)
    session.add(tier)
    _publish_tier(session, events.TierCreated, "tier.created", tier, actor=actor, now=now)
    return tier


def replace_tier(
    session: Session, tier_id: UUID, data: dict[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> Tier:
    """Replace a tier's name, description, sort order and all benefits (S0-45, S0-46).

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
    """
    lock_programme(session, actor.tenant_id)
    tier = queries.lock_tier(session, tier_id)
    versions.require(tier, expected)
    tier.replace(**data, now=now)
    _publish_tier(session, events.TierReplaced, "tier.replaced", tier, actor=actor, now=now)
    queries.count_assignments(session, [tier])
    return tier


def delete_tier(session: Session, tier_id: UUID, *, expected: ETags | None, actor: Principal, now: datetime) -> None:
    """Delete a tier with its assignments (D16), with an event to each retailer. Raises as ``replace_tier``."""
    lock_programme(session, actor.tenant_id)
    tier = queries.lock_tier(session, tier_id)
    versions.require(tier, expected)
    gone = _unassign_all(session, tier, actor=actor, now=now)
    changes = {
        "name": [tier.name, None],
        "description": [tier.description, None],
        "sortOrder": [tier.sort_order, None],
        "benefits": [tier.benefits, None],
        "assignmentCount": [gone, None],
    }
    _publish_tier(session, events.TierDeleted, "tier.deleted", tier, actor=actor, now=now, changes=changes)
    session.delete(tier)


def assign(session: Session, tier_id: UUID, retailer_id: UUID, *, actor: Principal, now: datetime) -> Assignment:
    """Put a retailer on a tier (S0-49), taking it from the tier it held (S0-51). On the same tier nothing happens,
    also no event and no audit row (S0-52).

    Raises:
        NotFound: the tier is not one of the caller's.
        Invalid: ``no_relationship`` exists with the retailer (S0-50).
    """
    lock_programme(session, actor.tenant_id)
    tier = queries.lock_tier(session, tier_id)
    if not exists_between(session, actor.tenant_id, retailer_id):
        raise Invalid.field("retailerId", "There is no relationship with this retailer.", code="no_relationship")
    names = names_of(session, [actor.tenant_id, retailer_id])
    assignment = queries.assignment_of(session, actor.tenant_id, retailer_id)
    if assignment is None or assignment.tier_id != tier.id:
        previous = queries.lock_tier(session, assignment.tier_id) if assignment else None
        assignment = _put(session, assignment, tier, retailer_id, now)
        _publish_assigned(session, tier, previous, retailer_id, names, actor=actor, now=now)
    assignment.retailer_name = names[retailer_id]
    return assignment


def unassign(session: Session, tier_id: UUID, retailer_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Take a retailer off a tier (S0-49).

    Raises:
        NotFound: the tier is not one of the caller's, or the retailer is not on it.
    """
    lock_programme(session, actor.tenant_id)
    tier = queries.lock_tier(session, tier_id)
    assignment = queries.assignment_of(session, actor.tenant_id, retailer_id)
    if assignment is None or assignment.tier_id != tier.id:
        raise NotFound("This retailer is not on this tier.")
    _remove(session, tier, assignment, actor=actor, now=now)


def unassign_from_any(session: Session, retailer_id: UUID, *, actor: Principal, now: datetime) -> None:
    """Take a retailer off whatever tier of the caller it holds: their relationship ends. The programme is locked."""
    assignment = queries.assignment_of(session, actor.tenant_id, retailer_id)
    if assignment:
        _remove(session, queries.lock_tier(session, assignment.tier_id), assignment, actor=actor, now=now)


def _put(session: Session, assignment: Assignment | None, tier: Tier, retailer_id: UUID, now: datetime) -> Assignment:
    if assignment:
        assignment.move_to(tier, now)
        return assignment
    assignment = Assignment(supplier_id=tier.supplier_id, retailer_id=retailer_id, tier_id=tier.id, assigned_at=now)
    session.add(assignment)
    return assignment


def _remove(session: Session, tier: Tier, assignment: Assignment, *, actor: Principal, now: datetime) -> None:
    session.delete(assignment)
    tier.count_changed(now)
    changes = {"retailerId": [str(assignment.retailer_id), None]}
    audit.record(session, "tier.unassigned", tier, tenant_id=actor.tenant_id, actor=actor, now=now, changes=changes)
    names = names_of(session, [tier.supplier_id, assignment.retailer_id])
    event = _unassigned(tier, names[tier.supplier_id], assignment.retailer_id, names[assignment.retailer_id])
    both = (tier.supplier_id, assignment.retailer_id)
    outbox.add(session, tier, event, tenants=both, actor=actor, now=now)


def _unassign_all(session: Session, tier: Tier, *, actor: Principal, now: datetime) -> int:
    """Remove a tier's assignments with one event each, all at once; return how many there were."""
    holders = queries.holders(session, tier.id)
    supplier_name = _supplier_name(session, actor)
    rows = [
        outbox.row_of(
            _unassigned(tier, supplier_name, retailer_id, name),
            tier.id,
            sequence,
            tenants=(tier.supplier_id, retailer_id),
            actor=actor,
            now=now,
        )
        for sequence, (retailer_id, name) in enumerate(holders, tier.event_sequence + 1)
    ]
    tier.event_sequence += len(rows)
    outbox.add_rows(session, rows)
    session.execute(delete(Assignment).where(Assignment.tier_id == tier.id))
    return len(rows)


def _unassigned(tier: Tier, supplier_name: str, retailer_id: UUID, retailer_name: str) -> events.TierUnassigned:
    return events.TierUnassigned(
        tier_id=tier.id,
        tier_name=tier.name,
        supplier_id=tier.supplier_id,
        supplier_name=supplier_name,
        retailer_id=retailer_id,
        retailer_name=retailer_name,
    )


def _publish_tier(
    session: Session,
    event_type: type[events.TierCreated | events.TierReplaced | events.TierDeleted],
    action: str,
    tier: Tier,
    *,
    actor: Principal,
    now: datetime,
    changes: dict[str, Any] | None = None,
) -> None:
    audit.record(session, action, tier, tenant_id=tier.supplier_id, actor=actor, now=now, changes=changes)
    with session.no_autoflush:
        supplier_name = _supplier_name(session, actor)
    event = event_type(
        tier_id=tier.id,
        tier_name=tier.name,
        supplier_id=tier.supplier_id,
        supplier_name=supplier_name,
        description=tier.description,
        sort_order=tier.sort_order,
        benefits=tuple(tier.benefits),
    )
    outbox.add(session, tier, event, tenants=(tier.supplier_id,), actor=actor, now=now)


def _publish_assigned(
    session: Session,
    tier: Tier,
    previous: Tier | None,
    retailer_id: UUID,
    names: dict[UUID, str],
    *,
    actor: Principal,
    now: datetime,
) -> None:
    tier.count_changed(now)
    if previous:
        previous.count_changed(now)
    changes = {"retailerId": [None, str(retailer_id)], "heldTierId": [previous and str(previous.id), str(tier.id)]}
    audit.record(session, "tier.assigned", tier, tenant_id=tier.supplier_id, actor=actor, now=now, changes=changes)
    event = events.TierAssigned(
        tier_id=tier.id,
        tier_name=tier.name,
        supplier_id=tier.supplier_id,
        supplier_name=names[tier.supplier_id],
        retailer_id=retailer_id,
        retailer_name=names[retailer_id],
        previous_tier_id=previous.id if previous else None,
        previous_tier_name=previous.name if previous else None,
    )
    outbox.add(session, tier, event, tenants=(tier.supplier_id, retailer_id), actor=actor, now=now)


def _supplier_name(session: Session, actor: Principal) -> str:
    """The caller's own name, also before identity's event about it has come."""
    return names_of(session, [actor.tenant_id]).get(actor.tenant_id, actor.tenant_name)
