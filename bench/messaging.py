"""The badge and the thread list of a user with very many threads beside those of a user with few."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import event

from bench.postgres import Databases, databases
from bench.table import Row
from chassis.core.principal import Principal
from chassis.data import migrate
from chassis.process import settings
from chassis.process.service import Runtime
from concord.keys import create_keys
from tests.plugin import CallerClient, ServiceUnderTest, principal

MANY, FEW = 10_000, 100
MESSAGES_EACH = 100
UNREAD_ONE_IN = 10
CALLS = 300
WARM_UP = 20
PAGES = (1, 20, 200)
PATH = "/api/v1/messaging/threads"
BADGE = f"{PATH}/unread-count"
MOST = 1.5


def measure() -> list[Row]:
    """Times of badge and list in both inboxes, called in turn, and the statements behind each of them."""
    who = principal()
    with (
        databases(["many", "few"]) as made,
        tempfile.TemporaryDirectory() as folder,
        inbox(made, "many", Path(folder), who, MANY) as many,
        inbox(made, "few", Path(folder), who, FEW) as few,
    ):
        rows = [
            _compare("badge", BADGE, many.client(who), few.client(who)),
            _compare("thread list", PATH, many.client(who), few.client(who)),
        ]
        counts = [_statements(many, who, BADGE), *(_statements(many, who, f"{PATH}?pageSize={size}") for size in PAGES)]
        again = [_statements(few, who, BADGE), *(_statements(few, who, f"{PATH}?pageSize={size}") for size in PAGES)]
    return [
        *rows,
        Row(
            f"messaging: SQL statements for the badge and pages of {', '.join(map(str, PAGES))}",
            ", ".join(map(str, counts)),
            ", ".join(map(str, again)),
            goal="same, pages alike",
            ok=counts == again and len(set(counts[1:])) == 1,
        ),
    ]


@contextmanager
def inbox(made: Databases, name: str, folder: Path, who: Principal, threads: int) -> Iterator[ServiceUnderTest]:
    """The messaging service on a database of its own in which ``who`` has this many threads."""
    from services.messaging import service

    create_keys(folder / "keys", ["gateway", "messaging"])
    loaded = replace(settings.load(), home=folder, keys=folder / "keys", database_url=made.template, services={})
    runtime = Runtime(service, replace(loaded, database_url=made.url(name)))
    try:
        migrate.upgrade(service, runtime.database.engine)
        with made.connect(name) as connection:
            _fill(connection, who.tenant_id, threads)
        yield ServiceUnderTest(runtime)
    finally:
        runtime.close()


THREADS = """
INSERT INTO threads (
    id, subject, supplier_id, supplier_name, retailer_id, retailer_name, created_at,
    message_count, last_message_at, last_message_preview, waiting_for, waiting_since, retailer_has_written,
    supplier_unread, supplier_archived, supplier_updated_at, retailer_unread, retailer_archived, retailer_updated_at
)
SELECT gen_random_uuid(), 'Spring campaign ' || n, %(supplier)s, 'Nordic Heating AB', gen_random_uuid(),
       'Fjord Retail ' || n, now() - n * interval '1 minute', %(messages)s, now() - n * interval '1 second',
       'Let me know if it works.', 'supplier', now(), true,
       CASE WHEN n %% %(unread)s = 0 THEN 3 ELSE 0 END, false, now() - n * interval '1 second', 0, false, now()
FROM generate_series(1, %(threads)s) AS n
"""
MESSAGES = """
INSERT INTO messages (
    id, thread_id, number, sender_tenant_id, recipient_tenant_id, sender_name, body, is_system, created_at
)
SELECT gen_random_uuid(), id, n, CASE WHEN n %% 2 = 1 THEN supplier_id ELSE retailer_id END,
       CASE WHEN n %% 2 = 1 THEN retailer_id ELSE supplier_id END, 'Anna Lind',
       'Hi, here is the artwork for the spring push. Let me know if it works. ' || n, n = 1, created_at
FROM threads, generate_series(1, %(messages)s) AS n
"""
COUNTS = """
INSERT INTO thread_counts (tenant_id, threads, unread, archived)
SELECT supplier_id, count(*), count(*) FILTER (WHERE supplier_unread > 0), 0 FROM threads GROUP BY supplier_id
"""


def _fill(connection: psycopg.Connection, supplier: UUID, threads: int) -> None:
    """Threads of one supplier with as many retailers; one in ten has something unread."""
    values = {"supplier": supplier, "threads": threads, "messages": MESSAGES_EACH, "unread": UNREAD_ONE_IN}
    connection.execute(THREADS, values)
    connection.execute(MESSAGES, values)
    connection.execute(COUNTS)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")


def _compare(what: str, path: str, many: CallerClient, few: CallerClient) -> Row:
    slow, fast = _times(lambda: many.get(path), lambda: few.get(path))
    ratio = slow / fast
    return Row(
        f"messaging: {what}, {MANY:,} threads and {MANY * MESSAGES_EACH:,} messages against {FEW} threads",
        f"{slow * 1000:.2f} ms",
        f"{fast * 1000:.2f} ms",
        ratio,
        f"≤ {MOST:g}",
        ratio <= MOST,
    )


def _times(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[float, float]:
    """Median seconds of a call of each, called in turn so that both meet the same disturbances."""
    for _ in range(WARM_UP):
        _seconds(first)
        _seconds(second)
    pairs = [(_seconds(first), _seconds(second)) for _ in range(CALLS)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def _seconds(call: Callable[[], Any]) -> float:
    started = perf_counter()
    answer = call()
    seconds = perf_counter() - started
    assert answer.status_code == 200, answer.text
    return seconds


def _statements(running: ServiceUnderTest, who: Principal, path: str) -> int:
    """How many statements an answer costs."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = running.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        answer = running.client(who).get(path)
        assert answer.status_code == 200, answer.text
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(seen)
