"""The interface of every broker, and its messages."""

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
    """One event on the wire; ``id`` and ``type`` (the routing key) are also in the JSON ``body``."""

    id: str
    type: str
    body: bytes
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was delivered too often: each of its consumers died before it could store the reason."""

    message: Message
    reason: str


class BrokerUnavailable(Exception):
    """The broker cannot be reached or refuses work; try again later. Nothing is known to be lost."""


class TopologyBroken(Exception):
    """The topology is gone or differs: a message was returned, a queue was deleted. It must be declared again."""


Handler = Callable[[Sequence[Message]], None]


class Broker(Protocol):
    """A broker as services see it. One object may be used by one publishing and one consuming thread at a time."""

    def declare(self, subscriber: str, types: Sequence[str]) -> None:
        """Create the subscriber's queue and bind it to ``types`` (topic patterns with ``*`` and ``#``). Idempotent.
        RabbitMQ keeps bindings that ``types`` no longer has, because an operator may have added them.

        Raises:
            BrokerUnavailable: connection refused or lost.
            TopologyBroken: the queue or the exchange exists with other properties.
        """

    def publish(self, messages: Sequence[Message]) -> int:
        """Publish in order and wait for confirms; return the length of the confirmed prefix.

        A failure after the first confirms shortens the prefix, a failure before them raises; so a caller that publishes
        the rest again learns the reason. Messages after the prefix may be stored as well: subscribers may see a message
        twice, but never miss one.

        Raises:
            BrokerUnavailable: the broker is gone, blocks, or refused the first message.
            TopologyBroken: the exchange is missing or the first message had no route.
            ValueError: a body over ``MAX_BODY`` bytes.
        """

    def consume(
        self, subscriber: str, handle: Handler, *, stop: Event, prefetch: int = 20, batch: int | None = None
    ) -> None:
        """Hand batches of 1 to ``batch`` messages to ``handle`` until ``stop`` is set, then return.

        At most ``prefetch`` messages are unacknowledged, those in work included; ``batch`` defaults to ``prefetch``.

        A batch is acknowledged as a whole after ``handle`` returned. The connection stays alive while ``handle`` works,
        however long. When ``handle`` raises, the batch stays unacknowledged and the exception is raised here.
        ``handle`` runs in one thread at a time, which need not be the caller's.

        Raises:
            BrokerUnavailable: connection or lease lost, or the broker was closed; the caller waits and calls again.
            TopologyBroken: the queue does not exist (any more).
        """

    def depth(self, subscriber: str) -> int:
        """How many messages wait for delivery. Unacknowledged ones do not count: RabbitMQ hides them.

        Raises:
            BrokerUnavailable: connection refused or lost.
            TopologyBroken: the queue does not exist.
        """

    def dead_letters(self, subscriber: str, take: Callable[[DeadLetter], bool], *, limit: int = 1000) -> None:
        """Show at most ``limit`` messages of ``<subscriber>.dead`` to ``take``; remove those for which it returns True.

        Raises:
            BrokerUnavailable: connection refused or lost.
            TopologyBroken: the queue does not exist.
        """

    def read_archive(self, since: datetime, read: Callable[[Message, datetime], object]) -> None:
        """Give ``read`` every archived message since then, oldest first, with the second of its publication. Messages
        published meanwhile are left out.

        Raises:
            BrokerUnavailable: connection refused or lost.
            TopologyBroken: nothing has ever been published.
        """

    def rewrite(self, change: Callable[[bytes], bytes], after: int) -> int | None:
        """Give ``change`` the bodies of some of the stored messages, archive and dead letters included, and store what
        it returns in their place; it must change nothing the second time. Publishers wait for a few rows at most.

        Returns:
            A number to pass as ``after`` to go on, where the first call passes 0; None after the last message, and at
            once where the broker cannot rewrite: RabbitMQ's streams and queues only end by their retention.

        Raises:
            BrokerUnavailable: as for ``depth``.
        """

    def close(self) -> None:
        """Close connections and end threads. Safe to call twice."""


def queue_of(subscriber: str) -> str:
    """The name of the subscriber's queue."""
    return f"{subscriber}.events"


def dead_queue_of(subscriber: str) -> str:
    """The name of the queue of the subscriber's dead letters."""
    return f"{subscriber}.dead"


def refuse_large_bodies(messages: Sequence[Message]) -> None:
    """Raise ``ValueError`` before anything is sent, so that no batch stops half way because of its size."""
    for message in messages:
        if len(message.body) > MAX_BODY:
            raise ValueError(f"message {message.id} has {len(message.body)} bytes, more than {MAX_BODY}")
