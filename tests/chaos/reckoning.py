"""What was published, event by event, against what everybody has taken of it (D63: in the order of source and subject).

A taker is whoever was promised events: each subscriber by its inbox, the ledger by its effects, the event log, and the
receivers of webhooks. All of them are reckoned with in the same way, by the ids of the outboxes' events.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from chassis.messaging.events import Series, Subscriber
from chassis.messaging.inbox import InboxRow
from chassis.messaging.retry_table import RetryRow
from concord.published import published
from services.notifier.event_log.models import LoggedEvent
from services.notifier.webhooks.models import WebhookMessage
from services.notifier.webhooks.rules import MessageState
from tests.chaos import ledger
from tests.chaos.books import Books, Event, is_for, listeners
from tests.chaos.fleet import CONSUMERS
from tests.chaos.load import Hook


@dataclass
class Findings:
    """What is amiss, by kind, each with what it is about."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    inverted: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Taker:
    """Somebody who was promised events.

    Attributes:
        wants: which ones.
        taken: the ids of those it has, in the order in which it took them.
        ordered: it was promised each series in its sequence.
        may_repeat: it was promised each at least once, not once.
    """

    name: str
    wants: Callable[[Event], bool]
    taken: Sequence[UUID]
    ordered: bool = False
    may_repeat: bool = False


def reckon(books: Books, hooks: Sequence[Hook], received: Mapping[str, Sequence[UUID]], findings: Findings) -> int:
    """Add what is amiss to ``findings``; return how many events were published.

    Args:
        received: what the receiver of each tenant's webhook was sent, in that order.
    """
    events = list(books.events())
    _require_every_type(events, findings)
    _judge_sequences(events, findings)
    for taker in _takers(books, hooks, received, books.forgotten(events)):
        _judge(taker, events, findings)
    _judge_dead(books, findings)
    _judge_messages(books, findings)
    return len(events)


def _takers(
    books: Books, hooks: Sequence[Hook], received: Mapping[str, Sequence[UUID]], forgotten: Container[UUID]
) -> Iterator[Taker]:
    for home, subscriber in listeners():
        mine = select(InboxRow.event_id).where(InboxRow.consumer == subscriber.name)
        yield Taker(subscriber.name, _heard_by(subscriber), [row.event_id for row in books.all(home, mine)])
    effects = books.all(ledger.NAME, select(ledger.Effect.event_id).order_by(ledger.Effect.id))
    yield Taker("the ledger's effects", lambda _: True, [row.event_id for row in effects], ordered=True)
    logged = books.all("notifier", select(LoggedEvent.event_id).order_by(LoggedEvent.position))
    yield Taker(
        "the event log", lambda event: event.id not in forgotten, [row.event_id for row in logged], ordered=True
    )
    for hook in hooks:
        arrived = received.get(hook.tenant_id, [])
        yield Taker(f"webhook {hook.id}", _sent_to(hook), arrived, ordered=True, may_repeat=True)


def _heard_by(subscriber: Subscriber) -> Callable[[Event], bool]:
    return lambda event: is_for(subscriber, event.type)


def _sent_to(hook: Hook) -> Callable[[Event], bool]:
    return lambda event: hook.tenant_id in event.tenants and event.at > hook.since


def _judge(taker: Taker, events: Sequence[Event], findings: Findings) -> None:
    """Everything that it wants it has, nothing twice, each series in its sequence."""
    times = Counter(taker.taken)
    findings.lost += [
        f"{event.type} {event.id} for {taker.name}" for event in events if taker.wants(event) and event.id not in times
    ]
    if not taker.may_repeat:
        findings.doubled += [f"{event_id} for {taker.name}" for event_id, count in times.items() if count > 1]
    published = {event.id: event for event in events}
    findings.wrong += [f"{taker.name} has {event_id}, which nobody published" for event_id in times.keys() - published]
    if taker.ordered:
        findings.inverted += _inversions(taker.name, [published[id] for id in times if id in published])


def _inversions(name: str, taken: Iterable[Event]) -> Iterator[str]:
    """Where an event was taken, for the first time, after a later one of its series."""
    reached: dict[Series, int] = {}
    for event in taken:
        if event.sequence <= reached.get(event.series, 0):
            yield f"{event.series}: {event.sequence} after {reached[event.series]} for {name}"
        reached[event.series] = max(event.sequence, reached.get(event.series, 0))


def _judge_sequences(events: Iterable[Event], findings: Findings) -> None:
    """Numbered from 1 without gaps within each series, in the order they were written."""
    numbers: dict[Series, list[int]] = {}
    for event in events:
        numbers.setdefault(event.series, []).append(event.sequence)
    for series, sequences in numbers.items():
        if sequences != list(range(1, len(sequences) + 1)):
            findings.wrong.append(f"sequences of {series}: {sequences[:20]}")


def _require_every_type(events: Iterable[Event], findings: Findings) -> None:
    """A type that was not made proves nothing."""
    made = {event.type for event in events}
    findings.wrong += [f"nobody made a {event.type}" for event in published() if event.type not in made]


def _judge_dead(books: Books, findings: Findings) -> None:
    for name in (*CONSUMERS, ledger.NAME):
        failed = books.all(name, select(RetryRow.consumer, RetryRow.type, RetryRow.error))
        findings.wrong += [f"failed at {row.consumer}: {row.type} {row.error}" for row in failed[:20]]


def _judge_messages(books: Books, findings: Findings) -> None:
    """Every message of a webhook was delivered: its receiver takes everything."""
    left = select(WebhookMessage.type, WebhookMessage.event_id, WebhookMessage.state)
    for row in books.all("notifier", left.where(WebhookMessage.state != MessageState.DELIVERED)):
        findings.lost.append(f"{row.type} {row.event_id} for a webhook is {row.state}")
