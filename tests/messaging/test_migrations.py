"""What was there before a migration of messaging's keeps its meaning."""

from dataclasses import replace
from uuid import uuid4

from alembic import command
from sqlalchemy import create_engine, text

from chassis.core.clock import utcnow
from chassis.data import migrate
from chassis.process.service import Runtime
from services.messaging import service
from tests.messaging.helpers import ANNA, NORDIC, ROLF, badge, listed
from tests.older import insert, move
from tests.plugin import ServiceUnderTest

BEFORE = "messaging_0001"


def write_as_before(engine, subject, body, *, archived):
    """A thread with one unread message, as older code writes it."""
    thread, now = uuid4(), utcnow()
    supplier = {"supplier_id": NORDIC, "supplier_name": "Nordic"}
    retailer = {"retailer_id": ROLF.tenant_id, "retailer_name": "Fjord"}
    moments = ("created_at", "last_message_at", "waiting_since", "supplier_updated_at", "retailer_updated_at")
    insert(
        engine,
        "threads",
        id=thread,
        subject=subject,
        **supplier,
        **retailer,
        **dict.fromkeys(moments, now),
        message_count=1,
        last_message_preview=body,
        waiting_for="supplier",
        retailer_has_written=True,
        supplier_unread=1,
        supplier_archived=archived,
        retailer_unread=0,
        retailer_archived=False,
        event_sequence=2,
    )
    insert(
        engine,
        "messages",
        id=uuid4(),
        thread_id=thread,
        number=1,
        sender_tenant_id=ROLF.tenant_id,
        recipient_tenant_id=NORDIC,
        sender_name="Rolf",
        body=body,
        is_system=False,
        created_at=now,
    )


def test_threads_of_before_are_found_and_counted(empty_database, test_settings):
    engine = create_engine(empty_database)
    move(service, engine, BEFORE)
    write_as_before(engine, "Москва", "ÅRSMØTE", archived=False)
    write_as_before(engine, "Put away", "Ёлка", archived=True)
    insert(engine, "thread_counts", tenant_id=NORDIC, threads=2, unread=2, archived=1)
    migrate.upgrade(service, engine)
    write_as_before(engine, "Later", "By code still running", archived=True)
    runtime = Runtime(service, replace(test_settings, database_url=empty_database))
    anna = ServiceUnderTest(runtime).client(ANNA)
    with engine.begin() as connection:  # as older code counts
        connection.execute(text("UPDATE thread_counts SET threads = 3, unread = 3, archived = 2"))
    assert listed(anna, "?q=москва") == listed(anna, "?q=årsmøte") == ["Москва"]
    assert listed(anna, "?q=ёлка&archived=true") == ["Put away"]
    assert listed(anna, "?q=later&archived=true") == ["Later"]
    assert badge(anna) == 1
    runtime.close()
    move(service, engine, BEFORE, how=command.downgrade)
    engine.dispose()
