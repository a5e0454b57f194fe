"""What identity's scheduler repeats for tenants."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity.tenants import actions


def name_tenants(runtime: Runtime) -> bool:
    """Give slugs and folded names to tenants that older code has made; True while there may be more."""
    with runtime.database.begin() as session:
        named = actions.name_tenants(session, now=utcnow())
        return actions.fold_names(session) or named
