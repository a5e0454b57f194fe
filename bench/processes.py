"""The platform's processes as a measurement needs them: only some of them, on chosen cores, with what they used."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.postgres import Databases
from tests.e2e.harness import OPERATOR, Engines, Platform

UNLIMITED = "1000000/second"


@contextmanager
def prepared(databases: Databases, services: Sequence[str]) -> Iterator[Platform]:
    """A platform with keys, an operator and migrated ``services`` on PostgreSQL; nothing runs yet.

    The broker is the embedded one, so that a measurement needs no RabbitMQ. It logs as a deployment does.
    """
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as home:
        engines = Engines("postgresql", {"CONCORD_DATABASE_URL": databases.template}, split=True)
        extra = dict.fromkeys(("CONCORD_LIMIT_TENANT", "CONCORD_LIMIT_ADDRESS", "CONCORD_LIMIT_SIGN_IN"), UNLIMITED)
        platform = Platform(Path(home), engines, extra={**extra, "CONCORD_LOG_LEVEL": "INFO"})
        platform.prepare(["keys"], ["migrate", *services], ["operator", OPERATOR[0], "--password", OPERATOR[1]])
        try:
            yield platform
        finally:
            platform.stop_all()


def cores() -> tuple[int, int] | None:
    """Two cores to pin to; None where there are not two or the system cannot pin."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else None


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """What is started in this block runs on ``core`` alone: a process inherits the cores of its parent."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Processor time a process and its descendants have used so far."""
    times = [process.cpu_times() for process in family(pid)]
    return sum(spent.user + spent.system for spent in times)


def memory(pid: int) -> tuple[int, int]:
    """Bytes a process and its descendants occupy: each shared page counted once, and the plain sum of RSS."""
    members = [process.memory_full_info() for process in family(pid)]
    return sum(getattr(memory, "pss", memory.uss) for memory in members), sum(memory.rss for memory in members)
