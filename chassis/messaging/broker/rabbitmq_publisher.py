"""Publishing to RabbitMQ: one confirming connection with a thread of its own, at most ``IN_FLIGHT`` unconfirmed."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pika
from pika.exceptions import ChannelClosedByBroker, ChannelWrongStateError, ConnectionWrongStateError

from chassis.messaging.broker.base import ARCHIVE, EXCHANGE, BrokerUnavailable, Message, TopologyBroken
from chassis.messaging.broker.confirms import Confirms

IN_FLIGHT = 50
CLOSE_SECONDS = 2.0
STREAM = {"x-queue-type": "stream"}
_TOPOLOGY_CODES = (404, 406)  # not found; exists with other properties


def as_ours(error: BaseException) -> Exception:
    """A failure of pika or of the network as an exception of our interface."""
    if isinstance(error, ChannelClosedByBroker) and error.reply_code in _TOPOLOGY_CODES:
        return TopologyBroken(error.reply_text)
    return BrokerUnavailable(repr(error))


class _Connection(pika.SelectConnection):
    """Sends everything that a block of code writes at once.

    pika would send each frame by itself, three to a message. RabbitMQ then spends more than twice the time on a
    message, most of it on being woken.
    """

    _buffer: list[bytes] | None = None

    def _adapter_emit_data(self, data: bytes) -> None:
        if self._buffer is None:
            super()._adapter_emit_data(data)
        else:
            self._buffer.append(data)

    @contextmanager
    def buffered(self) -> Iterator[None]:
        self._buffer = []
        try:
            yield
        finally:
            data, self._buffer = b"".join(self._buffer), None
            if data:
                super()._adapter_emit_data(data)


class Publisher:
    """One confirming connection and its thread. The first failure ends it; a blocked connection only waits.

    ``publish`` and ``close`` are called from outside, everything else runs in the thread.
    """

    def __init__(self, parameters: pika.URLParameters, name: str):
        self.failure: Exception | None = None
        self._name = name
        self._guard = threading.Lock()  # between accepting a batch and failing, so that no caller waits for ever
        self._waiting: Confirms | None = None
        self._batch: Confirms | None = None  # the thread's own, so a late confirm never counts for the next batch
        self._blocked: Exception | None = None
        self._published = 0
        self._ready = False
        self._channel: Any = None
        self._connection = _Connection(
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
            self._fail(as_ours(error))
        finally:
            self._connection.ioloop.close()

    def _fail(self, cause: Exception) -> None:
        with self._guard:
            self.failure = self.failure or cause
            if self._waiting:
                self._waiting.abandon(cause)

    def _hang_up(self) -> None:
        """Close the connection, but do not wait for a broker that does not read."""
        if not self._connection.is_closed and not self._connection.is_closing:
            self._connection.close()
        self._connection.ioloop.call_later(CLOSE_SECONDS, self._connection.ioloop.stop)

    def _on_open(self, connection: _Connection) -> None:
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
        with self._connection.buffered():
            while not batch.done.is_set() and batch.may_send(IN_FLIGHT):
                message = batch.messages[batch.sent]
                batch.sent += 1
                self._published += 1
                properties = self._properties(message)
                self._channel.basic_publish(EXCHANGE, message.type, message.body, properties, mandatory=True)

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
        """Stay connected: each new connection would send one more copy of the message past the alarm."""
        self._blocked = BrokerUnavailable(f"the broker blocks publishers: {frame.method.reason}")
        with self._guard:
            if self._waiting:
                self._waiting.abandon(self._blocked)

    def _on_unblocked(self, *_: Any) -> None:
        self._blocked = None

    def _on_channel_closed(self, _: Any, reason: Exception) -> None:
        self._fail(as_ours(reason))
        with suppress(ChannelWrongStateError, ConnectionWrongStateError):
            self._hang_up()

    def _on_closed(self, _: Any, reason: BaseException) -> None:
        self._fail(as_ours(reason))
        self._connection.ioloop.stop()
