"""Fixtures for broker tests: both kinds behind one name, and a RabbitMQ virtual host for each module."""

import json
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from chassis.messaging.broker import Broker, connect, store
from chassis.messaging.broker.base import queue_of
from tests.chassis.broker_helpers import Child, rabbitmqctl

AMQP = "amqp://guest:guest@127.0.0.1:5672"


@pytest.fixture(scope="module")
def rabbitmq_url() -> Iterator[str]:
    """A virtual host of this module's own, or the empty one that ``CONCORD_TEST_AMQP_URL`` names."""
    given = os.environ.get("CONCORD_TEST_AMQP_URL")
    _require_rabbitmq(given or AMQP)
    if given:
        yield given
        return
    vhost = f"test-{uuid4().hex[:12]}"
    rabbitmqctl("add_vhost", vhost)
    try:
        rabbitmqctl("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*")
        yield f"{AMQP}/{vhost}"
    finally:
        rabbitmqctl("delete_vhost", vhost)


def _require_rabbitmq(url: str) -> None:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port or 5672), timeout=2).close()
    except OSError:
        if os.environ.get("CI") == "true":
            pytest.fail("RabbitMQ does not answer, and CI runs every case", pytrace=False)
        pytest.skip("RabbitMQ does not answer")


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.real)])
def broker_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "embedded":
        return f"embedded://{tmp_path}/broker.db"
    return str(request.getfixturevalue("rabbitmq_url"))


@pytest.fixture
def open_broker(broker_url: str) -> Iterator[Callable[[], Broker]]:
    """Opens brokers on the case's URL; all are closed at its end."""
    opened: list[Broker] = []

    def open_one() -> Broker:
        opened.append(connect(broker_url, "test"))
        return opened[-1]

    yield open_one
    for broker in opened:
        broker.close()


@pytest.fixture
def broker(open_broker: Callable[[], Broker]) -> Broker:
    return open_broker()


@pytest.fixture
def noun() -> str:
    """A word that no other case uses, for subscribers and types: cases share a virtual host."""
    return f"t{uuid4().hex[:10]}"


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """Starts helper processes that die with the case."""
    started: list[Child] = []

    def start(*arguments: str) -> Child:
        started.append(Child(*arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def few_deliveries(broker_url: str, noun: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """How often a message may come back here before it is a dead letter: seldom, to be there soon."""
    most = 3
    if not broker_url.startswith("amqp"):
        monkeypatch.setattr(store, "MAX_DELIVERIES", most)
        yield most
        return
    vhost, queue = urlsplit(broker_url).path[1:], rf"^{noun}\.events$"
    dead = {"dead-letter-exchange": "", "dead-letter-routing-key": f"{noun}.dead", "overflow": "reject-publish"}
    policy = dead | {"delivery-limit": most - 1, "dead-letter-strategy": "at-least-once"}
    rabbitmqctl("set_policy", "-p", vhost, "--apply-to", "queues", noun, queue, json.dumps(policy))
    yield most
    rabbitmqctl("clear_policy", "-p", vhost, noun)


@pytest.fixture
def delete_queue(broker_url: str) -> Callable[[str], None]:
    """Deletes a subscriber's queue, as an operator might by mistake."""

    def delete(subscriber: str) -> None:
        if broker_url.startswith("amqp"):
            rabbitmqctl("delete_queue", "-p", urlsplit(broker_url).path[1:], queue_of(subscriber))
            return
        with closing(sqlite3.connect(broker_url.removeprefix("embedded://"), timeout=10)) as file:
            file.execute("delete from queue where name = ?", (queue_of(subscriber),))
            file.commit()

    return delete
