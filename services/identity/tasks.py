"""What identity's scheduler repeats."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity import settings
from services.identity.actions import sessions, signing_keys, tenants


def rotate_keys(runtime: Runtime) -> None:
    """Take the rotation of signing keys one step further where one is due."""
    with runtime.database.begin() as session:
        signing_keys.rotate_keys(session, settings=settings.of(runtime.settings), now=utcnow())


def name_tenants(runtime: Runtime) -> bool:
    """Give slugs and folded names to tenants that older code has made; True while there may be more."""
    with runtime.database.begin() as session:
        named = tenants.name_tenants(session, now=utcnow())
        return tenants.fold_names(session) or named


def trim(runtime: Runtime) -> bool:
    """Delete what has ended, a thousand rows a time; True while there is more."""
    period = settings.of(runtime.settings).attempts_period
    with runtime.database.begin() as session:
        return sessions.trim(session, period=period, now=utcnow())
