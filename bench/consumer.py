"""From commit to effect: one relay and one consumer, beside Celery doing the same insert on the same broker."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import uuid4

import psycopg

from bench.broker import ROOT, TITLE, commit, migrated, new_rows, process, read_times, virtual_host
from bench.postgres import Databases, databases
from bench.table import Row
from chassis.data.database import Database
from chassis.messaging.broker import connect

EVENTS, TASKS = 10_000, 2_000
ROUNDS = 3
RATE, SECONDS = 100, 15
PATIENCE = 120.0
LEAST_RATIO, MOST_P99 = 5, 0.2


def measure() -> list[Row]:
    """Events a second of both, in turn; then how long each of a steady hundred a second takes."""
    with (
        tempfile.TemporaryDirectory(prefix="concord-bench-") as folder,
        databases(["ours", "theirs"]) as made,
        virtual_host() as url,
        migrated(made.url("ours")) as database,
        migrated(made.url("theirs")),
    ):
        connect(url, "bench").declare("bench", ["sample.NoteWritten.v1"])
        log = Path(folder) / "handled"
        pairs = [(_ours(database, made, url, log), _celery(made, url)) for _ in range(ROUNDS)]
        latencies = _steady(database, made, url, Path(folder) / "steady")
    ours, theirs = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    p99, usual = latencies[int(len(latencies) * 0.99)], median(latencies)
    return [
        Row(
            "consumer: events a second from commit to effect, against Celery's tasks",
            f"{ours:,.0f}/s",
            f"{theirs:,.0f}/s",
            ours / theirs,
            f"≥ {LEAST_RATIO}",
            ours / theirs >= LEAST_RATIO,
        ),
        Row(
            f"consumer: commit to effect at {RATE} events a second, p99 (median {usual * 1000:.0f} ms)",
            f"{p99 * 1000:.0f} ms",
            goal=f"< {MOST_P99 * 1000:.0f} ms",
            ok=p99 < MOST_P99,
        ),
    ]


@contextmanager
def _listening(made: Databases, url: str, log: Path) -> Iterator[None]:
    with (
        process("bench.listen", "relay", made.url("ours"), url),
        process("bench.listen", "consume", made.url("ours"), url, str(log)),
    ):
        yield


def _ours(database: Database, made: Databases, url: str, log: Path) -> float:
    """Committed while both processes run, so that relay and consumer work at the same time."""
    log.write_text("")
    rows = new_rows(EVENTS)
    with _listening(made, url, log):
        commit(database, rows)
        started = time.time()
        _until(lambda: log.read_bytes().count(b"\n") >= EVENTS)
    return EVENTS / (max(read_times(log).values()) - started)


def _celery(made: Databases, url: str) -> float:
    """A worker of one process, and a publisher that waits for each confirm, which is what ``confirm_publish`` does."""
    from bench.tasks import app, copy_note

    app.conf.broker_url = url
    environment = os.environ | {"BENCH_BROKER": url, "BENCH_DATABASE": made.url("theirs")}
    options = ["--pool=solo", "-l", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = [sys.executable, "-m", "celery", "-A", "bench.tasks", "worker", *options]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        with made.connect("theirs") as connection:
            connection.autocommit = True
            before = _notes(connection)
            copy_note.delay(str(uuid4()), TITLE)  # so that both sides are connected
            _until(lambda: _notes(connection) > before)
            started = time.perf_counter()
            for _ in range(TASKS):
                copy_note.delay(str(uuid4()), TITLE)
            _until(lambda: _notes(connection) - before > TASKS)
            return TASKS / (time.perf_counter() - started)
    finally:
        worker.terminate()
        worker.wait(30)


def _steady(database: Database, made: Databases, url: str, log: Path) -> list[float]:
    """Seconds from each commit to the commit of its effect, shortest first."""
    committed: dict[str, float] = {}
    log.write_text("")

    def write() -> None:
        rows = new_rows(1)
        commit(database, rows)
        committed[str(rows[0]["event_id"])] = time.time()

    with _listening(made, url, log):
        _pace(write)
        _until(lambda: len(read_times(log)) >= len(committed))
    handled = read_times(log)
    return sorted(handled[event_id] - at for event_id, at in committed.items())


def _pace(act: Callable[[], None]) -> None:
    """``RATE`` times a second for ``SECONDS``; the first second is left to connecting."""
    pause = threading.Event()
    started = time.monotonic() + 1
    for n in range(RATE * SECONDS):
        pause.wait(max(0.0, started + n / RATE - time.monotonic()))
        act()


def _notes(connection: psycopg.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM notes").fetchone()[0])  # type: ignore[index]


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("it did not get there in time")
        time.sleep(0.05)
