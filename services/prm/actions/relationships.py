"""Beginning, answering, pausing and ending relationships."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import conflict_if_taken
from chassis.http import versions
from chassis.messaging import outbox
from services.prm import events, rules
from services.prm.actions import names, tiers
from services.prm.models import ONE_A_PAIR, Relationship, TenantName
from services.prm.queries.relationships import lock_pair, lock_relationship, name_sides
from services.prm.rules import Side, Status, Step

EVENTS = {
    Step.INVITE: events.RelationshipInvited,
    Step.REQUEST: events.RelationshipRequested,
    Step.ACCEPT: events.RelationshipAccepted,
    Step.DECLINE: events.RelationshipDeclined,
    Step.PAUSE: events.RelationshipPaused,
    Step.RESUME: events.RelationshipResumed,
    Step.END: events.RelationshipEnded,
}
AUDITED = {
    Step.INVITE: "invited",
    Step.REQUEST: "requested",
    Step.ACCEPT: "accepted",
    Step.DECLINE: "declined",
    Step.PAUSE: "paused",
    Step.RESUME: "resumed",
    Step.END: "ended",
}


def begin(session: Session, partner: TenantName, *, actor: Principal, now: datetime) -> Relationship:
    """Invite a retailer, or ask a supplier; what had ended begins again in its own row (D10).

    Raises:
        Conflict: ``relationship_exists``.
    """
    side = rules.side_of(actor.role)
    step = rules.opening_step(side)
    own = TenantName(id=actor.tenant_id, name=actor.tenant_name, kind=str(side), sequence=0)
    names.add_missing(session, own, partner)
    pair = (own.id, partner.id) if side is Side.SUPPLIER else (partner.id, own.id)
    relationship = lock_pair(session, *pair)
    if relationship is None:
        relationship = _add(session, *pair, status=rules.STEPS[step][1], now=now)
    else:
        relationship.take(step, by=side, now=now)
    return _publish(session, relationship, step, actor=actor, now=now)


def take_step(
    session: Session, relationship_id: UUID, step: Step, *, expected: ETags | None, actor: Principal, now: datetime
) -> Relationship:
    """Answer, pause, resume or end a relationship. Ending takes the retailer's tier away in the same transaction.

    Raises:
        NotFound: not one of the caller's.
        Stale: ``expected`` is not its version.
        Conflict: ``invalid_transition``.
        Forbidden: an answer by the side that asked.
    """
    if step is Step.END:
        tiers.lock_programme(session, actor.tenant_id)  # before the relationship's lock, as everywhere
    relationship = lock_relationship(session, relationship_id)
    versions.require(relationship, expected)
    if step is Step.END:
        return end(session, relationship, actor=actor, now=now)
    relationship.take(step, by=rules.side_of(actor.role), now=now)
    return _publish(session, relationship, step, actor=actor, now=now)


def end(session: Session, relationship: Relationship, *, actor: Principal, now: datetime) -> Relationship:
    """End a locked relationship for its supplier, whose programme is locked, too; the retailer's tier is taken away.

    Raises:
        Conflict: ``invalid_transition``.
    """
    relationship.take(Step.END, by=rules.side_of(actor.role), now=now)
    _publish(session, relationship, Step.END, actor=actor, now=now)
    tiers.unassign_from_any(session, relationship.retailer_id, actor=actor, now=now)
    return relationship


def _add(session: Session, supplier_id: UUID, retailer_id: UUID, *, status: Status, now: datetime) -> Relationship:
    relationship = Relationship(
        id=uuid7(),
        supplier_id=supplier_id,
        retailer_id=retailer_id,
        status=str(status),
        created_at=now,
        updated_at=now,
        event_sequence=0,
    )
    session.add(relationship)
    return relationship


def _publish(
    session: Session, relationship: Relationship, step: Step, *, actor: Principal, now: datetime
) -> Relationship:
    with session.no_autoflush:
        name_sides(session, relationship)
    audit.record(
        session, f"relationship.{AUDITED[step]}", relationship, tenant_id=actor.tenant_id, actor=actor, now=now
    )
    event = EVENTS[step](
        relationship_id=relationship.id,
        supplier_id=relationship.supplier_id,
        supplier_name=relationship.supplier_name,
        retailer_id=relationship.retailer_id,
        retailer_name=relationship.retailer_name,
        status=relationship.status,
    )
    both = (relationship.supplier_id, relationship.retailer_id)
    # Somebody may have made the pair's row between our look and our insert.
    with conflict_if_taken(ONE_A_PAIR, "There is a relationship already.", code="relationship_exists"):
        outbox.add(session, relationship, event, tenants=both, actor=actor, now=now)
    return relationship
