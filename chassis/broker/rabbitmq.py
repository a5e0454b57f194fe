"""RabbitMQ through pika, the only place that knows it: topology, pipelined confirms, consuming with a live heartbeat.

pika's connections belong to one thread each. A publisher has an asynchronous connection with a thread of its own; a
consumer does its input and output on the calling thread and lets ``handle`` work in another, since pika sends no
heartbeats while a callback runs.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import Any
from uuid import uuid4

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, ChannelWrongStateError, ConnectionWrongStateError

from chassis.broker import (
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
from chassis.broker.confirms import Confirms

IN_FLIGHT = 50
POLL = 0.1  # how soon a consumer notices that it should stop
CLOSE_SECONDS = 2.0
# Everything else (lengths, dead-lettering, retention) is policy: declaring again with another argument is refused.
QUORUM = {"x-queue-type": "quorum"}
STREAM = {"x-queue-type": "stream"}
_TOPOLOGY_CODES = (404, 406)  # not found; exists with other properties


class RabbitBroker:
    """A ``Broker`` over the RabbitMQ at ``url``. Times are in seconds; ``timeout`` bounds one ``publish``."""

    def __init__(self, url: str, name: str, *, heartbeat: int = 30, timeout: float = 15.0):
        self._url = url
        self._name = name
        self._heartbeat = heartbeat
        self._timeout = timeout
        self._lock = threading.Lock()
        self._publisher: _Publisher | None = None
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
                self._publisher = _Publisher(self._parameters("publish"), self._name)
            return self._publisher.publish(messages, self._timeout)

    def consume(self, subscriber: str, handle: Handler, *, stop: Event, prefetch: int = 20) -> None:
        queue = queue_of(subscriber)
        with self._connection("consume") as connection:
            consumer = _Consumer(connection, queue, prefetch)
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
        """What ``take`` does not want goes back to its place when the connection closes."""
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

    def read_archive(self, since: datetime, read: Callable[[Message, datetime], object]) -> None:
        """A stream does not say where it ends: a mark does, put there once reading has begun. Nobody else hears it."""
        with self._connection("archive") as connection:
            channel, mark, read_to_mark = connection.channel(), str(uuid4()), Event()

            def on_message(_: Any, method: Any, properties: Any, body: bytes) -> None:
                published_at = datetime.fromtimestamp(properties.timestamp or 0, UTC)
                if properties.message_id == mark:
                    read_to_mark.set()
                elif read_to_mark.is_set():
                    return  # it came in the same breath
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
        publisher = self._publisher  # without the lock, to end a publish that waits
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
        """A connection for the calling thread. Closing it returns to the queue what is not acknowledged."""
        self._refuse_when_closed()
        try:
            connection = pika.BlockingConnection(self._parameters(role))
        except (AMQPError, OSError) as error:
            raise _ours(error) from error
        try:
            yield connection
        except AMQPError as error:
            raise _ours(error) from error
        finally:
            if connection.is_open:
                with suppress(AMQPError):
                    connection.close()


def _ours(error: BaseException) -> Exception:
    if isinstance(error, ChannelClosedByBroker) and error.reply_code in _TOPOLOGY_CODES:
        return TopologyBroken(error.reply_text)
    return BrokerUnavailable(repr(error))


def _why_dead(properties: pika.BasicProperties) -> str:
    deaths = (properties.headers or {}).get("x-death") or [{}]
    last = deaths[0]
    return f"{last.get('reason', 'unknown')} from {last.get('queue', 'an unknown queue')}"


def _declare_exchange_if_missing(connection: pika.BlockingConnection) -> None:
    """Looks first: a subscriber of another team may bind to the exchange but has no right to configure it."""
    try:
        connection.channel().exchange_declare(EXCHANGE, passive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code != 404:
            raise
        connection.channel().exchange_declare(EXCHANGE, "topic", durable=True)


class _Consumer:
    """One queue's messages on one connection: what has arrived, and the batch in work."""

    def __init__(self, connection: pika.BlockingConnection, queue: str, prefetch: int):
        self._connection = connection
        self._queue = queue
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
        if self._cancelled:  # pika itself would only fall silent
            raise TopologyBroken(f"queue {self._queue} was deleted")

    def hand_out(self, worker: ThreadPoolExecutor, handle: Handler) -> None:
        """Start working on everything that has arrived, if anything has."""
        if self._arrived:
            tags, messages = zip(*self._arrived, strict=True)
            self._arrived.clear()
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


class _Publisher:
    """One confirming connection and its thread. The first failure ends it; a blocked connection only waits.

    ``publish`` and ``close`` are called from outside, everything else runs in the thread.
    """

    def __init__(self, parameters: pika.URLParameters, name: str):
        self.failure: Exception | None = None
        self._name = name
        self._guard = threading.Lock()  # between taking a batch and failing: no caller is left waiting
        self._waiting: Confirms | None = None
        self._batch: Confirms | None = None  # the thread's own, so a late confirm never counts for the next batch
        self._blocked: Exception | None = None
        self._published = 0
        self._ready = False
        self._channel: Any = None
        self._connection = pika.SelectConnection(
            parameters,
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_closed,
            on_close_callback=self._on_closed,
        )
        self._thread = threading.Thread(target=self._run, name="broker-publisher", daemon=True)
        self._thread.start()

    def publish(self, messages: Sequence[Message], timeout: float) -> int:
        batch = Confirms(messages)
        with self._guard:
            if cause := self.failure or self._blocked:
                raise cause
            self._waiting = batch
        self._connection.ioloop.add_callback_threadsafe(partial(self._begin, batch))
        if not batch.done.wait(timeout):
            self._end(BrokerUnavailable(f"not confirmed within {timeout} s"))
        if batch.cause and not self._blocked:
            self._end(batch.cause)
        if batch.cause and not batch.prefix:
            raise batch.cause
        return batch.prefix

    def close(self) -> None:
        self._end(BrokerUnavailable(f"{self._name} closed its broker"))
        self._thread.join(CLOSE_SECONDS + 1)

    def _end(self, cause: Exception) -> None:
        self._fail(cause)
        self._connection.ioloop.add_callback_threadsafe(self._hang_up)

    def _run(self) -> None:
        try:
            self._connection.ioloop.start()
        except Exception as error:
            self._fail(_ours(error))
        finally:
            self._connection.ioloop.close()

    def _fail(self, cause: Exception) -> None:
        with self._guard:
            self.failure = self.failure or cause
            if self._waiting:
                self._waiting.abandon(cause)

    def _hang_up(self) -> None:
        """Close politely, but do not wait for a broker that does not read."""
        if not self._connection.is_closed and not self._connection.is_closing:
            self._connection.close()
        self._connection.ioloop.call_later(CLOSE_SECONDS, self._connection.ioloop.stop)

    def _on_open(self, connection: pika.SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_return)
        channel.exchange_declare(EXCHANGE, "topic", durable=True)
        channel.queue_declare(ARCHIVE, durable=True, arguments=STREAM)
        channel.queue_bind(ARCHIVE, EXCHANGE, "#")
        channel.confirm_delivery(self._on_confirm, callback=self._on_ready)

    def _on_ready(self, _: Any) -> None:
        self._ready = True
        if self._batch:
            self._send(self._batch)

    def _begin(self, batch: Confirms) -> None:
        self._batch = batch
        batch.first_tag = self._published + 1
        if self._ready:
            self._send(batch)

    def _send(self, batch: Confirms) -> None:
        while not batch.done.is_set() and batch.may_send(IN_FLIGHT):
            message = batch.messages[batch.sent]
            batch.sent += 1
            self._published += 1
            self._channel.basic_publish(EXCHANGE, message.type, message.body, self._properties(message), mandatory=True)

    def _properties(self, message: Message) -> pika.BasicProperties:
        return pika.BasicProperties(
            content_type="application/cloudevents+json",
            delivery_mode=2,
            message_id=message.id,
            type=message.type,
            timestamp=int(time.time()),
            app_id=self._name,
        )

    def _on_confirm(self, frame: Any) -> None:
        batch, method = self._batch, frame.method
        if batch is None or batch.done.is_set():
            return
        if isinstance(method, pika.spec.Basic.Ack):
            batch.confirm(method.delivery_tag, method.multiple)
        else:
            cause = BrokerUnavailable("the broker refused a message: a queue is full")
            batch.refuse(method.delivery_tag, method.multiple, cause)
        self._send(batch)

    def _on_return(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        if self._batch:
            cause = TopologyBroken(f"no route for {method.routing_key}: {method.reply_text}")
            self._batch.returned(properties.message_id, method.routing_key, cause)

    def _on_blocked(self, _: Any, frame: Any) -> None:
        """Stays connected: each new connection would slip one more copy of the message past the alarm."""
        self._blocked = BrokerUnavailable(f"the broker blocks publishers: {frame.method.reason}")
        with self._guard:
            if self._waiting:
                self._waiting.abandon(self._blocked)

    def _on_unblocked(self, *_: Any) -> None:
        self._blocked = None

    def _on_channel_closed(self, _: Any, reason: Exception) -> None:
        self._fail(_ours(reason))
        with suppress(ChannelWrongStateError, ConnectionWrongStateError):
            self._hang_up()

    def _on_closed(self, _: Any, reason: BaseException) -> None:
        self._fail(_ours(reason))
        self._connection.ioloop.stop()
