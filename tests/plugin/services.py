"""A service under test: started once, called as a given principal, its events at hand."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data.base import ChassisBase
from chassis.http.identity import Signer
from chassis.messaging.broker import Message
from chassis.messaging.broker.topic import matches
from chassis.messaging.consumer import Consumer
from chassis.messaging.events import Subscriber
from chassis.messaging.outbox import OutboxRow
from chassis.messaging.retries import Retries
from chassis.messaging.retry_table import WAITING, RetryRow
from chassis.process.service import Runtime
from tests.plugin.brokers import NoBroker
from tests.plugin.callers import CallerClient, WsgiAdapter
from tests.plugin.documented import Documented
from tests.plugin.wiping import wipe


class ServiceUnderTest:
    """A running service: ``client(principal)`` calls it, ``events()`` is what it wrote to its outbox."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.database = runtime.database
        self.app = runtime.create_app()
        self.documented = Documented(self.app)
        self.app.test_client_class = CallerClient
        listeners = runtime.service.listeners or (Subscriber(runtime.service.name, ()),)
        self.consumers = {subscriber: Consumer(subscriber, self.database, NoBroker()) for subscriber in listeners}
        self.consumer = next(iter(self.consumers.values()))
        self.retries = {subscriber: Retries(subscriber, self.database, NoBroker()) for subscriber in listeners}

    def client(self, who: Principal | None = None, *, sender: str = "gateway") -> CallerClient:
        client = self.app.test_client(use_cookies=False)
        assert isinstance(client, CallerClient)
        client.who = who
        client.signer = Signer(self.runtime.settings.keys, sender)
        client.audience = self.runtime.service.name
        client.documented = self.documented
        return client

    def connect(self, name: str, other: "ServiceUnderTest") -> None:
        """Let this service's outbound client reach ``other`` as the service ``name``."""
        self.runtime.client.addresses[name] = f"http://{name}"
        self.runtime.client.http.session.mount(f"http://{name}", WsgiAdapter(other.app))

    def disconnect(self, name: str) -> None:
        """Nothing answers as the service ``name``."""
        self.runtime.client.addresses[name] = "http://127.0.0.1:9"

    def events(self, event_type: str | None = None) -> list[dict[str, Any]]:
        """The envelopes written so far, in order."""
        with acting_as(Principal.system("test")), self.database.read() as session:
            bodies = [json.loads(row.body) for row in session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
        return [body for body in bodies if event_type in (None, body["type"])]

    def deliver(self, *envelopes: Mapping[str, Any]) -> None:
        """Hand events to the service's subscribers as the broker would, to each those that it listens to."""
        batch = [Message(str(e["id"]), str(e["type"]), json.dumps(e).encode()) for e in envelopes]
        for subscriber, consumer in self.consumers.items():
            consumer.handle([m for m in batch if any(matches(pattern, m.type) for pattern in subscriber.patterns)])

    def retry_rows(self) -> list[RetryRow]:
        with acting_as(Principal.system("test")), self.database.read() as session:
            return list(session.scalars(select(RetryRow).order_by(RetryRow.parked_at)))

    def retry_all(self, *mended: Subscriber) -> None:
        """Try every failed event again now, whenever it is due; ``mended`` subscribers replace those of their names."""
        with acting_as(Principal.system("test")), self.database.begin() as session:
            session.execute(
                update(RetryRow).where(RetryRow.state == WAITING).values(next_at=utcnow() - timedelta(seconds=1))
            )
        by_name = {subscriber.name: retries for subscriber, retries in self.retries.items()}
        by_name |= {subscriber.name: Retries(subscriber, self.database, NoBroker()) for subscriber in mended}
        for retries in by_name.values():
            while retries.retry_one() or retries.sweep():
                pass

    def wipe(self) -> None:
        """Empty every table."""
        wipe(self.database, [*self.runtime.service.metadata.sorted_tables, *ChassisBase.metadata.sorted_tables])


def endpoints(app: Flask) -> dict[tuple[str, str], tuple[str, ...]]:
    """Every endpoint of a service's own: ``{("POST", "/notes/<uuid:note_id>"): roles let in}``; those of duties
    are tried in ``tests/architecture``."""
    access = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith(("people.", "tenant-rows.")):
            continue
        view_class = getattr(app.view_functions[rule.endpoint], "view_class", None)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            if view := getattr(view_class, method.lower(), None):
                access[method, rule.rule] = view.access
    return access
