"""The relay with rows waiting, beside a bare publisher that sends the same messages and waits for every confirm."""

from statistics import median
from time import perf_counter
from typing import Any

import pika
from sqlalchemy import select, update

from bench.broker import commit, migrated, new_rows, virtual_host
from bench.postgres import databases
from bench.table import Row
from chassis.data.database import Database
from chassis.messaging.broker import EXCHANGE, connect
from chassis.messaging.broker.rabbitmq_publisher import IN_FLIGHT
from chassis.messaging.outbox import OutboxRow
from chassis.messaging.relay import Relay

EVENTS = 20_000
ROUNDS = 3
FREE = 1_000  # messages in flight for somebody who need not stop at a refused one
LEAST, LEAST_RATIO = 5_000, 0.5


def measure() -> list[Row]:
    """Events a second of both, in turn, into a quorum queue and the archive."""
    with databases(["relay"]) as made, virtual_host() as url, migrated(made.url("relay")) as database:
        broker = connect(url, "bench.relay")
        broker.declare("bench", ["#"])
        commit(database, new_rows(EVENTS))
        with database.read() as session:
            messages = [
                (row.type, row.body.encode()) for row in session.scalars(select(OutboxRow).order_by(OutboxRow.id))
            ]
        rounds = [
            (_relay(database, broker), _Bare(url, messages, IN_FLIGHT).run(), _Bare(url, messages, FREE).run())
            for _ in range(ROUNDS)
        ]
        broker.close()
    ours, alike, free = (median(rates) for rates in zip(*rounds, strict=True))
    what, rate = f"relay: {EVENTS:,} waiting events to a quorum queue, confirmed", f"{ours:,.0f}/s"
    return [
        Row(what, rate, goal=f"≥ {LEAST:,}/s", ok=ours >= LEAST),
        Row(
            f"relay: against a bare publisher with {IN_FLIGHT} in flight as well",
            rate,
            f"{alike:,.0f}/s",
            ours / alike,
            f"≥ {LEAST_RATIO:g}",
            ours / alike >= LEAST_RATIO,
        ),
        Row(f"relay: against one with {FREE:,} in flight", rate, f"{free:,.0f}/s", ours / free),
    ]


def _relay(database: Database, broker: Any) -> float:
    with database.begin() as session:
        session.execute(update(OutboxRow).values(sent_at=None))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE outbox")
    relay = Relay("sample", database, broker)
    started = perf_counter()
    sent = 0
    while batch := relay.publish_batch():
        sent += batch
    assert sent == EVENTS, sent
    return sent / (perf_counter() - started)


class _Bare:
    """pika's own example of delivery confirmations, with several in flight and nothing else."""

    def __init__(self, url: str, messages: list[tuple[str, bytes]], window: int) -> None:
        self._messages = messages
        self._window = window
        self._sent = self._confirmed = 0
        self._started = self._ended = 0.0
        self._channel: Any = None
        self._connection = pika.SelectConnection(
            pika.URLParameters(url),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._on_channel),
            on_close_callback=lambda connection, _: connection.ioloop.stop(),
        )

    def run(self) -> float:
        self._connection.ioloop.start()
        return len(self._messages) / (self._ended - self._started)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.confirm_delivery(self._on_confirm, callback=self._on_ready)

    def _on_ready(self, _: Any) -> None:
        self._started = perf_counter()
        self._send()

    def _send(self) -> None:
        properties = pika.BasicProperties(delivery_mode=2)
        while self._sent < len(self._messages) and self._sent - self._confirmed < self._window:
            routing_key, body = self._messages[self._sent]
            self._sent += 1
            self._channel.basic_publish(EXCHANGE, routing_key, body, properties, mandatory=True)

    def _on_confirm(self, frame: Any) -> None:
        assert isinstance(frame.method, pika.spec.Basic.Ack)
        self._confirmed = frame.method.delivery_tag if frame.method.multiple else self._confirmed + 1
        if self._confirmed < len(self._messages):
            self._send()
        else:
            self._ended = perf_counter()
            self._connection.close()
