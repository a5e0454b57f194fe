"""What a service is: its declaration, and the runtime that the declaration becomes in a process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import MetaData

from chassis.core.bell import Bell
from chassis.data import migrate
from chassis.data.database import Database
from chassis.data.personal import PersonalData
from chassis.data.tenant_data import Step, TenantData
from chassis.http import app as http
from chassis.http.blueprints import Blueprint
from chassis.http.client import ServiceClient
from chassis.http.error_formats import ErrorFormat
from chassis.http.identity import Signer, Verifier
from chassis.messaging import broker
from chassis.messaging.events import LockTenants, Subscriber, Subscription
from chassis.process import health, people, tenants
from chassis.process.settings import Settings

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
        personal: what its own tables hold of people. With it, even without any table, the service answers what it keeps
            about a person and forgets one (``chassis.process.people``).
        erases_archive: it also takes erased people out of what the broker keeps; true of one service.
        tenant_data: what its own tables hold of tenants, children before the rows they refer to. With it, even without
            any table, the service shows all rows of a tenant; where it names steps, it also deletes what a tenant has
            left after its end (``chassis.process.tenants``).
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
    personal: Sequence[PersonalData] | None = None
    erases_archive: bool = False
    tenant_data: Sequence[TenantData] | None = None
    check: Callable[[Settings], object] = lambda _settings: None

    @property
    def listeners(self) -> tuple[Subscriber, ...]:
        """Every subscriber of the service, the one named after it first."""
        erasing = () if self.personal is None else (people.begin_erasure,)
        ending = (tenants.begin_ending,) if self.ending_steps else ()
        subscriptions = (*self.subscriptions, *erasing, *ending)
        own = (Subscriber(self.name, subscriptions, lock_tenants=self.lock_tenants),) if subscriptions else ()
        return (*own, *self.subscribers)

    @property
    def personal_data(self) -> tuple[PersonalData, ...]:
        """What its tables, and those of the chassis beside them, hold of people."""
        return (*(self.personal or ()), *people.CHASSIS)

    @property
    def all_tenant_data(self) -> tuple[TenantData, ...]:
        """What its tables, and those of the chassis beside them, hold of tenants."""
        return (*(self.tenant_data or ()), *tenants.CHASSIS)

    @property
    def ending_steps(self) -> tuple[tuple[TenantData, Step], ...]:
        """What is done after a tenant's end, in this order."""
        return tuple((data, step) for data in self.tenant_data or () for step in data.steps)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What the scheduler role repeats for this service."""
        erasing = () if self.personal is None else (Task("erasures", 2.0, people.erase_some),)
        ending = (Task("endings", 2.0, tenants.end_some),) if self.ending_steps else ()
        return (*self.schedule, *erasing, *ending)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles this service has work for."""
        work = {"api": True, "relay": self.events, "consumer": self.listeners, "scheduler": True}
        return tuple(role for role in ROLES if work[role])


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
            people_endpoints = () if self.service.personal is None else (people.blp,)
            tenant_endpoints = () if self.service.tenant_data is None else (tenants.blp,)
            http.mount(app, (*self.service.blueprints, *people_endpoints, *tenant_endpoints))
        return app

    def close(self) -> None:
        self.database.close()


def runtime_of(app: Any) -> Runtime:
    return app.extensions["runtime"]


def settings_of(app: Any) -> Settings:
    return runtime_of(app).settings
