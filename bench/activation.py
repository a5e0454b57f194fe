"""Activating a sales campaign whose selection comes to 100,000 products, on both databases."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

from sqlalchemy import text

from bench.postgres import databases
from bench.table import Row
from chassis.data import migrate
from chassis.process import settings
from chassis.process.service import Runtime
from concord.keys import create_keys
from contracts.roles import Role
from tests.plugin import CallerClient, ServiceUnderTest, principal

SELECTED, OTHERS = 100_000, 10_000
A_CALL = 5_000
REPEATS = 5
MOST_SECONDS = 5.0
CAMPAIGN = {
    "name": "Everything but Apple",
    "displayName": "Phones",
    "validFrom": "2027-04-01T00:00:00Z",
    "validTo": "2027-04-30T00:00:00Z",
    "type": "CAMPAIGN",
    "discountType": "QUALIFIED_PRODUCT",
    "storeUids": [],
    "discountPercent": 10,
    "campaignUid": "phones",
}
SELECTION = {"create": {"include": {"productGroupUids": ["PHONES"]}, "exclude": {"brandUids": ["apple"]}}}
BARE = "INSERT INTO bare (campaign_id, product_id) SELECT campaign_id, product_id FROM sales_snapshots"


def measure() -> list[Row]:
    """Medians of activations and of bare copies of the very same rows, in turn."""
    rows = []
    with databases(["promotions"]) as made, tempfile.TemporaryDirectory() as folder:
        for name, url in (
            ("PostgreSQL", made.url("promotions")),
            ("SQLite", f"sqlite:///{folder}/promotions.db"),
        ):
            with _shop(Path(folder), url) as shop:
                rows += _measure(shop, name)
    return rows


def _measure(shop: ServiceUnderTest, name: str) -> list[Row]:
    who = principal(Role.RETAILER_ADMIN)
    client = shop.client(who)
    base = f"/v2/tenants/{who.tenant_id}"
    rate = _fill(client, f"{base}/products")
    assert client.post(f"{base}/campaigns", json=CAMPAIGN).status_code == 201
    address = f"{base}/campaigns/phones"
    assert client.put(f"{address}/selections", json=SELECTION).status_code == 200
    pairs = [(_switch(client, address), _copy(shop)) for _ in range(REPEATS)]
    ours, bare = (median(pair[number] for pair in pairs) for number in range(2))
    return [
        Row(
            f"activation: the request for {SELECTED:,} of {SELECTED + OTHERS:,} products, {name}",
            f"{ours:.2f} s",
            f"{bare:.2f} s",
            bare / ours,
            f"< {MOST_SECONDS:g} s",
            ours < MOST_SECONDS,
        ),
        Row(f"products: written in calls of {A_CALL:,}, {name}", f"{rate:,.0f}/s"),
    ]


@contextmanager
def _shop(folder: Path, url: str) -> Iterator[ServiceUnderTest]:
    from services.promotions import service

    create_keys(folder / "keys", ["gateway", "promotions"])
    loaded = replace(settings.load(), home=folder, keys=folder / "keys", database_url=url, services={})
    runtime = Runtime(service, loaded)
    try:
        migrate.upgrade(service, runtime.database.engine)
        yield ServiceUnderTest(runtime)
    finally:
        runtime.close()


def _fill(client: CallerClient, address: str) -> float:
    """Write the catalogue through the API; products a second."""
    rows = [
        {
            "productUid": f"sku-{number:06}",
            "name": f"Phone number {number}",
            "price": f"{number % 900 + 99}.00",
            "brandUid": "apple" if number >= SELECTED else f"brand-{number % 40}",
            "productGroupUid": "PHONES",
            "categoryUids": ["mobile", f"shelf-{number % 100}"],
        }
        for number in range(SELECTED + OTHERS)
    ]
    started = perf_counter()
    for first in range(0, len(rows), A_CALL):
        answer = client.post(address, json={"products": rows[first : first + A_CALL]})
        assert {result["status"] for result in answer.json["results"]} == {"created"}
    return len(rows) / (perf_counter() - started)


def _switch(client: CallerClient, address: str) -> float:
    """Seconds of the request that activates; from the second time on it also takes the last snapshot away."""
    if client.get(address).json["status"] == "ACTIVE":
        assert client.put(address, json={"status": "INACTIVE"}).status_code == 200
    started = perf_counter()
    answer = client.put(address, json={"status": "ACTIVE"})
    seconds = perf_counter() - started
    assert answer.status_code == 200, answer.json
    return seconds


def _copy(shop: ServiceUnderTest) -> float:
    """Seconds of one bare statement that writes as many rows, with the same indexes, into a table of its own."""
    with shop.database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE bare AS SELECT * FROM sales_snapshots WHERE 1 = 0"))
        tag = uuid4().hex[:8]
        connection.execute(text(f"CREATE UNIQUE INDEX pk_{tag} ON bare (campaign_id, product_id)"))
        connection.execute(text(f"CREATE INDEX ix_{tag} ON bare (product_id)"))
    started = perf_counter()
    with shop.database.engine.begin() as connection:
        written = connection.execute(text(BARE)).rowcount
    seconds = perf_counter() - started
    with shop.database.engine.begin() as connection:
        connection.execute(text("DROP TABLE bare"))
    assert written == SELECTED, written
    return seconds
