"""The processes of a run: the platform's busy roles, some of them twice, and a subscriber that keeps a ledger."""

import fcntl
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psycopg
import requests
from prometheus_client.parser import text_string_to_metric_families

from chassis.messaging.broker import connect
from concord import platform
from tests.chaos import ledger, servers
from tests.e2e.harness import Engines, Platform, free_ports
from tests.plugin.nursery import nursery

# What a name stands for, and how often it runs: relays have a standby, consumers and senders share their work. What has
# no role has all of its service's in one process.
MEMBERS = {
    "gateway": 1,
    "identity": 1,
    "prm-api": 1,
    "prm-relay": 1,
    "prm-consumer": 1,
    "campaigns-api": 1,
    "campaigns-relay": 2,
    "campaigns-consumer": 1,
    "messaging-api": 1,
    "messaging-relay": 2,
    "messaging-consumer": 1,
    "notifier-api": 1,
    "notifier-consumer": 2,
    "notifier-scheduler": 2,
    "promotions": 1,
    "affiliates": 1,
    ledger.NAME: 2,
}
# The same for a short run: what nobody kills in pieces is whole, and nobody is there twice.
FEW_MEMBERS = dict.fromkeys(
    (
        "gateway",
        "identity",
        "prm",
        "campaigns-api",
        "campaigns-relay",
        "campaigns-consumer",
        "messaging-api",
        "messaging-relay",
        "messaging-consumer",
        "notifier-api",
        "notifier-consumer",
        "notifier-scheduler",
        "promotions",
        "affiliates",
        ledger.NAME,
    ),
    1,
)
# How likely each role is the next to be killed, and which processes play it.
WEIGHTS = {"relay": 30, "consumer": 30, "writer": 15, "notifier": 10, "database": 10, "broker": 5}
CAST = {
    "relay": ("campaigns-relay", "messaging-relay"),
    "consumer": ("notifier-consumer", ledger.NAME, "campaigns-consumer", "messaging-consumer"),
    "writer": ("gateway", "campaigns-api", "messaging-api", "prm-api", "promotions", "affiliates"),
    "notifier": ("notifier-scheduler",),
}
AT_WORK = ("relay", "consumer")  # are killed in the middle of a batch
HELD = 1.5  # seconds in which work piles up
INSIDE = 0.1  # seconds into its work at which a relay dies, at most: as long as a batch takes
PUBLISHERS = [name for name in platform.SERVICES if platform.load(name).events]
CONSUMERS = [name for name in platform.SERVICES if platform.load(name).listeners]
DUPLICATES = "concord_events_duplicate"


def subscribers() -> list[str]:
    """Everybody who has a queue in a run."""
    return [*(subscriber.name for name in CONSUMERS for subscriber in platform.load(name).listeners), ledger.NAME]


@dataclass
class Fleet(Platform):
    """A platform of which any process may die at any moment and is started again at once."""

    members: Mapping[str, int] = field(default_factory=lambda: MEMBERS)

    def names(self) -> list[str]:
        return [f"{member}.{number}" for member, count in self.members.items() for number in range(count)]

    def port_of(self, name: str) -> int:
        """The api listens where the other services expect it, everything else further up, in the order of ``names``."""
        service, _, role = name.partition(".")[0].partition("-")
        if service != ledger.NAME and role in ("", "api"):
            return platform.port_of(service, self.port)
        return self.port + len(platform.SERVICES) + 1 + self.names().index(name)

    def start_all(self) -> None:
        broker = connect(self.environment.get("CONCORD_BROKER_URL", f"embedded:///{self.home}/broker.db"), "chaos")
        broker.declare(ledger.NAME, ["#"])
        broker.close()
        super().start_all()

    def start(self, name: str) -> None:
        service, _, role = name.partition(".")[0].partition("-")
        threads = "16" if service == platform.GATEWAY else "4"
        own = {"CONCORD_BIND": f"127.0.0.1:{self.port_of(name)}", "CONCORD_THREADS": threads}
        is_ledger = service == ledger.NAME
        self.processes[name] = nursery().start(
            "tests.chaos.ledger" if is_ledger else "concord",
            [] if is_ledger else ["run", service, *([role] if role else [])],
            self.environment | own,
            self.home / f"{name}.log",
        )

    def duplicates(self, name: str) -> float:
        """How many redeliveries the inbox of a running process has absorbed, by its own count."""
        address = f"http://127.0.0.1:{self.port_of(name)}/metrics"
        with suppress(requests.RequestException):
            for family in text_string_to_metric_families(requests.get(address, timeout=1).text):
                if family.name == DUPLICATES:
                    return sum(sample.value for sample in family.samples if sample.name.endswith("_total"))
        return 0.0


@dataclass
class Absorbed:
    """Redeliveries that consumers absorbed, watched from outside: what a killed one had not told yet is not counted."""

    fleet: Fleet
    _seen: dict[str, float] = field(default_factory=dict)  # by process as long as it lives
    _gone: float = 0.0

    @property
    def total(self) -> int:
        return int(self._gone + sum(self._seen.values()))

    def look(self) -> None:
        for name in self.fleet.names():
            if "consumer" in name or "-" not in name:
                count = self.fleet.duplicates(name)
                if count < self._seen.get(name, 0.0):  # another process by now
                    self._gone += self._seen[name]
                self._seen[name] = count


class Witness:
    """Sees from outside what a service is doing just now, so that it dies where that hurts."""

    def __init__(self, fleet: Fleet, database: servers.Server | None) -> None:
        self._fleet = fleet
        self._database = database

    def wait_until_relaying(self, service: str) -> None:
        """Until its relay publishes: it holds its lease then."""
        if self._database is None:
            with Path(self._fleet.home / f"{service}.db.relay").open("ab") as file:
                _wait_until(lambda: not _could_lock(file))
            return
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        lease = f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND {here}"
        with self._reading(service) as ask:
            _wait_until(lambda: ask(lease) is not None)

    def wait_until_consumed(self, service: str) -> None:
        """Until a consumer of it has committed a batch; it settles it with the broker next."""
        newest = "SELECT max(handled_at) FROM inbox"
        with self._reading(service) as ask:
            before = ask(newest)
            _wait_until(lambda: ask(newest) != before)

    @contextmanager
    def _reading(self, service: str) -> Iterator[Callable[[str], object]]:
        if self._database is None:
            address = f"file:{self._fleet.home}/{service}.db?mode=ro"
            with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as file:
                yield lambda statement: file.execute(statement).fetchone()
            return
        with psycopg.connect(f"{servers.url(self._database)}/{service}", autocommit=True) as connection:
            yield lambda statement: connection.execute(statement).fetchone()


def _wait_until(happens: Callable[[], bool], within: float = 1.0) -> None:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline and not happens():
        time.sleep(0.001)


def _could_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True


@dataclass
class Killer:
    """Kills somebody every few seconds and brings them back, at most one at a time, as its dice say."""

    fleet: Fleet
    servers: dict[str, servers.Server]  # "database" and "broker", where the run has its own
    dice: random.Random
    pause: float  # seconds between two kills, on average
    witness: Witness = field(init=False)
    kills: dict[str, int] = field(default_factory=dict)
    outages: list[float] = field(default_factory=list)  # when a server came back

    def __post_init__(self) -> None:
        self.witness = Witness(self.fleet, self.servers.get("database"))

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(self.dice.uniform(0.5, 1.5) * self.pause):
            self.strike()

    def strike(self) -> None:
        roles = [role for role in WEIGHTS if role in CAST or role in self.servers]
        role = self.dice.choices(roles, [WEIGHTS[role] for role in roles])[0]
        if role in self.servers:
            self.servers[role].kill()
            self.servers[role].start()
            self.outages.append(time.monotonic())
        else:
            name = self._victim(role)
            if name is None:
                return
            if role in AT_WORK:
                self._let_work_pile_up(name)
            self.fleet.kill(name)
            self.fleet.start(name)
        self.kills[role] = self.kills.get(role, 0) + 1

    def _let_work_pile_up(self, name: str) -> None:
        """Hold it and its twins still for a moment, so that it dies in the middle of a batch and not between two."""
        member = name.partition(".")[0]
        twins = [self.fleet.processes[twin].pid for twin in self.fleet.names() if twin.partition(".")[0] == member]
        for pid in twins:
            os.killpg(pid, signal.SIGSTOP)
        time.sleep(HELD)
        for pid in twins:
            os.killpg(pid, signal.SIGCONT)
        service = member.partition("-")[0]
        if member.endswith("-relay"):
            self.witness.wait_until_relaying(service)
            time.sleep(self.dice.uniform(0, INSIDE))
        else:
            self.witness.wait_until_consumed(service)

    def _victim(self, role: str) -> str | None:
        """Somebody who is up; to kill a process that is only starting would prove less."""
        members = [name for name in self.fleet.names() if name.partition(".")[0] in CAST[role]]
        self.dice.shuffle(members)
        return next((name for name in members if servers.answers(self.fleet.port_of(name))), None)


@contextmanager
def real() -> Iterator[tuple[Engines, dict[str, servers.Server]]]:
    """A PostgreSQL and a RabbitMQ that the run may kill."""
    with servers.postgres() as database, servers.rabbitmq() as broker:
        with psycopg.connect(f"{servers.url(database)}/postgres", autocommit=True) as admin:
            for name in (*platform.SERVICES, ledger.NAME):
                admin.execute(f'CREATE DATABASE "{name}"')
        environment = {
            "CONCORD_DATABASE_URL": f"{servers.url(database)}/{{service}}",
            "CONCORD_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{broker.port}/",
        }
        yield Engines("real", environment, split=True), {"database": database, "broker": broker}


@contextmanager
def embedded() -> Iterator[tuple[Engines, dict[str, servers.Server]]]:
    """Files, which nobody can kill."""
    yield Engines("embedded", {}, split=True), {}


@contextmanager
def running(home: Path, engines: Engines, extra: dict[str, str], members: Mapping[str, int]) -> Iterator[Fleet]:
    """A fleet with every process up; all of them are ended afterwards."""
    port = free_ports(len(platform.SERVICES) + 1 + sum(members.values()))
    fleet = Fleet(home, engines, extra, port=port, members=members)
    try:
        fleet.start_all()
        yield fleet
    finally:
        fleet.stop_all()
