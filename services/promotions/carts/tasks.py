"""Scheduled work: deletes expired carts."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.promotions.carts import actions


def trim_carts(runtime: Runtime) -> bool:
    """Delete carts that have expired, some hundred a time; True while there may be more."""
    with runtime.database.begin() as session:
        return actions.trim(session, now=utcnow())
