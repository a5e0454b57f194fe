"""Scheduled work: deletes old evaluations and reservations."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.promotions.evaluations import actions as evaluations_actions
from services.promotions.evaluations import usage_actions


def trim_evaluations(runtime: Runtime) -> bool:
    """Delete evaluations past their time, a thousand a time; True while there is more."""
    with runtime.database.begin() as session:
        return evaluations_actions.trim(session, now=utcnow())


def trim_reservations(runtime: Runtime) -> bool:
    """Delete reservations that hold nothing, a thousand a time; True while there is more."""
    with runtime.database.begin() as session:
        return usage_actions.trim(session, now=utcnow())
