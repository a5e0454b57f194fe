"""A million events that wait in the outbox: what they cost requests and the relay, and how they go in the end."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.broker import commit, new_rows, virtual_host
from bench.postgres import Databases, databases
from bench.table import Row
from chassis.core.principal import Principal, acting_as
from chassis.data import migrate
from chassis.messaging import relay
from chassis.messaging.broker import connect
from chassis.messaging.relay import Relay
from chassis.process import settings
from chassis.process.service import Runtime
from concord.keys import create_keys
from tests.chassis.sample import service
from tests.plugin import ServiceUnderTest, principal

WAITING = 1_000_000
CALLS, WARM_UP = 300, 30
PUBLISHED = 10_000
OLD = 100_000
MOST, LEAST = 1.3, 0.77

FILL = f"""
INSERT INTO outbox (event_id, type, subject, sequence, body, created_at)
SELECT gen_random_uuid(), 'sample.NoteWritten.v1', gen_random_uuid(), 1, body, now()
FROM generate_series(1, {WAITING}), (SELECT body FROM outbox LIMIT 1) AS one
"""
AGE = f"""
UPDATE outbox SET sent_at = now() - interval '2 days' WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT {OLD})
"""


def measure() -> list[Row]:
    """Requests that write, and the relay, on a database with a million unsent rows and on one with hardly any."""
    with (
        databases(["many", "few"]) as made,
        tempfile.TemporaryDirectory() as folder,
        _sample(made, "many", Path(folder)) as many,
        _sample(made, "few", Path(folder)) as few,
    ):
        with acting_as(Principal.system("bench")):
            commit(many.database, new_rows(1))
        with made.connect("many") as connection:
            connection.execute(FILL)
            connection.commit()
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE outbox")
        slow, fast = _requests(many, few)
        loaded, alone = _relays(many, few)
        step = _trim(made, many)
    return [
        Row(
            f"backlog: a request that writes, {WAITING:,} events waiting against none (median)",
            f"{slow * 1000:.2f} ms",
            f"{fast * 1000:.2f} ms",
            slow / fast,
            f"≤ {MOST:g}",
            slow / fast <= MOST,
        ),
        Row(
            f"backlog: the relay, {WAITING:,} events waiting against {PUBLISHED:,}",
            f"{loaded:,.0f}/s",
            f"{alone:,.0f}/s",
            loaded / alone,
            f"≥ {LEAST:g}",
            loaded / alone >= LEAST,
        ),
        Row(f"backlog: one step of deleting {relay.TRIM:,} sent rows among them (longest)", f"{step * 1000:.0f} ms"),
    ]


@contextmanager
def _sample(made: Databases, name: str, folder: Path) -> Iterator[ServiceUnderTest]:
    create_keys(folder / "keys", ["gateway", "sample"])
    loaded = replace(settings.load(), home=folder, keys=folder / "keys", database_url=made.url(name), services={})
    runtime = Runtime(service, loaded)
    try:
        migrate.upgrade(service, runtime.database.engine)
        yield ServiceUnderTest(runtime)
    finally:
        runtime.close()


def _requests(*samples: ServiceUnderTest) -> list[float]:
    """Median seconds of a POST that writes an event, called in turn."""
    who = principal()
    clients = [sample.client(who) for sample in samples]
    times: list[list[float]] = [[] for _ in clients]
    for call in range(WARM_UP + CALLS):
        for client, taken in zip(clients, times, strict=True):
            started = perf_counter()
            assert client.post("/notes", json={"title": "x"}).status_code == 201
            if call >= WARM_UP:
                taken.append(perf_counter() - started)
    return [median(taken) for taken in times]


def _relays(many: ServiceUnderTest, few: ServiceUnderTest) -> tuple[float, float]:
    with virtual_host() as url, acting_as(Principal.system("bench")):
        broker = connect(url, "bench.relay")
        broker.declare("bench", ["#"])
        commit(few.database, new_rows(PUBLISHED))
        rates = [_rate(Relay("sample", sample.database, broker)) for sample in (many, few)]
        broker.close()
    return rates[0], rates[1]


def _rate(worker: Relay) -> float:
    sent, started = 0, perf_counter()
    while sent < PUBLISHED:
        sent += worker.publish_batch()
    return sent / (perf_counter() - started)


def _trim(made: Databases, many: ServiceUnderTest) -> float:
    """The longest step of deleting what was sent long ago, with the rest of the million still there."""
    with made.connect("many") as connection:
        connection.execute(AGE)
    longest = 0.0
    with acting_as(Principal.system("bench")):
        for _ in range(OLD // relay.TRIM):
            started = perf_counter()
            with many.database.begin() as session:
                assert relay.trim_sent(session) == relay.TRIM
            longest = max(longest, perf_counter() - started)
    return longest
