"""The kanban board of a supplier with many campaigns beside the same supplier's with few."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import event
from uuid_utils.compat import uuid7

from bench.postgres import Databases, databases
from bench.table import Row
from chassis.core.principal import Principal
from chassis.data import migrate
from chassis.process import settings
from chassis.process.service import Runtime
from concord.keys import create_keys
from tests.plugin import CallerClient, ServiceUnderTest, principal

MANY, FEW = 1_000, 10
INVITES_EACH = 200
CALLS = 300
WARM_UP = 20
PAGES = (1, 20, 200)
PATH = "/api/v1/campaigns"
MOST = 2.0


def measure() -> list[Row]:
    """Times of the default page on both boards, called in turn, and the statements behind pages of three sizes."""
    who = principal()
    with (
        databases(["many", "few"]) as made,
        tempfile.TemporaryDirectory() as folder,
        board(made, "many", Path(folder), who, MANY) as many,
        board(made, "few", Path(folder), who, FEW) as few,
    ):
        slow, fast = _times(many.client(who), few.client(who))
        counts = [_statements(many, who, size) for size in PAGES]
    ratio = slow / fast
    return [
        Row(
            f"kanban: default page, {MANY:,} campaigns and {MANY * INVITES_EACH:,} invites against {FEW} campaigns",
            f"{slow * 1000:.2f} ms",
            f"{fast * 1000:.2f} ms",
            ratio,
            f"≤ {MOST:g}",
            ratio <= MOST,
        ),
        Row(
            f"kanban: SQL statements for pages of {', '.join(map(str, PAGES))}",
            ", ".join(map(str, counts)),
            goal="all the same",
            ok=len(set(counts)) == 1,
        ),
    ]


@contextmanager
def board(made: Databases, name: str, folder: Path, who: Principal, campaigns: int) -> Iterator[ServiceUnderTest]:
    """The campaigns service on a database of its own in which ``who`` has this many campaigns."""
    from services.campaigns import service

    create_keys(folder / "keys", ["gateway", "campaigns"])
    loaded = replace(settings.load(), home=folder, keys=folder / "keys", database_url=made.template, services={})
    runtime = Runtime(service, replace(loaded, database_url=made.url(name)))
    try:
        migrate.upgrade(service, runtime.database.engine)
        with made.connect(name) as connection:
            _fill(connection, who.tenant_id, campaigns)
        yield ServiceUnderTest(runtime)
    finally:
        runtime.close()


def _fill(connection: psycopg.Connection, supplier: UUID, campaigns: int) -> None:
    now = datetime.now(UTC)
    ids = [uuid7() for _ in range(campaigns)]
    retailers = [uuid4() for _ in range(INVITES_EACH)]
    _copy(connection, "campaigns", [_campaign(id, supplier, now) for id in ids])
    _copy(connection, "invites", [_invite(id, supplier, retailer, now) for id in ids for retailer in retailers])
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")


def _campaign(campaign_id: UUID, supplier: UUID, now: datetime) -> dict[str, Any]:
    return {
        "id": campaign_id,
        "supplier_id": supplier,
        "supplier_name": "Nordic Heating AB",
        "name": f"Spring {campaign_id}",
        "description": "Heat pumps at the price of last year. " * 10,
        "participation_ask": "A window, and ten square metres in April.",
        "start_date": now,
        "end_date": now + timedelta(days=30),
        "budget": 25_000,
        "currency": "SEK",
        "status": "Sent",
        "invite_count": INVITES_EACH,
        "accepted_count": INVITES_EACH // 2,
        "declined_count": INVITES_EACH // 4,
        "created_at": now,
        "updated_at": now,
    }


def _invite(campaign_id: UUID, supplier: UUID, retailer: UUID, now: datetime) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "campaign_id": campaign_id,
        "supplier_id": supplier,
        "retailer_id": retailer,
        "retailer_name": "Fjord Retail AS",
        "status": "Pending",
        "invited_at": now,
    }


def _copy(connection: psycopg.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    with connection.cursor().copy(f"COPY {table} ({', '.join(rows[0])}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))


def _times(first: CallerClient, second: CallerClient) -> tuple[float, float]:
    """Median seconds of a call of each, called in turn so that both meet the same disturbances."""
    for _ in range(WARM_UP):
        _seconds(lambda: first.get(PATH))
        _seconds(lambda: second.get(PATH))
    pairs = [(_seconds(lambda: first.get(PATH)), _seconds(lambda: second.get(PATH))) for _ in range(CALLS)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def _seconds(call: Callable[[], Any]) -> float:
    started = perf_counter()
    answer = call()
    seconds = perf_counter() - started
    assert answer.status_code == 200, answer.text
    return seconds


def _statements(running: ServiceUnderTest, who: Principal, size: int) -> int:
    """How many statements a page of ``size`` costs."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = running.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        answer = running.client(who).get(PATH, query_string={"pageSize": size})
        assert len(answer.json["items"]) == size, answer.text
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(seen)
