"""What was there before a migration of prm's keeps its meaning."""

import unicodedata
from dataclasses import replace
from uuid import uuid4

from alembic import command
from sqlalchemy import create_engine

from chassis.core.clock import utcnow
from chassis.data import migrate
from chassis.process.service import Runtime
from services.prm import service
from tests.older import insert, move
from tests.plugin import ServiceUnderTest, principal
from tests.prm.conftest import GROUPS, refused

BEFORE = "prm_0001"


def test_groups_that_were_told_apart_by_spelling_all_stay(empty_database, test_settings):
    """D62."""
    anna, now = principal(), utcnow()
    spellings = ["Café", unicodedata.normalize("NFD", "Café"), unicodedata.normalize("NFD", "Åse")]
    engine = create_engine(empty_database)
    move(service, engine, BEFORE)
    for name in spellings:
        row = {"supplier_id": anna.tenant_id, "name": name, "name_key": name.casefold(), "version": 1}
        insert(engine, "groups", id=uuid4(), retailer_count=0, created_at=now, updated_at=now, **row)
    migrate.upgrade(service, engine)
    runtime = Runtime(service, replace(test_settings, database_url=empty_database))
    client = ServiceUnderTest(runtime).client(anna)
    assert {item["name"] for item in client.get(GROUPS).json["items"]} == set(spellings)
    for name in ("CAFÉ", "åse"):
        refused(client.post(GROUPS, json={"name": name, "retailerIds": []}), 409, "group_name_taken")
    runtime.close()
    move(service, engine, BEFORE, how=command.downgrade)
    engine.dispose()
