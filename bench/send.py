"""Sending one campaign to 20,000 retailers, beside a bare script that only inserts the rows that came of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import TupleRow
from uuid_utils.compat import uuid7

from bench.postgres import Databases, databases
from bench.processes import prepared
from bench.table import Row
from chassis.data import migrate
from chassis.data.database import Database
from tests.e2e import harness
from tests.e2e.harness import Platform, User

RETAILERS = 20_000
GROUPS = 4
REPEATS = 5
LEAST_RATE, MOST_SECONDS = 0.4, 10.0
SERVICES = ("identity", "prm", "campaigns")
PROCESSES = ("identity-api", "prm-api", "campaigns-api", "gateway")

# What a send writes of each row; the database fills in the rest in both cases.
INVITE = ("id", "campaign_id", "supplier_id", "retailer_id", "retailer_name", "status", "invited_at", "event_sequence",
          "version")  # fmt: skip
EVENT = ("event_id", "type", "subject", "sequence", "body", "created_at")


def measure() -> list[Row]:
    """Medians of sends and of bare inserts of the very same rows, in turn."""
    with databases([*SERVICES, "bare"]) as made, prepared(made, SERVICES) as platform:
        for name in PROCESSES:
            platform.start(name)
        platform.wait_until_ready(*PROCESSES)
        supplier = _new_supplier(platform, made)
        groups = _new_groups(supplier, made)
        _migrate_bare(made)
        with made.connect("campaigns") as ours, made.connect("bare") as bare:
            _send(supplier, [_new_group(supplier, made, "Few", 0, 10)])  # opens every connection
            pairs = [_pair(supplier, groups, ours, bare) for _ in range(REPEATS)]
    return _rows(median(pair[0] for pair in pairs), median(pair[1] for pair in pairs))


def _rows(ours: float, bare: float) -> list[Row]:
    rows = 2 * RETAILERS
    return [
        Row(
            f"send: {RETAILERS:,} invites and their events, rows a second",
            f"{rows / ours:,.0f}/s",
            f"{rows / bare:,.0f}/s",
            bare / ours,
            f"≥ {LEAST_RATE:g}",
            bare / ours >= LEAST_RATE,
        ),
        Row(
            f"send: the request for {RETAILERS:,} retailers, through the gateway",
            f"{ours:.2f} s",
            f"{bare:.2f} s",
            goal=f"< {MOST_SECONDS:g} s",
            ok=ours < MOST_SECONDS,
        ),
    ]


def _new_supplier(platform: Platform, made: Databases) -> User:
    """A supplier with relationships to every retailer, written straight into prm's tables."""
    operator = platform.user(*harness.OPERATOR)
    tenant = harness.new_tenant(operator, "Nordic Heating", "Supplier")
    email = f"anna-{uuid4().hex[:8]}@supplier.example"
    with made.connect("prm") as connection:
        _relate(connection, UUID(tenant))
    return harness.new_user(platform, operator, tenant, email, "SupplierAdmin")


def _relate(connection: psycopg.Connection, supplier: UUID) -> None:
    now = datetime.now(UTC)
    retailers = [(uuid7(), f"Retailer {number:05}", "Retailer", 1) for number in range(RETAILERS)]
    names = [(supplier, "Nordic Heating", "Supplier", 1), *retailers]
    related = [(uuid7(), supplier, retailer[0], "Active", now, now) for retailer in retailers]
    _copy(connection, "tenant_names", ("id", "name", "kind", "sequence"), names)
    _copy(
        connection,
        "relationships",
        ("id", "supplier_id", "retailer_id", "status", "created_at", "updated_at"),
        related,
    )
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")


def _copy(connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _new_groups(supplier: User, made: Databases) -> list[str]:
    size = RETAILERS // GROUPS
    return [_new_group(supplier, made, f"Group {number}", number * size, size) for number in range(GROUPS)]


def _new_group(supplier: User, made: Databases, name: str, offset: int, size: int) -> str:
    with made.connect("prm") as connection:
        retailers = connection.execute(
            "SELECT id FROM tenant_names WHERE kind = 'Retailer' ORDER BY name LIMIT %s OFFSET %s", (size, offset)
        ).fetchall()
    answer = supplier.post("/api/v1/prm/groups", {"name": name, "retailerIds": [str(row[0]) for row in retailers]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _migrate_bare(made: Databases) -> None:
    from services.campaigns import service

    with _database(made.url("bare")) as database:
        migrate.upgrade(service, database.engine)


@contextmanager
def _database(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def _pair(supplier: User, groups: list[str], ours: psycopg.Connection, bare: psycopg.Connection) -> tuple[float, float]:
    """Seconds of a send, and of inserting the rows it made into the same tables of another database."""
    campaign, seconds = _send(supplier, groups)
    invites, events = _written(ours, campaign)
    assert len(invites) == len(events) == RETAILERS, (len(invites), len(events))
    _copy_campaign(ours, bare, campaign)
    return seconds, _insert(bare, invites, events)


def _send(supplier: User, groups: list[str]) -> tuple[str, float]:
    """A new campaign sent to the groups: its id, and the seconds of the request that sent it."""
    draft = {
        "name": "Spring heat",
        "description": "Heat pumps at the price of last year.",
        "participationAsk": "A window, and ten square metres in April.",
        "startDate": "2027-04-01T00:00:00Z",
        "endDate": "2027-04-30T00:00:00Z",
    }
    answer = supplier.post("/api/v1/campaigns", draft)
    assert answer.status_code == 201, answer.text
    campaign = str(answer.json()["id"])
    started = perf_counter()
    answer = supplier.post(f"/api/v1/campaigns/{campaign}/send", {"groupIds": groups})
    seconds = perf_counter() - started
    assert answer.status_code == 200, answer.text
    return campaign, seconds


def _written(ours: psycopg.Connection, campaign: str) -> tuple[list[TupleRow], list[TupleRow]]:
    """The invites of a campaign and their events, as they stand in the tables."""
    invites = ours.execute(
        f"SELECT {', '.join(INVITE)} FROM invites WHERE campaign_id = %s ORDER BY id", (campaign,)
    ).fetchall()
    events = ours.execute(
        f"SELECT {', '.join(EVENT)} FROM outbox WHERE subject IN (SELECT id FROM invites WHERE campaign_id = %s)"
        " ORDER BY id",
        (campaign,),
    ).fetchall()
    ours.commit()
    return invites, events


def _copy_campaign(ours: psycopg.Connection, bare: psycopg.Connection, campaign: str) -> None:
    """The row that the invites refer to; not measured."""
    cursor = ours.execute("SELECT * FROM campaigns WHERE id = %s", (campaign,))
    names = [column.name for column in cursor.description or ()]
    bare.execute(_insertion("campaigns", names), cursor.fetchone())
    bare.commit()
    ours.commit()


def _insert(bare: psycopg.Connection, invites: Sequence[TupleRow], events: Sequence[TupleRow]) -> float:
    """Seconds of one transaction that inserts the rows with ``executemany`` and does nothing else."""
    started = perf_counter()
    with bare.transaction(), bare.cursor() as cursor:
        cursor.executemany(_insertion("invites", INVITE), invites)
        cursor.executemany(_insertion("outbox", EVENT), events)
    return perf_counter() - started


def _insertion(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})"
