"""Writes due digests."""

from chassis.core.clock import utcnow
from chassis.data.errors import is_away
from chassis.process.service import Runtime
from services.notifier.audience import digests, queries
from services.notifier.topics.base import Cadence

AT_ONCE = 100  # digests looked for together


def write_due(runtime: Runtime) -> bool:
    """Write the digests that are due, each in a transaction of its own; returns whether there may be more.

    Any number of schedulers may run: the second one finds nothing to do. A digest that fails does not stop the others;
    its error is raised after them.
    """
    now = utcnow()
    with runtime.database.read() as session:
        digests_due = queries.due_digests(session, now, AT_ONCE)
    failure: Exception | None = None
    for tenant_id, user_id, cadence in digests_due:
        try:
            with runtime.database.begin() as session:
                digests.close_due(session, tenant_id, user_id, Cadence(cadence), now=now)
        except Exception as error:
            if is_away(error):
                raise
            failure = error
    if failure:
        raise failure
    return len(digests_due) == AT_ONCE
