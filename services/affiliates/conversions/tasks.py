"""Scheduled work: weighing recorded orders."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.errors import is_away
from chassis.process.service import Runtime
from services.affiliates import settings
from services.affiliates.clicks import tracker
from services.affiliates.conversions.actions import weigh_conversion
from services.affiliates.conversions.models import Conversion
from services.affiliates.conversions.queries import due_conversion

RETRY = timedelta(minutes=1)

log = logger(__name__)


def weigh_due(runtime: Runtime) -> bool:
    """Weigh one conversion that is due; return whether there was one. Several schedulers share the work."""
    now = utcnow()
    with runtime.database.read() as session:
        if session.scalar(due_conversion(now)) is None:
            return False
    with runtime.database.begin() as session:
        conversion = _lock_due_conversion(session, now)
        if conversion is None:
            return False
        try:
            with session.begin_nested():
                weigh_conversion(
                    session,
                    conversion,
                    platform=settings.of(runtime.settings).platform_commission,
                    hash_of=tracker.of(runtime).hash_of,
                    now=now,
                )
        except Exception as error:
            if is_away(error):
                raise
            log.error("a conversion could not be weighed", conversion_id=str(conversion.id), exc_info=error)
            session.refresh(conversion)
            conversion.due_at = now + RETRY  # so that it does not hold up the others
    return True


def _lock_due_conversion(session: Session, now: datetime) -> Conversion | None:
    return session.scalar(due_conversion(now).with_for_update(skip_locked=True))
