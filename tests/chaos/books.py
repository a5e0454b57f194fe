"""The databases of a run, read across tenants; and when everything in them has settled."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from chassis.core.principal import Principal, acting_as
from chassis.data.database import Database
from chassis.messaging.broker import connect
from chassis.messaging.broker.topic import matches
from chassis.messaging.events import Series, Subscriber
from chassis.messaging.inbox import InboxRow
from chassis.messaging.outbox import OutboxRow
from chassis.messaging.retry_table import RetryRow
from concord import platform
from services.notifier.deliveries.models import Delivery
from services.notifier.webhooks.models import WebhookMessage
from tests.chaos import ledger
from tests.chaos.fleet import CONSUMERS, PUBLISHERS, subscribers

UNDER_WAY = ("new", "sending")


@dataclass(frozen=True)
class Event:
    """One row of an outbox."""

    id: UUID
    type: str
    series: Series
    sequence: int
    tenants: frozenset[str]
    at: datetime


class Books:
    """The databases of a run, read across tenants."""

    def __init__(self, url: str, broker_url: str) -> None:
        self._url = url
        self._broker_url = broker_url

    @contextmanager
    def open(self, name: str) -> Iterator[Session]:
        database = Database(self._url.replace("{service}", name), pool_size=1)
        try:
            with acting_as(Principal.system("chaos")), database.read() as session:
                yield session
        finally:
            database.close()

    def all(self, name: str, statement: Select[Any]) -> list[Any]:
        with self.open(name) as session:
            return list(session.execute(statement).all())

    def count(self, name: str, statement: Select[tuple[int]]) -> int:
        with self.open(name) as session:
            return session.execute(statement).scalar_one()

    def events(self) -> Iterator[Event]:
        """Everything that was published, each service's in the order in which it was written."""
        columns = (OutboxRow.event_id, OutboxRow.type, OutboxRow.sequence, OutboxRow.body, OutboxRow.created_at)
        for name in PUBLISHERS:
            for event_id, type, sequence, text, at in self.all(name, select(*columns).order_by(OutboxRow.id)):
                body = json.loads(text)
                series = Series(body["source"], UUID(body["subject"]))
                yield Event(event_id, type, series, sequence, frozenset(body["tenantids"].split(",")) - {""}, at)

    def forgotten(self, events: Iterable[Event]) -> set[UUID]:
        """What was for nobody but tenants that have ended: the notifier forgets all that is theirs."""
        events = list(events)
        ended = {str(event.series.subject) for event in events if event.type == "identity.TenantEnded.v1"}
        return {event.id for event in events if event.tenants and event.tenants <= ended}

    def under_way(self) -> dict[str, int]:
        """What still has to happen somewhere before all is settled."""
        unsent = select(func.count()).select_from(OutboxRow).where(OutboxRow.sent_at.is_(None))
        counts = {f"{name} outbox": self.count(name, unsent) for name in PUBLISHERS}
        waiting = select(func.count()).select_from(RetryRow).where(RetryRow.state == "waiting")
        counts |= {f"{name} retries": self.count(name, waiting) for name in (*CONSUMERS, ledger.NAME)}
        mails = select(func.count()).select_from(Delivery).where(Delivery.state.in_(UNDER_WAY))
        counts["mails"] = self.count("notifier", mails)
        calls = select(func.count()).select_from(WebhookMessage).where(WebhookMessage.finished_at.is_(None))
        counts["webhooks"] = self.count("notifier", calls)
        broker = connect(self._broker_url, "chaos")
        counts |= {f"{name} queue": broker.depth(name) for name in subscribers()}
        broker.close()
        counts |= self._unheard()
        return {name: count for name, count in counts.items() if count}

    def _unheard(self) -> dict[str, int]:
        """What is in no subscriber's inbox yet: what a consumer holds, or has died with, is in no queue's depth."""
        published: Counter[str] = Counter()
        for name in PUBLISHERS:
            by_type = select(OutboxRow.type, func.count()).group_by(OutboxRow.type)
            published += Counter(dict(tuple(row) for row in self.all(name, by_type)))
        counts = {}
        for home, subscriber in listeners():
            total = sum(count for type, count in published.items() if is_for(subscriber, type))
            mine = select(func.count()).select_from(InboxRow).where(InboxRow.consumer == subscriber.name)
            counts[f"{subscriber.name} missing"] = total - self.count(home, mine)
        return counts


def listeners() -> list[tuple[str, Subscriber]]:
    """Every subscriber of a run, and whose database its inbox is in."""
    ours = [(name, subscriber) for name in CONSUMERS for subscriber in platform.load(name).listeners]
    return [*ours, (ledger.NAME, ledger.SUBSCRIBER)]


def is_for(subscriber: Subscriber, type: str) -> bool:
    return any(matches(pattern, type) for pattern in subscriber.patterns)


def settle(books: Books, within: float) -> tuple[float, dict[str, int]]:
    """Wait until nothing is under way; how long that took, and what was left when the time was over."""
    started = time.monotonic()
    while True:
        left = books.under_way()
        taken = time.monotonic() - started
        if not left or taken > within:
            return taken, left
        time.sleep(0.25)
