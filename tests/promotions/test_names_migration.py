"""Names without regard to case (D62): what was there before stays, and code from before goes on."""

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from chassis.data import migrate
from services.promotions import service
from tests.plugin import postgres_database

SCRIPTS = ScriptDirectory.from_config(migrate.config_of(service))
[AFTER] = [
    script.revision for script in SCRIPTS.walk_revisions() if script.path.endswith("names_of_campaigns_without_case.py")
]
BEFORE = SCRIPTS.get_revision(AFTER).down_revision
FJORD, BERGEN = "a" * 32, "b" * 32


@pytest.fixture
def engine(dialect, tmp_path):
    if dialect == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/promotions.db")
        yield engine
        engine.dispose()
        return
    with postgres_database() as url:
        engine = create_engine(url)
        yield engine
        engine.dispose()


def move(engine, to, how=command.upgrade):
    with engine.connect() as connection:
        config = migrate.config_of(service)
        config.attributes["connection"] = connection
        how(config, to)
        connection.commit()


def insert(engine, table, number, **row):
    """A campaign as code of the schema before writes it; those with a higher number are younger."""
    row |= {"id": f"{number:032}", "at": f"2026-01-{number:02} 00:00:00+00:00"}
    if table == "store_campaigns":
        row["identifier"] = f"C{number}"
        columns = "campaign_identifier, starts_at, ends_at, status"
        values = ":identifier, '2026-01-01 00:00:00+00:00', '2027-01-01 00:00:00+00:00', 'active'"
    else:
        columns, values = "customer_key, start_date, status", ":customer, '2026-01-01 00:00:00+00:00', 'ENABLED'"
    statement = (
        f"INSERT INTO {table} (id, tenant_id, name, created_at, updated_at, {columns})"
        f" VALUES (:id, :tenant, :name, :at, :at, {values})"
    )
    with engine.begin() as connection:
        connection.execute(text(statement), row)


def names(engine, table):
    with engine.connect() as connection:
        rows = connection.execute(text(f"SELECT name, name_folded FROM {table} ORDER BY created_at"))
        return [(name, folded.partition("\n")[0], "\n" in folded) for name, folded in rows]


@pytest.mark.parametrize("table", ["store_campaigns", "cart_campaigns"])
def test_names_that_clash_once_case_does_not_matter_stay(engine, table):
    """D62: the oldest is found by the folded name; none is lost, and none is renamed."""
    customer = {} if table == "store_campaigns" else {"customer": ""}
    move(engine, BEFORE)
    insert(engine, table, 2, tenant=FJORD, name="PÅSKE", **customer)
    insert(engine, table, 1, tenant=FJORD, name="Påske", **customer)
    insert(engine, table, 3, tenant=BERGEN, name="påske", **customer)
    insert(engine, table, 4, tenant=FJORD, name="Pa\u030aske", **customer)
    if customer:
        insert(engine, table, 5, tenant=FJORD, name="påske", customer="shop-1")
    move(engine, AFTER)
    expected = [("Påske", False), ("PÅSKE", True), ("påske", False), ("Pa\u030aske", True)]
    expected += [("påske", False)] if customer else []
    assert names(engine, table) == [(name, "påske", parted) for name, parted in expected]
    for number in (6, 7):  # code from before, which knows no folded names, goes on
        insert(engine, table, number, tenant=FJORD, name=f"New {number}", **customer)
    move(engine, BEFORE, command.downgrade)
    move(engine, AFTER)
    assert len(names(engine, table)) == len(expected) + 2
