"""What every broker promises, and what travels on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Protocol

ARCHIVE = "concord.archive"
EXCHANGE = "concord.events"
MAX_BODY = 256 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One event on the wire: ``id`` and ``type`` (the routing key) repeat what the JSON ``body`` says."""

    id: str
    type: str
    body: bytes
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that its consumers gave back too often: each of them died of it, before it could say why."""

    message: Message
    reason: str


class BrokerUnavailable(Exception):
    """The broker cannot be reached or refuses work just now; try again later. Nothing is known to be lost."""


class TopologyBroken(Exception):
    """What was declared is gone or differs: a message was returned, a queue was deleted. Needs declaring again."""


Handler = Callable[[Sequence[Message]], None]


class Broker(Protocol):
    """A broker as services see it. One object may be used by one publishing and one consuming thread at a time."""

    def declare(self, subscriber: str, types: Sequence[str]) -> None:
        """Create the subscriber's queue and bind it to ``types`` (topic patterns with ``*`` and ``#``). Idempotent:
        bindings not named any more are left alone on RabbitMQ, where an operator may have added them.

        Raises:
            BrokerUnavailable: connection refused or lost.
            TopologyBroken: the queue or the exchange exists with other properties.
        """

    def publish(self, messages: Sequence[Message]) -> int:
        """Publish in order and wait for confirms; return the length of the confirmed prefix.

        A failure after the first confirms gives a shorter prefix, a failure before them raises; so a caller that
        publishes the rest again learns the reason. What follows the prefix may have been stored all the same:
        subscribers may see a message twice, but never miss one.

        Raises:
            BrokerUnavailable: the broker is gone, blocks, or refused the first message.
            TopologyBroken: the exchange is missing or the first message had no route.
            ValueError: a body over ``MAX_BODY`` bytes.
        """

    def consume(
        self, subscriber: str, handle: Handler, *, stop: Event, prefetch: int = 20, batch: int | None = None
    ) -> None:
        """Hand batches of 1 to ``batch`` messages to ``handle`` until ``stop`` is set, then return.

        At most ``prefetch`` messages are taken and not yet acknowledged, those in work included; ``batch`` is as many
        where it is not given.

        A batch is acknowledged as a whole after ``handle`` returned. The connection is kept alive while ``handle``
        works, however long. When ``handle`` raises, the batch stays unacknowledged and the exception comes out.
        ``handle`` runs in one thread at a time, which need not be the caller's.

        Raises:
            BrokerUnavailable: connection or lease lost, or the broker was closed; the caller waits and calls again.
            TopologyBroken: the queue does not exist (any more).
        """

    def depth(self, subscriber: str) -> int:
        """How many messages wait to be delivered. Those in a consumer's hands do not count: RabbitMQ hides them.

        Raises:
            BrokerUnavailable: connection refused or lost.
            TopologyBroken: the queue does not exist.
        """

    def dead_letters(self, subscriber: str, take: Callable[[DeadLetter], bool], *, limit: int = 1000) -> None:
        """Show at most ``limit`` messages of ``<subscriber>.dead`` to ``take``; those it says yes to are removed.

        Raises:
            BrokerUnavailable: connection refused or lost.
            TopologyBroken: the queue does not exist.
        """

    def read_archive(self, since: datetime, read: Callable[[Message, datetime], object]) -> None:
        """Give ``read`` every message since then that is still kept, oldest first, with the second it was published
        in. Those published meanwhile do not come.

        Raises:
            BrokerUnavailable: connection refused or lost.
            TopologyBroken: nothing has ever been published.
        """

    def close(self) -> None:
        """Give connections and threads back. Safe to call twice."""


def queue_of(subscriber: str) -> str:
    """The name of the subscriber's queue."""
    return f"{subscriber}.events"


def dead_queue_of(subscriber: str) -> str:
    """The name of the queue with the subscriber's dead letters."""
    return f"{subscriber}.dead"


def refuse_large_bodies(messages: Sequence[Message]) -> None:
    """Raise ``ValueError`` before anything is sent, so that a batch never stops half way for its size."""
    for message in messages:
        if len(message.body) > MAX_BODY:
            raise ValueError(f"message {message.id} has {len(message.body)} bytes, more than {MAX_BODY}")
