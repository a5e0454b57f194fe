"""Deletes what tenants that have ended leave."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.notifier.standing import actions

TENANTS = 1000


def forget_ended_tenants(runtime: Runtime) -> bool:
    """Delete some of what each ended tenant has left, in transactions of its own; returns whether there may be more."""
    with runtime.database.read() as session:
        tenants = actions.ended_tenants(session, TENANTS)
    more = False
    for tenant_id in tenants:
        with runtime.database.begin() as session:
            more = actions.delete_some(session, tenant_id, now=utcnow()) or more
    return more
