"""Redirects beside an endpoint that only answers the same, how soon clicks are durable, attribution among millions."""

import hashlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import UUID, uuid4

import psycopg

from bench import load
from bench.postgres import Databases, databases
from bench.processes import cores, pinned, prepared
from bench.table import Row
from chassis.core.principal import Principal
from chassis.data import migrate
from chassis.process import settings
from chassis.process.service import Runtime
from concord.keys import create_keys
from contracts.roles import Role
from tests.plugin import CallerClient, ServiceUnderTest, principal

SERVICES = ("identity", "affiliates")
SERVICE = "affiliates-api"
CODE = "dashain-market.bina-dashain-sale-abcde"
ROUNDS = 5
SECONDS = 3.0
WARM_UP = 1.0
CONNECTIONS = 4
LEAST = 0.7
DURABLE_WITHIN = 1.0
SAMPLE = 0.05  # seconds between two looks at how old the newest durable click is

MANY, FEW = 10_000_000, 10_000
CALLS = 300
WARM = 20
AT_MOST = 1.5
MERCHANT = UUID(int=1)


def measure() -> list[Row]:
    return [*_redirects(), *_attribution()]


def _redirects() -> list[Row]:
    """The same redirect from our endpoint and from one that does nothing else, in turn, on one core."""
    ours, service = cores() or (None, None)
    with databases(SERVICES) as made, prepared(made, SERVICES) as platform:
        with pinned(service):
            platform.start(SERVICE)
        platform.wait_until_ready(SERVICE)
        with made.connect("affiliates") as connection:
            _fill_link(connection)
        request = load.get(f"/r/{CODE}")
        with _constant(platform.home / "keys", service) as constant, pinned(ours):
            rates: dict[str, list[float]] = {"ours": [], "constant": []}
            ages: list[float] = []
            clicks = 0
            for number in range(ROUNDS + 1):
                seconds = SECONDS if number else WARM_UP
                with _watching(made) as seen:
                    done = load.run(
                        platform.port_of(SERVICE), request, seconds=seconds, connections=CONNECTIONS, status=302
                    )
                clicks += done.answers
                other = load.run(constant, request, seconds=seconds, connections=CONNECTIONS, status=302)
                if number:
                    rates["ours"].append(done.rate)
                    rates["constant"].append(other.rate)
                    ages += seen
        time.sleep(DURABLE_WITHIN)
        with made.connect("affiliates") as connection:
            stored_clicks = _scalar(connection, "SELECT count(*) FROM clicks")
    return _redirect_rows(median(rates["ours"]), median(rates["constant"]), max(ages), clicks, stored_clicks)


def _redirect_rows(rate: float, constant: float, oldest: float, clicks: int, stored_clicks: int) -> list[Row]:
    ratio = rate / constant
    return [
        Row(
            "affiliates: redirects, against an endpoint that only answers the same",
            f"{rate:,.0f}/s",
            f"{constant:,.0f}/s",
            ratio,
            f"≥ {LEAST:g}",
            ratio >= LEAST,
        ),
        Row(
            "affiliates: age of the newest durable click under that load, at most",
            f"{oldest:.2f} s",
            goal=f"≤ {DURABLE_WITHIN:g} s",
            ok=oldest <= DURABLE_WITHIN,
        ),
        Row(
            "affiliates: clicks kept, against redirects answered",
            f"{stored_clicks:,}",
            f"{clicks:,}",
            goal="none lost",
            ok=stored_clicks >= clicks,
        ),
    ]


@contextmanager
def _constant(keys: Path, core: int | None) -> Iterator[int]:
    """A service with one endpoint behind the same server; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    create_keys(keys, ["constant"])
    command = [sys.executable, "-m", "bench.constant", str(keys), str(port)]
    with pinned(core), (keys.parent / "constant.log").open("wb") as log:
        # In a session of its own, as ours is: the scheduler shares a core out by sessions.
        child = subprocess.Popen(command, stdout=log, stderr=log, cwd=load.ROOT, start_new_session=True)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        child.terminate()
        child.wait(timeout=30)


@contextmanager
def _watching(made: Databases) -> Iterator[list[float]]:
    """How old the newest durable click is, looked at again and again while clicks come in."""
    ages: list[float] = []
    stop = threading.Event()
    age = "SELECT extract(epoch FROM clock_timestamp() - max(clicked_at)) FROM clicks WHERE merchant_id = %s"

    def watch() -> None:
        with made.connect("affiliates") as connection:
            connection.autocommit = True
            while not stop.wait(SAMPLE):
                row = connection.execute(age, [MERCHANT]).fetchone()
                if row and row[0] is not None:
                    ages.append(float(row[0]))

    watcher = threading.Thread(target=watch)
    before = time.monotonic()
    watcher.start()
    try:
        yield ages
    finally:
        stop.set()
        watcher.join()
        # The first looks still see the clicks of the round before, and a generator that is only just starting.
        del ages[: int(len(ages) * min(1.0, 1.0 / max(1.0, time.monotonic() - before)))]


def _attribution() -> list[Row]:
    """The preview of an order whose buyer clicked ten times, among ten million clicks and among ten thousand."""
    who = principal(Role.MACHINE, tenant_id=MERCHANT)
    with (
        databases(["many", "few"]) as made,
        tempfile.TemporaryDirectory() as folder,
        _stored(made, "many", Path(folder), MANY) as many,
        _stored(made, "few", Path(folder), FEW) as few,
    ):
        slow, fast = _times(many, few, who)
    ratio = slow / fast
    return [
        Row(
            f"affiliates: attribution of an order, {MANY:,} clicks against {FEW:,}",
            f"{slow * 1000:.2f} ms",
            f"{fast * 1000:.2f} ms",
            ratio,
            f"≤ {AT_MOST:g}",
            ratio <= AT_MOST,
        )
    ]


def _times(many: ServiceUnderTest, few: ServiceUnderTest, who: Principal) -> tuple[float, float]:
    """Median seconds, called in turn; each time another buyer."""
    step = {many: MANY // (CALLS + WARM), few: FEW // (CALLS + WARM)}
    named = {
        service: [_click_id(1 + number * step[service]) for number in range(CALLS + WARM)] for service in (many, few)
    }
    pairs = [
        (_seconds(many.client(who), slow), _seconds(few.client(who), fast))
        for slow, fast in zip(named[many], named[few], strict=True)
    ][WARM:]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def _click_id(number: int) -> UUID:
    return UUID(hex=hashlib.md5(f"click{number}".encode()).hexdigest())


def _seconds(client: CallerClient, click_id: UUID) -> float:
    order = {"externalOrderId": uuid4().hex, "orderAmount": "100.00", "currency": "NPR", "clickId": str(click_id)}
    started = perf_counter()
    answer = client.post("/api/v1/conversions/preview", json=order)
    seconds = perf_counter() - started
    assert answer.status_code == 200, answer.text
    assert answer.json["status"] == "CREDITED", answer.json
    return seconds


@contextmanager
def _stored(made: Databases, name: str, folder: Path, clicks: int) -> Iterator[ServiceUnderTest]:
    """The service on a database of its own that holds so many clicks."""
    from services.affiliates import service

    create_keys(folder / "keys", ["gateway", "affiliates"])
    loaded = replace(settings.load(), home=folder, keys=folder / "keys", database_url=made.template, services={})
    runtime = Runtime(service, replace(loaded, database_url=made.url(name)))
    try:
        migrate.upgrade(service, runtime.database.engine)
        with made.connect(name) as connection:
            _fill_link(connection)
            _fill_clicks(connection, clicks)
        yield ServiceUnderTest(runtime)
    finally:
        runtime.close()


LINK = """
INSERT INTO merchants (id, name, slug, enabled, sequence, allowed_hosts, affiliate_approval_required, updated_at)
VALUES (%(id)s, 'Dashain Market', 'dashain-market', true, 0, '[]', true, now());
INSERT INTO campaigns (id, merchant_id, code, title, cookie_days, traffic_sources, approval_required, visibility,
    status, created_at, updated_at, commission_type, commission_value)
VALUES (%(id)s, %(id)s, 'CMP-AAAAAA', 'Dashain Sale', 30, '[]', false, 'PRIVATE', 'ACTIVE', now(), now(),
    'PERCENTAGE', '12');
INSERT INTO campaign_runs (id, merchant_id, campaign_id, began_at)
VALUES (%(id)s, %(id)s, %(id)s, now() - interval '1 year');
INSERT INTO affiliates (id, merchant_id, name, email, email_key, status, created_at, updated_at)
VALUES (%(id)s, %(id)s, 'Bina', 'bina@blog.example', 'bina@blog.example', 'APPROVED', now(), now());
INSERT INTO links (id, merchant_id, campaign_id, affiliate_id, code, destination, created_at)
VALUES (%(id)s, %(id)s, %(id)s, %(id)s, %(code)s, 'https://shop.example/shoes', now())
"""
CLICKS = """
INSERT INTO clicks (id, merchant_id, link_id, campaign_id, affiliate_id, visitor_id, clicked_at, window_days, live,
    flags)
SELECT md5('click' || n)::uuid, %(id)s, %(id)s, %(id)s, %(id)s, md5((n / 10)::text)::uuid,
       now() - interval '1 day' - n * interval '0.2 seconds', 30, true, ''
FROM generate_series(1, %(clicks)s) AS n
"""
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'clicks' AND indexname <> 'pk_clicks'
"""


def _fill_link(connection: psycopg.Connection) -> None:
    for statement in LINK.split(";"):
        connection.execute(statement, {"id": MERCHANT, "code": CODE})  # type: ignore[arg-type]
    connection.commit()


def _fill_clicks(connection: psycopg.Connection, clicks: int) -> None:
    """Ten clicks a visitor, all within the window; indexes are built after the rows, which is much faster."""
    indexes = connection.execute(INDEXES).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")  # type: ignore[arg-type]
    connection.execute("ALTER TABLE clicks DROP CONSTRAINT pk_clicks")
    connection.execute(CLICKS, {"id": MERCHANT, "clicks": clicks})
    connection.execute("ALTER TABLE clicks ADD CONSTRAINT pk_clicks PRIMARY KEY (id)")
    for _, definition in indexes:
        connection.execute(definition)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")


def _scalar(connection: psycopg.Connection, statement: str) -> int:
    row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return int(row[0])
