"""RabbitMQ virtual hosts of a measurement's own, and events that wait in an outbox."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data import migrate
from chassis.data.database import Database
from chassis.messaging.outbox import add_rows, row_of
from tests.chassis.broker_helpers import rabbitmqctl
from tests.chassis.sample import NoteWritten, service
from tests.plugin import principal

SERVER = "amqp://guest:guest@127.0.0.1:5672"
ROOT = Path(__file__).parent.parent
TITLE = "Feature the spring display for 4 weeks and run the 10% bundle offer."


@contextmanager
def virtual_host() -> Iterator[str]:
    """The URL of a new virtual host, removed afterwards."""
    name = f"bench-{uuid4().hex[:10]}"
    rabbitmqctl("add_vhost", name)
    try:
        rabbitmqctl("set_permissions", "-p", name, "guest", ".*", ".*", ".*")
        yield f"{SERVER}/{name}"
    finally:
        rabbitmqctl("delete_vhost", name)


@contextmanager
def migrated(url: str) -> Iterator[Database]:
    """The sample service's database, with the newest schema."""
    database = Database(url)
    try:
        migrate.upgrade(service, database.engine)
        with acting_as(Principal.system("bench")):
            yield database
    finally:
        database.close()


def new_rows(count: int) -> list[dict[str, Any]]:
    """Outbox rows of as many subjects, ready to be committed."""
    actor, now = principal(), utcnow()
    subjects = [uuid4() for _ in range(count)]
    return [
        row_of(NoteWritten(subject, TITLE), subject, 1, tenants=(actor.tenant_id,), actor=actor, now=now)
        for subject in subjects
    ]


def commit(database: Database, rows: Sequence[dict[str, Any]]) -> None:
    """All of them in one transaction."""
    with database.begin() as session:
        add_rows(session, rows)


@contextmanager
def process(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``python -m module`` with these arguments, ready when it has said so, ended when the block ends."""
    started = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        assert started.stdout.readline().strip() == "ready", module
        yield started
    finally:
        started.terminate()
        started.communicate(timeout=30)


def read_times(path: Path) -> dict[str, float]:
    """What a listening process wrote down: by event, when its effect was committed."""
    times = [line.split() for line in path.read_text().splitlines()]
    return {event_id: float(at) for event_id, at in times}
