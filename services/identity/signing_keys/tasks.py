"""The rotation of signing keys."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity import settings
from services.identity.signing_keys import actions


def rotate_keys(runtime: Runtime) -> None:
    """Take the rotation of signing keys one step further where one is due."""
    with runtime.database.begin() as session:
        actions.rotate_keys(session, settings=settings.of(runtime.settings), now=utcnow())
