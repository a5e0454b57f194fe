"""What was there before a migration of campaigns' keeps its meaning."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from chassis import migrate
from chassis.clock import utcnow
from chassis.service import Runtime
from chassis.testing import ServiceUnderTest, postgres_database
from services.campaigns import service
from tests.campaigns.helpers import ANNA, CAMPAIGNS, NORDIC

BEFORE = "campaigns_0001"


@pytest.fixture
def url(dialect, tmp_path):
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path}/campaigns.db"
        return
    with postgres_database() as url:
        yield url


def move(engine, *revisions, how=command.upgrade):
    with engine.connect() as connection:
        config = migrate.config_of(service)
        config.attributes["connection"] = connection
        for revision in revisions:
            how(config, revision)
        connection.commit()


def write_as_before(engine, **row):
    now = utcnow()
    row = {
        "id": uuid4(),
        "supplier_id": NORDIC,
        "created_at": now,
        "updated_at": now,
        "start_date": now,
        "end_date": now.replace(year=now.year + 1),
        **dict.fromkeys(("supplier_name", "name", "description", "participation_ask"), "x"),
        **dict.fromkeys(("invite_count", "accepted_count", "declined_count", "event_sequence"), 0),
        "status": "Draft",
        "version": 1,
        **row,
    }
    if engine.dialect.name == "sqlite":
        row = {name: value.hex if isinstance(value, UUID) else value for name, value in row.items()}
    names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO campaigns ({names}) VALUES ({values})"), row)


def test_budgets_and_assets_of_before_stay_what_they_are(url, test_settings):
    engine = create_engine(url)
    move(engine, "chassis@head", BEFORE)
    write_as_before(
        engine, name="One", budget="25000.50", currency="SEK", asset_urls='["https://a.example/ø", "//odd"]'
    )
    write_as_before(engine, name="Two", budget=None, asset_urls=None)
    migrate.upgrade(service, engine)
    write_as_before(engine, name="Three", budget="7.25", currency="EUR")  # by code of before, still running
    runtime = Runtime(service, replace(test_settings, database_url=url))
    anna = ServiceUnderTest(runtime).client(ANNA)
    items = {item["name"]: item for item in anna.get(CAMPAIGNS).json["items"]}
    shown = {name: (item["budget"], item["currency"], item["assetUrls"]) for name, item in items.items()}
    assert shown == {
        "One": (25000.5, "SEK", ["https://a.example/%C3%B8", "//odd"]),
        "Two": (None, None, None),
        "Three": (7.25, "EUR", None),
    }
    change = items["Two"] | {"budget": "19.995", "currency": "KWD"}
    assert anna.put(f"{CAMPAIGNS}/{items['Two']['id']}", json=change).json["budget"] == 19.995
    runtime.close()
    with engine.connect() as connection:
        budgets = connection.execute(text("SELECT budget FROM campaigns WHERE name = 'Two'"))
        assert Decimal(budgets.scalar_one()) == Decimal("19.995")
    move(engine, BEFORE, how=command.downgrade)
    engine.dispose()
