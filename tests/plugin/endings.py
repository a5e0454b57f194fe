"""A tenant that ends in a service under test, and what is left of it there."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from privacy import tenants_duty
from privacy.endings import EndingRow
from tests.plugin.samples import sample_event
from tests.plugin.search import rows_with
from tests.plugin.services import ServiceUnderTest

UNDER_WAY = {
    "endings": "who has ended",
    "erasures": "whose people are being forgotten; nine days",
    "idempotency": "answers to repeat, encrypted; a day",
    "inbox_cursor": "places in series of events",
    "outbox": "events that are owed to others; a day",
}
"""Tables of the chassis in which an ended tenant's id may stand, and why."""


def end(running: ServiceUnderTest, tenant_id: UUID, *, sequence: int = 99) -> None:
    """Identity says that a tenant has ended, and the scheduler takes all steps of one pass."""
    data = {"tenantId": str(tenant_id)}
    running.deliver(sample_event("identity.TenantEnded.v1", data, subject=str(tenant_id), sequence=sequence))
    go_through(running)


def go_through(running: ServiceUnderTest) -> None:
    """One more pass for every tenant that has ended, whenever the next is due."""
    with acting_as(Principal.system(running.runtime.service.name)):
        with running.database.begin() as session:
            session.execute(update(EndingRow).values(next_at=utcnow() - timedelta(seconds=1)))
        while tenants_duty.end_some(running.runtime):
            pass


def tables_with(running: ServiceUnderTest, tenant_id: UUID) -> set[str]:
    """The tables that have a tenant's id in any row, whatever the models say, but for those of ``UNDER_WAY``."""
    engine = running.database.engine
    hits = rows_with(engine, str(tenant_id)) + rows_with(engine, tenant_id.hex)
    return {table for table, _ in hits} - set(UNDER_WAY)


def may_remain(running: ServiceUnderTest) -> set[str]:
    """The tables in which, by the declarations, something may name an ended tenant."""
    return {data.table.name for data in tenants_duty.tables_of(running.runtime) if data.remains}


def wait_until_blocked(running: ServiceUnderTest, thread: threading.Thread) -> None:
    """Until a thread waits for a row that another transaction has locked; where there can be two writers at all."""
    if running.database.dialect != "postgresql":
        return
    with running.database.engine.connect() as connection:
        for _ in range(500):
            if connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar():
                return
            thread.join(0.01)
            assert thread.is_alive(), "it waited for nobody"
    pytest.fail("it never got to the lock")
