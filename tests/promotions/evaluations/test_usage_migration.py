"""What campaigns have given before usage had four decimals is counted as it was, also while old code goes on."""

from uuid import uuid4

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data import migrate
from chassis.data.database import Database
from services.promotions import service
from services.promotions.evaluations import usage_queries
from tests.plugin import postgres_database

BEFORE = "promotions_0004"
CAMPAIGN, TENANT = uuid4(), uuid4()


@pytest.fixture
def url(dialect, tmp_path):
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path}/promotions.db"
        return
    with postgres_database() as url:
        yield url


@pytest.fixture
def engine(url):
    """The database as code of the schema before left it; foreign keys are not what is looked at."""
    engine = create_engine(url)
    with engine.connect() as connection:
        config = migrate.config_of(service)
        config.attributes["connection"] = connection
        command.upgrade(config, "chassis@head")
        command.upgrade(config, BEFORE)
        for table in ("campaign_usages", "reserved_campaigns") if engine.dialect.name == "postgresql" else ():
            connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        connection.commit()
    yield engine
    engine.dispose()


def write(engine, table, **row):
    if engine.dialect.name == "sqlite":
        row = {name: getattr(value, "hex", value) if name.endswith("id") else value for name, value in row.items()}
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)


def write_as_before(engine):
    now = utcnow()
    moments = {"created_at": now, "updated_at": now, "expires_at": now.replace(year=now.year + 1)}
    order = {"order_id": str(uuid4()), "evaluation_id": uuid4(), "state": "reserved"}
    reservation = uuid4()
    write(engine, "reservations", id=reservation, tenant_id=TENANT, **order, **moments)
    write(engine, "reserved_campaigns", reservation_id=reservation, campaign_id=CAMPAIGN, discount_mills=1500)


def test_what_was_used_stays(engine, url):
    write(engine, "campaign_usages", campaign_id=CAMPAIGN, tenant_id=TENANT, uses=2, discount_mills=80_005)
    write_as_before(engine)
    migrate.upgrade(service, engine)
    write_as_before(engine)  # old code goes on for a while
    database = Database(url)
    with acting_as(Principal.system("test")), database.read() as session:
        assert str(usage_queries.committed_of(session, [CAMPAIGN])[CAMPAIGN].discount) == "80.005"
        reserved = usage_queries.reserved_of(session, [CAMPAIGN], now=utcnow())[CAMPAIGN]
    database.close()
    assert (reserved.uses, str(reserved.discount)) == (2, "3")
