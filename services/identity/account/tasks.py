"""What identity's scheduler repeats for accounts."""

from chassis.core.clock import utcnow
from chassis.process.service import Runtime
from services.identity import settings
from services.identity.account import password_actions


def answer_asked_reset(runtime: Runtime) -> bool:
    """Send one of the links that were asked for; True while there may be more."""
    with runtime.database.begin() as session:
        return password_actions.answer_asked_reset(session, settings=settings.of(runtime.settings), now=utcnow())
