"""What the scheduler repeats: weighing the orders that were taken in, asking in which zone a merchant's days begin."""

from datetime import timedelta

from sqlalchemy import select, update

from chassis.core.clock import utcnow
from chassis.core.errors import NotFound, Upstream
from chassis.core.logs import logger
from chassis.data.errors import is_away
from chassis.process.service import Runtime
from services.affiliates import queries, tracking
from services.affiliates.conversions import actions
from services.affiliates.merchants.models import Merchant

PUT_OFF = timedelta(minutes=1)
ZONES = 20  # merchants at a time

log = logger(__name__)


def weigh_due(runtime: Runtime) -> bool:
    """Weigh one conversion that is due; say whether there was one. Several schedulers share the work row by row."""
    now = utcnow()
    with runtime.database.read() as session:
        if session.scalar(queries.conversions.due(now)) is None:
            return False
    with runtime.database.begin() as session:
        conversion = session.scalar(queries.conversions.due(now).with_for_update(skip_locked=True))
        if conversion is None:
            return False
        try:
            with session.begin_nested():
                hash_of = tracking.of(runtime).hash_of
                actions.weigh_conversion(session, conversion, hash_of=hash_of, now=now)
        except Exception as error:
            if is_away(error):
                raise
            log.error("a conversion could not be weighed", conversion_id=str(conversion.id), exc_info=error)
            session.refresh(conversion)
            conversion.due_at = now + PUT_OFF  # so that it holds up no other
    return True


def ask_for_zones(runtime: Runtime) -> bool:
    """Ask identity for time zones that no event has told yet; say whether there may be more."""
    with runtime.database.read() as session:
        unknown = session.scalars(select(Merchant.id).where(Merchant.time_zone.is_(None)).limit(ZONES)).all()
    for merchant_id in unknown:
        try:
            zone = runtime.client.get("identity", f"/internal/tenants/{merchant_id}")["timeZone"]
        except NotFound:
            zone = "UTC"  # the tenant is gone
        except Upstream:
            return False
        mine = (Merchant.id == merchant_id, Merchant.time_zone.is_(None))
        with runtime.database.begin() as session:
            session.execute(update(Merchant).where(*mine).values(time_zone=zone))
    return len(unknown) == ZONES
