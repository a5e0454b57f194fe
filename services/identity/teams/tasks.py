"""What identity's scheduler repeats for teams."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity.teams import ending


def end_tenants(runtime: Runtime) -> bool:
    """Take away what is left of tenants whose grace is over; True while there may be more."""
    with runtime.database.begin() as session:
        return ending.end_some(session, now=utcnow())
