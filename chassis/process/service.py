"""What a service is: its declaration, and the runtime that the declaration becomes in a process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

from flask import Flask
from sqlalchemy import MetaData

from chassis.core.bell import Bell
from chassis.data import migrate
from chassis.data.database import Database
from chassis.http import app as http
from chassis.http.blueprints import Blueprint
from chassis.http.client import ServiceClient
from chassis.http.error_formats import ErrorFormat
from chassis.http.identity import Signer, Verifier
from chassis.messaging import broker
from chassis.messaging.events import LockTenants, Subscriber, Subscription
from chassis.process import health
from chassis.process.settings import Settings

D = TypeVar("D")
ROLES = ("api", "relay", "consumer", "scheduler")


@dataclass(frozen=True)
class Task:
    """Work that the scheduler role repeats. ``run`` may be called by several schedulers at once.

    It is called again at once while it returns something true (there is more to do), else after ``every`` seconds.

    Attributes:
        seldom: seconds in place of ``every`` where the process has all roles of its service, so that what it commits
            itself wakes whoever must know.
        bell: the bell of the process whose ring ends the wait.
    """

    name: str
    every: float
    run: Callable[["Runtime"], object]
    seldom: float | None = None
    bell: Callable[["Runtime"], Bell] | None = None


class Duty(Protocol):
    """What a service does beside its own work, the same way as other services: it adds to what the service declares.

    A view or a task of a duty finds its declaration with ``service.duty(<its class>)``.
    """

    @property
    def blueprints(self) -> Sequence[Blueprint]: ...

    @property
    def subscriptions(self) -> Sequence[Subscription]: ...

    @property
    def tasks(self) -> Sequence[Task]: ...


@dataclass(frozen=True)
class Service:
    """A service's declaration: the only wiring there is.

    Attributes:
        name: also the name of its database, its queue and its place in ``Settings.services``.
        metadata: its own tables.
        migrations: folder of its alembic versions.
        events: what it publishes, every version.
        subscriptions: what it listens to on the queue that is named after it.
        lock_tenants: what its subscriptions lock together, see ``chassis.messaging.events.LockTenants``.
        subscribers: further listeners with queues of their own, named ``<service>.<word>``.
        beside_api: what each process with the api role repeats beside its web server, and once more when it ends.
        error_format_of: the error format of a path that belongs to no endpoint; None for the platform's own.
        duties: what it does beside that as other services do, at most one of a class; see :class:`Duty`.
        check: reads the service's own settings; raises ``SettingsError`` so that a process with a wrong environment
            does not start, whatever its role.
    """

    name: str
    metadata: MetaData
    migrations: Path
    blueprints: Sequence[Blueprint] = ()
    events: Sequence[type] = ()
    subscriptions: Sequence[Subscription] = ()
    lock_tenants: LockTenants | None = None
    subscribers: Sequence[Subscriber] = ()
    schedule: Sequence[Task] = ()
    beside_api: Sequence[Task] = ()
    error_format_of: Callable[[str], ErrorFormat | None] = lambda _path: None
    duties: Sequence[Duty] = ()
    check: Callable[[Settings], object] = lambda _settings: None

    @property
    def listeners(self) -> tuple[Subscriber, ...]:
        """Every subscriber of the service, the one named after it first."""
        subscriptions = (*self.subscriptions, *(one for duty in self.duties for one in duty.subscriptions))
        own = (Subscriber(self.name, subscriptions, lock_tenants=self.lock_tenants),) if subscriptions else ()
        return (*own, *self.subscribers)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What the scheduler role repeats for this service."""
        return (*self.schedule, *(task for duty in self.duties for task in duty.tasks))

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles this service has work for."""
        work = {"api": True, "relay": self.events, "consumer": self.listeners, "scheduler": True}
        return tuple(role for role in ROLES if work[role])

    def duty(self, kind: type[D]) -> D:
        """Its duty of a class.

        Raises:
            LookupError: it has none.
        """
        for duty in self.duties:
            if isinstance(duty, kind):
                return duty
        raise LookupError(f"{self.name} has no {kind.__name__}")


@dataclass
class Runtime:
    """A service that runs in this process: settings, database, client of other services, brokers.

    ``memory`` is what the service keeps in this process, by names of its own; it is gone with the process.
    """

    service: Service
    settings: Settings
    database: Database = field(init=False)
    signer: Signer = field(init=False)
    client: ServiceClient = field(init=False)
    memory: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        name, settings = self.service.name, self.settings
        # As many as there are web threads are kept; relay, consumer, retries and tasks are busy only now and then.
        others = 2 + 2 * len(self.service.listeners) + len(self.service.tasks)
        self.database = Database(settings.database_url_of(name), pool_size=settings.threads, overflow=others)
        self.database.info["runtime"] = self
        self.signer = Signer(settings.keys, name)
        self.client = ServiceClient(settings.services, self.signer, places=max(1, settings.threads // 2))

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier(self.settings.keys, self.service.name)

    def broker(self, role: str) -> broker.Broker:
        """A broker connection of its own for ``role``: they are not shared between threads."""
        return broker.connect(self.settings.broker_url, f"{self.service.name}.{role}")

    def create_app(self, *, api: bool = True) -> Flask:
        """The WSGI application: health and metrics always, the endpoints where this process has the api role."""
        secret = self.signer.derive("idempotency")
        app = http.create_app(self.service.name, self.verifier, self.database, self.client, secret)
        app.extensions["error_format_of"] = self.service.error_format_of
        app.extensions["runtime"] = self
        health.add(
            app,
            self.service.name,
            self.database,
            is_current=lambda: migrate.is_current(self.service, self.database.engine),
            ordered=[subscriber.name for subscriber in self.service.listeners if subscriber.ordered],
        )
        if api:
            of_duties = (blueprint for duty in self.service.duties for blueprint in duty.blueprints)
            http.mount(app, (*self.service.blueprints, *of_duties))
        return app

    def close(self) -> None:
        self.database.close()


def runtime_of(app: Any) -> Runtime:
    return app.extensions["runtime"]


def settings_of(app: Any) -> Settings:
    return runtime_of(app).settings
