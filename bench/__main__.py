"""``python -m bench [send|kanban|messaging|…]``: measure everything, or only what is named; print one table."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

import psycopg

from bench import (
    accounts,
    activation,
    affiliates,
    backlog,
    consumer,
    evaluate,
    gateway,
    kanban,
    messaging,
    notifier,
    orders,
    platform,
    postgres,
    relay,
    send,
)
from bench.table import Row, render
from chassis.core import logs

MEASUREMENTS: dict[str, Callable[[], list[Row]]] = {
    "send": send.measure,
    "kanban": kanban.measure,
    "messaging": messaging.measure,
    "notifier": notifier.measure,
    "activation": activation.measure,
    "evaluate": evaluate.measure,
    "orders": orders.measure,
    "relay": relay.measure,
    "consumer": consumer.measure,
    "backlog": backlog.measure,
    "affiliates": affiliates.measure,
    "gateway": gateway.measure,
    "accounts": accounts.measure,
    "platform": platform.measure,
}


def main(names: list[str]) -> int:
    """Run the measurements; 1 when a goal was missed."""
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        sys.exit(f"no such measurement: {', '.join(sorted(unknown))}; there are: {', '.join(MEASUREMENTS)}")
    _isolate()
    rows: list[Row] = []
    for name in names or MEASUREMENTS:
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        started = time.monotonic()
        rows += MEASUREMENTS[name]()
        print(f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print(render(rows))
    return 1 if any(row.ok is False for row in rows) else 0


def _isolate() -> None:
    """Measure the defaults, whatever is set for the platform of this machine; and clean up after SIGTERM as well."""
    for name in [name for name in os.environ if name.startswith("CONCORD_")]:
        del os.environ[name]
    logs.configure("WARNING", "console")
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("stopped; everything has been removed again")
    except psycopg.OperationalError as error:
        sys.exit(f"PostgreSQL is needed at {postgres.SERVER}: {error}")
