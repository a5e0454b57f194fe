"""What the scheduler of promotions repeats."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.promotions.actions import carts, evaluations, usage


def trim_evaluations(runtime: Runtime) -> bool:
    """Delete evaluations past their time, a thousand a time; True while there is more."""
    with runtime.database.begin() as session:
        return evaluations.trim(session, now=utcnow())


def trim_reservations(runtime: Runtime) -> bool:
    """Delete reservations that hold nothing, a thousand a time; True while there is more."""
    with runtime.database.begin() as session:
        return usage.trim(session, now=utcnow())


def trim_carts(runtime: Runtime) -> bool:
    """Delete carts that have expired, some hundred a time; True while there may be more."""
    with runtime.database.begin() as session:
        return carts.trim(session, now=utcnow())
