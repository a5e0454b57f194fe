"""RabbitMQ through pika: topology, and consuming with a live heartbeat. Only this module and its publisher import pika.

A pika connection belongs to one thread. A publisher has an asynchronous connection with a thread of its own. A consumer
does its input and output on the calling thread and runs ``handle`` in another, because pika sends no heartbeats while a
callback runs.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event
from typing import Any
from uuid import uuid4

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, ConnectionWrongStateError

from chassis.messaging.broker.base import (
    ARCHIVE,
    EXCHANGE,
    BrokerUnavailable,
    DeadLetter,
    Handler,
    Message,
    TopologyBroken,
    dead_queue_of,
    queue_of,
    refuse_large_bodies,
)
from chassis.messaging.broker.rabbitmq_publisher import Publisher, as_ours

# Seconds. RabbitMQ closes a silent connection after two to three heartbeats (seen with 3.10); a series must not begin
# before the events of such a connection come back, see chassis.messaging.resequencer.SETTLE.
HEARTBEAT = 10
POLL = 0.1  # how soon a consumer notices that it should stop
# Everything else (lengths, dead-lettering, retention) is policy: declaring again with another argument is refused.
QUORUM = {"x-queue-type": "quorum"}


class RabbitBroker:
    """A ``Broker`` over the RabbitMQ at ``url``. Times are in seconds; ``timeout`` bounds one ``publish``."""

    def __init__(self, url: str, name: str, *, heartbeat: int = HEARTBEAT, timeout: float = 15.0):
        self._url = url
        self._name = name
        self._heartbeat = heartbeat
        self._timeout = timeout
        self._lock = threading.Lock()
        self._publisher: Publisher | None = None
        self._closed = Event()

    def declare(self, subscriber: str, types: Sequence[str]) -> None:
        with self._connection("declare") as connection:
            _declare_exchange_if_missing(connection)
            channel = connection.channel()
            channel.queue_declare(queue_of(subscriber), durable=True, arguments=QUORUM)
            channel.queue_declare(dead_queue_of(subscriber), durable=True, arguments=QUORUM)
            for pattern in types:
                channel.queue_bind(queue_of(subscriber), EXCHANGE, pattern)

    def publish(self, messages: Sequence[Message]) -> int:
        refuse_large_bodies(messages)
        if not messages:
            return 0
        with self._lock:
            self._refuse_when_closed()
            if self._publisher is None or self._publisher.failure:
                self._publisher = Publisher(self._parameters("publish"), self._name)
            return self._publisher.publish(messages, self._timeout)

    def consume(
        self, subscriber: str, handle: Handler, *, stop: Event, prefetch: int = 20, batch: int | None = None
    ) -> None:
        queue = queue_of(subscriber)
        with self._connection("consume") as connection:
            consumer = _Consumer(connection, queue, prefetch, batch or prefetch)
            # The worker ends before the connection does, so no handler runs on after this returns or raises.
            with ThreadPoolExecutor(1, thread_name_prefix="broker-handler") as worker:
                while consumer.busy or not stop.is_set():
                    consumer.exchange(POLL)
                    if not stop.is_set() and not consumer.busy:
                        self._refuse_when_closed()
                        consumer.hand_out(worker, handle)

    def depth(self, subscriber: str) -> int:
        with self._connection("depth") as connection:
            return int(connection.channel().queue_declare(queue_of(subscriber), passive=True).method.message_count)

    def dead_letters(self, subscriber: str, take: Callable[[DeadLetter], bool], *, limit: int = 1000) -> None:
        """Messages that ``take`` leaves go back to their places when the connection closes."""
        queue = dead_queue_of(subscriber)
        with self._connection("dead") as connection:
            channel = connection.channel()
            waiting = channel.queue_declare(queue, passive=True).method.message_count
            for _ in range(min(limit, waiting)):
                method, properties, body = channel.basic_get(queue)
                if method is None:
                    break
                message = Message(properties.message_id or "", properties.type or method.routing_key, body)
                if take(DeadLetter(message, _why_dead(properties))):
                    channel.basic_ack(method.delivery_tag)

    def rewrite(self, change: Callable[[bytes], bytes], after: int) -> int | None:
        """Nothing can be rewritten here; what is stored ends by its retention."""
        return None

    def read_archive(self, since: datetime, read: Callable[[Message, datetime], object]) -> None:
        """A stream does not say where it ends, so reading ends at a mark that is put there after its start."""
        with self._connection("archive") as connection:
            channel, mark, read_to_mark = connection.channel(), str(uuid4()), Event()

            def on_message(_: Any, method: Any, properties: Any, body: bytes) -> None:
                published_at = datetime.fromtimestamp(properties.timestamp or 0, UTC)
                if properties.message_id == mark:
                    read_to_mark.set()
                elif read_to_mark.is_set():
                    return  # delivered together with the mark
                elif method.exchange == EXCHANGE and published_at >= since.replace(microsecond=0):
                    read(Message(properties.message_id or "", method.routing_key, body), published_at)
                channel.basic_ack(method.delivery_tag)

            channel.basic_qos(prefetch_count=500)
            channel.basic_consume(ARCHIVE, on_message, arguments={"x-stream-offset": since})
            connection.channel().basic_publish("", ARCHIVE, b"", pika.BasicProperties(message_id=mark))
            while not read_to_mark.is_set():
                connection.process_data_events(time_limit=POLL)

    def close(self) -> None:
        self._closed.set()
        publisher = self._publisher  # without the lock, so that a waiting publish ends
        if publisher:
            publisher.close()

    def _refuse_when_closed(self) -> None:
        if self._closed.is_set():
            raise BrokerUnavailable(f"{self._name} closed its broker")

    def _parameters(self, role: str) -> pika.URLParameters:
        parameters = pika.URLParameters(self._url)
        parameters.heartbeat = self._heartbeat
        parameters.blocked_connection_timeout = 15
        parameters.socket_timeout = 5
        parameters.stack_timeout = 10
        parameters.connection_attempts = 1  # the caller retries, with backoff
        parameters.client_properties = {"connection_name": f"{self._name} ({role})"}
        return parameters

    @contextmanager
    def _connection(self, role: str) -> Iterator[pika.BlockingConnection]:
        """A connection for the calling thread. Closing it returns unacknowledged messages to the queue."""
        self._refuse_when_closed()
        try:
            connection = pika.BlockingConnection(self._parameters(role))
        except (AMQPError, OSError) as error:
            raise as_ours(error) from error
        try:
            yield connection
        except AMQPError as error:
            raise as_ours(error) from error
        finally:
            if connection.is_open:
                with suppress(AMQPError):
                    connection.close()


def _why_dead(properties: pika.BasicProperties) -> str:
    deaths = (properties.headers or {}).get("x-death") or [{}]
    last = deaths[0]
    return f"{last.get('reason', 'unknown')} from {last.get('queue', 'an unknown queue')}"


def _declare_exchange_if_missing(connection: pika.BlockingConnection) -> None:
    """Check first: a subscriber of another team may bind to the exchange but has no right to configure it."""
    try:
        connection.channel().exchange_declare(EXCHANGE, passive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code != 404:
            raise
        connection.channel().exchange_declare(EXCHANGE, "topic", durable=True)


class _Consumer:
    """One queue on one connection: the messages that have arrived, and the batch in work."""

    def __init__(self, connection: pika.BlockingConnection, queue: str, prefetch: int, batch: int):
        self._connection = connection
        self._queue = queue
        self._batch = batch
        self._arrived: deque[tuple[int, Message]] = deque()
        self._work: Future[None] | None = None
        self._last_tag = 0
        self._cancelled = False
        self._channel = connection.channel()
        self._channel.basic_qos(prefetch_count=prefetch)
        self._channel.add_on_cancel_callback(self._on_cancel)
        self._channel.basic_consume(queue, self._on_message)

    @property
    def busy(self) -> bool:
        return self._work is not None

    def exchange(self, seconds: float) -> None:
        """Wait for messages or the end of the work, and acknowledge work that is done."""
        self._connection.process_data_events(time_limit=seconds)
        if self._work and self._work.done():
            self._work.result()
            self._channel.basic_ack(self._last_tag, multiple=True)
            self._work = None
        # pika itself would say nothing in either case.
        if self._cancelled:
            raise TopologyBroken(f"queue {self._queue} was deleted")
        if not self._channel.is_open:
            raise BrokerUnavailable(f"the broker closed the channel to {self._queue}")

    def hand_out(self, worker: ThreadPoolExecutor, handle: Handler) -> None:
        """Start handling the messages that have arrived, at most a batch of them."""
        if self._arrived:
            count = min(self._batch, len(self._arrived))
            tags, messages = zip(*(self._arrived.popleft() for _ in range(count)), strict=True)
            self._last_tag = tags[-1]
            self._work = worker.submit(handle, messages)
            self._work.add_done_callback(self._wake)

    def _wake(self, _: Future[None]) -> None:
        with suppress(ConnectionWrongStateError):  # lost meanwhile; the consuming thread knows
            self._connection.add_callback_threadsafe(lambda: None)

    def _on_cancel(self, _: Any) -> None:
        self._cancelled = True

    def _on_message(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        type = properties.type or method.routing_key
        message = Message(properties.message_id or "", type, body, bool(method.redelivered))
        self._arrived.append((method.delivery_tag, message))
