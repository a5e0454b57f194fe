"""What was there before a migration of campaigns' keeps its meaning."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from alembic import command
from sqlalchemy import create_engine, text

from chassis.core.clock import utcnow
from chassis.data import migrate
from chassis.process.service import Runtime
from services.campaigns import service
from tests.campaigns.helpers import ANNA, CAMPAIGNS, NORDIC
from tests.older import insert, move
from tests.plugin import ServiceUnderTest

BEFORE = "campaigns_0001"


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
    insert(engine, "campaigns", **row)


def test_budgets_and_assets_of_before_stay_what_they_are(empty_database, test_settings):
    engine = create_engine(empty_database)
    move(service, engine, BEFORE)
    write_as_before(
        engine, name="One", budget="25000.50", currency="SEK", asset_urls='["https://a.example/ø", "//odd"]'
    )
    write_as_before(engine, name="Two", budget=None, asset_urls=None)
    migrate.upgrade(service, engine)
    write_as_before(engine, name="Three", budget="7.25", currency="EUR")  # by code of before, still running
    runtime = Runtime(service, replace(test_settings, database_url=empty_database))
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
    move(service, engine, BEFORE, how=command.downgrade)
    engine.dispose()
