"""The embedded platform as a visitor starts it: how long until it is ready, and how much memory it takes."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
import requests

from bench.processes import family, memory
from bench.table import Row
from concord.platform import GATEWAY, SERVICES, port_of
from tests.e2e.harness import free_ports

RUNS = 3
PATIENCE = 60.0
SETTLE = 1.0
GIB = 1024**3
MOST_SECONDS, MOST_BYTES = 20.0, GIB


def measure() -> list[Row]:
    """Medians of fresh starts, each in a folder of its own, migrations included."""
    runs = [_once() for _ in range(RUNS)]
    seconds, pss, rss = (median(run[number] for run in runs) for number in range(3))
    return [
        Row(
            "platform: embedded, from the command until all are ready",
            f"{seconds:.1f} s",
            goal=f"< {MOST_SECONDS:g} s",
            ok=seconds < MOST_SECONDS,
        ),
        Row(
            f"platform: memory of its {runs[0][3]} processes (PSS; sum of RSS beside it)",
            f"{pss / 1024**2:.0f} MiB",
            f"{rss / 1024**2:.0f} MiB",
            goal="< 1 GiB",
            ok=pss < MOST_BYTES,
        ),
    ]


def _once() -> tuple[float, int, int, int]:
    """Seconds until ready, then PSS, RSS and the number of processes."""
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as home:
        port = free_ports(len(SERVICES) + 1)
        started = time.monotonic()
        with _up(Path(home), port) as process:
            _wait_until_ready(process, port)
            seconds = time.monotonic() - started
            time.sleep(SETTLE)
            return seconds, *memory(process.pid), len(family(process.pid))


@contextmanager
def _up(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    environment = dict(os.environ) | {"CONCORD_HOME": str(home), "CONCORD_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "concord", "up", "--no-demo"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and end by force what is still there."""
    all_of_it = family(process.pid) if process.poll() is None else []
    process.terminate()
    _, left = psutil.wait_procs(all_of_it, timeout=30)
    for survivor in left:
        survivor.kill()
    process.wait(10)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    waiting = {f"http://127.0.0.1:{port_of(name, port)}/health/ready" for name in (GATEWAY, *SERVICES)}
    deadline = time.monotonic() + PATIENCE
    while waiting:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the platform did not get ready")
        waiting = {url for url in waiting if not _answers(url)}
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
