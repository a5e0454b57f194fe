"""RabbitMQ alone: topology, refusals, connections that break, freeze or are blocked, and the counting of confirms."""

import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit
from uuid import uuid4

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika.adapters.blocking_connection import BlockingChannel

from chassis.messaging.broker import ARCHIVE, EXCHANGE, BrokerUnavailable, Message, TopologyBroken
from chassis.messaging.broker.confirms import Confirms
from chassis.messaging.broker.rabbitmq import HEARTBEAT, RabbitBroker
from chassis.messaging.broker.topic import matches
from chassis.messaging.resequencer import SETTLE
from tests.chassis.broker_helpers import PATIENCE, Consuming, collect, eventually, ids, messages, rabbitmqctl

pytest_plugins = ["tests.chassis.broker_fixtures"]

real = pytest.mark.real


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[RabbitBroker]:
    broker = RabbitBroker(rabbitmq_url, "test")
    yield broker
    broker.close()


@pytest.fixture
def admin(rabbitmq_url: str) -> Iterator[BlockingChannel]:
    """A channel to change the topology behind the broker's back."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    yield connection.channel()
    connection.close()


class Wire:
    """A TCP proxy in front of RabbitMQ that can cut, freeze, and slip in what a server may say."""

    def __init__(self, url: str):
        self._target = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._ended = threading.Event()
        self.connections = 0
        port = self._listener.getsockname()[1]
        self.url = url.replace(self._target.netloc.partition("@")[2], f"127.0.0.1:{port}")
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((self._target.hostname, self._target.port or 5672))
                self.connections += 1
                self._pairs.append((client, server))
                threading.Thread(target=self._pump, args=(client, server), daemon=True).start()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while not self._ended.is_set():
                for source in select.select([client, server], [], [], 0.05)[0]:
                    self._flowing.wait()
                    data = source.recv(65536)
                    if not data:
                        return self._close(client, server)
                    (server if source is client else client).sendall(data)
        return None

    def _close(self, *sockets: socket.socket) -> None:
        for peer in sockets:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()

    def cut(self) -> None:
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            self._close(*pair)

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def say(self, class_and_method: tuple[int, int], arguments: bytes = b"", channel: int = 0) -> None:
        """Send the newest client a method frame, while the server is silent."""
        payload = struct.pack(">HH", *class_and_method) + arguments
        self._pairs[-1][0].sendall(struct.pack(">BHL", 1, channel, len(payload)) + payload + b"\xce")

    def close(self) -> None:
        self._ended.set()
        self._flowing.set()
        self._listener.close()
        self.cut()


@pytest.fixture
def wire(rabbitmq_url: str) -> Iterator[Wire]:
    wire = Wire(rabbitmq_url)
    yield wire
    wire.close()


@pytest.fixture
def wired(wire: Wire) -> Iterator[RabbitBroker]:
    """A broker behind the wire that loses its patience soon."""
    broker = RabbitBroker(wire.url, "wired", timeout=1.0)
    yield broker
    wire.thaw()
    broker.close()


# Topology


@real
def test_declared_queues_are_durable_quorum_queues(broker: RabbitBroker, admin: BlockingChannel, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1))
    for queue, type in ((f"{noun}.events", "quorum"), (f"{noun}.dead", "quorum"), (ARCHIVE, "stream")):
        admin.queue_declare(queue, durable=True, arguments={"x-queue-type": type})


@real
def test_a_subscriber_declares_no_archive(rabbitmq_url: str) -> None:
    vhost = f"test-{uuid4().hex[:12]}"
    rabbitmqctl("add_vhost", vhost)
    try:
        rabbitmqctl("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*")
        broker = RabbitBroker(f"{rabbitmq_url.rpartition('/')[0]}/{vhost}", "test")
        broker.declare("q", ["#"])
        broker.close()
        assert sorted(rabbitmqctl("list_queues", "-p", vhost, "name").split()[1:]) == ["q.dead", "q.events"]
    finally:
        rabbitmqctl("delete_vhost", vhost)


@real
def test_another_team_needs_rights_on_its_own_queues_only(rabbitmq_url: str, broker: RabbitBroker, noun: str) -> None:
    broker.publish(messages(noun, 1))
    address = urlsplit(rabbitmq_url)
    rabbitmqctl("add_user", noun, "secret")
    try:
        own = rf"^{noun}\."
        rabbitmqctl("set_permissions", "-p", address.path[1:], noun, own, own, rf"{own}|^concord\.events$")
        outsider = RabbitBroker(rabbitmq_url.replace("guest:guest", f"{noun}:secret"), "outsider")
        outsider.declare(noun, [f"{noun}.#"])
        broker.publish(messages(noun, 2))
        assert ids(collect(outsider, noun, 2)) == ids(messages(noun, 2))
        with pytest.raises(BrokerUnavailable, match="ACCESS_REFUSED"):
            outsider.publish(messages(noun, 1))
        outsider.close()
    finally:
        rabbitmqctl("delete_user", noun)


@real
def test_a_queue_with_other_properties_is_a_broken_topology(
    broker: RabbitBroker, admin: BlockingChannel, noun: str
) -> None:
    admin.queue_declare(f"{noun}.events", durable=True)
    with pytest.raises(TopologyBroken, match="x-queue-type"):
        broker.declare(noun, [f"{noun}.#"])


@real
def test_bindings_of_an_operator_are_left_alone(broker: RabbitBroker, admin: BlockingChannel, noun: str) -> None:
    broker.declare(noun, [f"{noun}.Other.v1"])
    admin.queue_bind(f"{noun}.events", EXCHANGE, f"{noun}.Thing.v1")
    broker.declare(noun, [f"{noun}.Other.v1"])
    broker.publish(messages(noun, 1))
    assert broker.depth(noun) == 1


@real
def test_matcher_agrees_with_rabbitmq(broker: RabbitBroker, admin: BlockingChannel) -> None:
    patterns = ["#", "*", "a", "a.*", "a.#", "#.c", "*.b", "a.#.c", "a.#.*", "#.#", "*.#.*", "a..b", "a.*.b", "*.*", ""]
    keys = ["", "a", "b", "a.b", "a.c", "a.b.c", "a.b.b.c", "a..b", "c", "."]
    broker.publish(messages("x", 1))  # so that the exchange exists
    for pattern in patterns:
        queue = admin.queue_declare("", exclusive=True).method.queue
        admin.queue_bind(queue, EXCHANGE, pattern)
        for key in keys:
            admin.basic_publish(EXCHANGE, key, key.encode())
        routed = set()
        while (got := admin.basic_get(queue, auto_ack=True))[0]:
            routed.add(got[2].decode())
        assert routed == {key for key in keys if matches(pattern, key)}, pattern
        admin.queue_delete(queue)


# The wire


@real
def test_what_a_message_says_on_the_wire(broker: RabbitBroker, admin: BlockingChannel, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish([Message("018f-id", f"{noun}.Thing.v1", b"{}")])
    method, properties, body = admin.basic_get(f"{noun}.events", auto_ack=True)
    assert (method.exchange, method.routing_key, body) == (EXCHANGE, f"{noun}.Thing.v1", b"{}")
    assert (properties.message_id, properties.type, properties.app_id) == ("018f-id", f"{noun}.Thing.v1", "test")
    assert (properties.delivery_mode, properties.content_type) == (2, "application/cloudevents+json")
    assert abs(properties.timestamp - time.time()) < 60
    assert properties.user_id is None


@real
def test_operators_see_who_is_connected(broker: RabbitBroker) -> None:
    broker.publish(messages("x", 1))
    assert "test (publish)" in rabbitmqctl("list_connections", "client_properties")


# Refusals


@real
def test_no_route_is_refused_and_the_next_call_repairs_it(
    broker: RabbitBroker, admin: BlockingChannel, noun: str
) -> None:
    broker.publish(messages(noun, 1))
    admin.queue_unbind(ARCHIVE, EXCHANGE, "#")
    with pytest.raises(TopologyBroken, match="no route"):
        broker.publish(messages(noun, 3))
    assert broker.publish(messages(noun, 3)) == 3


@real
def test_a_message_without_route_ends_the_prefix(broker: RabbitBroker, admin: BlockingChannel, noun: str) -> None:
    broker.declare(noun, [f"{noun}.Thing.*"])
    broker.publish(messages(noun, 1))
    admin.queue_unbind(ARCHIVE, EXCHANGE, "#")
    lost = Message("lost", f"{noun}.Lost.v1", b"")
    assert broker.publish([*messages(noun, 4), lost, *messages(noun, 4, start=4)]) == 4
    assert broker.publish([lost, *messages(noun, 4, start=4)]) == 5


@real
def test_a_missing_exchange_is_a_broken_topology(broker: RabbitBroker, admin: BlockingChannel, noun: str) -> None:
    broker.publish(messages(noun, 1))
    admin.exchange_delete(EXCHANGE)
    with pytest.raises(TopologyBroken, match="no exchange"):
        broker.publish(messages(noun, 3))
    assert broker.publish(messages(noun, 3)) == 3


@real
def test_a_full_queue_ends_the_prefix(broker: RabbitBroker, admin: BlockingChannel, noun: str) -> None:
    broker.publish(messages(noun, 1))
    limits = {"x-max-length": 3, "x-overflow": "reject-publish"}
    admin.queue_declare(f"{noun}.full", durable=True, arguments=limits)
    admin.queue_bind(f"{noun}.full", EXCHANGE, f"{noun}.#")
    confirmed = broker.publish(messages(noun, 200))
    stored = admin.queue_declare(f"{noun}.full", passive=True).method.message_count
    assert 0 < confirmed < 200
    assert confirmed <= stored
    with pytest.raises(BrokerUnavailable, match="refused"):
        broker.publish(messages(noun, 1))
    admin.queue_delete(f"{noun}.full")
    assert broker.publish(messages(noun, 1)) == 1


@real
def test_a_queue_deleted_under_its_consumer(broker: RabbitBroker, admin: BlockingChannel, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1))
    with Consuming(broker, noun) as consumer:
        assert consumer.entered.wait(PATIENCE)
        admin.queue_delete(f"{noun}.events")
        consumer.join()
    assert isinstance(consumer.error, TopologyBroken)


@real
def test_an_unknown_virtual_host_is_unavailable(rabbitmq_url: str) -> None:
    broker = RabbitBroker(rabbitmq_url + "-not", "test")
    with pytest.raises(BrokerUnavailable, match="vhost"):
        broker.publish(messages("x", 1))
    with pytest.raises(BrokerUnavailable, match="vhost"):
        broker.declare("x", ["#"])
    broker.close()


# Connections that fail


@real
def test_a_cut_connection_is_replaced_at_the_next_call(wire: Wire, wired: RabbitBroker, noun: str) -> None:
    wired.declare(noun, [f"{noun}.#"])
    wired.publish(messages(noun, 1))
    wire.freeze()
    publishing = threading.Timer(0.2, wire.cut)
    publishing.start()
    threading.Timer(0.3, wire.thaw).start()
    with pytest.raises(BrokerUnavailable):
        wired.publish(messages(noun, 3))
    eventually(lambda: not publishing.is_alive())
    wire.thaw()
    assert wired.publish(messages(noun, 3)) == 3


def publisher_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "broker-publisher"}


@real
def test_an_idle_connection_that_broke_is_replaced_unnoticed(wire: Wire, wired: RabbitBroker, noun: str) -> None:
    others = publisher_threads()
    wired.publish(messages(noun, 1))
    [publishing] = publisher_threads() - others
    wire.cut()
    eventually(lambda: not publishing.is_alive())
    assert wired.publish(messages(noun, 3)) == 3


@real
def test_a_frozen_broker_costs_the_timeout_and_no_more(wire: Wire, wired: RabbitBroker, noun: str) -> None:
    wired.publish(messages(noun, 1))
    wire.freeze()
    for _ in range(2):  # on the open connection, then on one that never opens
        started = time.monotonic()
        with pytest.raises(BrokerUnavailable, match="not confirmed"):
            wired.publish(messages(noun, 3))
        assert time.monotonic() - started < 2
    wire.thaw()
    assert wired.publish(messages(noun, 3)) == 3


@real
def test_closing_does_not_wait_for_a_frozen_broker(wire: Wire, wired: RabbitBroker, noun: str) -> None:
    wired.publish(messages(noun, 1))
    wire.freeze()
    started = time.monotonic()
    wired.close()
    assert time.monotonic() - started < 5


def test_a_dead_connection_is_noticed_before_a_subject_begins_without_what_it_holds() -> None:
    assert SETTLE.total_seconds() > 3 * HEARTBEAT


@real
def test_what_a_silent_consumer_holds_comes_back_within_three_heartbeats(
    wire: Wire, broker: RabbitBroker, noun: str
) -> None:
    silent = RabbitBroker(wire.url, "silent", heartbeat=1)
    silent.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1))
    with Consuming(silent, noun, block=True) as consumer:
        assert consumer.entered.wait(PATIENCE)
        wire.freeze()
        started = time.monotonic()
        assert ids(collect(broker, noun, 1)) == ["00000"]
        assert time.monotonic() - started < 3.5
        wire.cut()
        wire.thaw()
    silent.close()


BLOCKED, UNBLOCKED = (10, 60), (10, 61)


def accepts(broker: RabbitBroker, batch: list[Message]) -> bool:
    try:
        return broker.publish(batch) == len(batch)
    except BrokerUnavailable:
        return False


@real
def test_a_blocked_connection_refuses_at_once_until_it_is_unblocked(wire: Wire, wired: RabbitBroker, noun: str) -> None:
    wired.publish(messages(noun, 1))
    connections = wire.connections
    wire.say(BLOCKED, b"\x0alow memory")
    eventually(lambda: not accepts(wired, messages(noun, 3)))
    for _ in range(3):
        with pytest.raises(BrokerUnavailable, match="low memory"):
            wired.publish(messages(noun, 3))
    wire.say(UNBLOCKED)
    eventually(lambda: accepts(wired, messages(noun, 3)))
    assert wire.connections == connections


@real
def test_blocking_frees_a_caller_that_waits(rabbitmq_url: str, wire: Wire, noun: str) -> None:
    patient = RabbitBroker(wire.url, "patient", timeout=PATIENCE)
    patient.publish(messages(noun, 1))
    wire.freeze()
    blocking = threading.Timer(0.2, wire.say, args=(BLOCKED, b"\x03low"))
    blocking.start()
    started = time.monotonic()
    with pytest.raises(BrokerUnavailable, match="blocks publishers: low"):
        patient.publish(messages(noun, 3))
    assert time.monotonic() - started < PATIENCE / 2
    wire.say(UNBLOCKED)
    wire.thaw()
    # Late confirms of the first three do not count here.
    eventually(lambda: accepts(patient, messages(noun, 70, start=3)))
    patient.close()


CHANNEL_CLOSE = (20, 40)


@real
def test_an_idle_consumer_notices_that_its_channel_was_closed(wire: Wire, wired: RabbitBroker, noun: str) -> None:
    """pika itself would only fall silent."""
    wired.declare(noun, [f"{noun}.#"])
    wired.publish(messages(noun, 1))
    with Consuming(wired, noun) as consumer:
        assert consumer.entered.wait(PATIENCE)
        time.sleep(0.5)  # it acknowledges, and has nothing to do any more
        wire.freeze()
        wire.say(CHANNEL_CLOSE, struct.pack(">H", 541) + b"\x04oops" + bytes(4), channel=1)
        time.sleep(0.5)  # it would go on for ever; now it takes leave of a broker that is silent
        wire.cut()
        wire.thaw()
        consumer.join()
    assert "closed the channel" in str(consumer.error)


@real
def test_a_consumer_whose_connection_is_cut_waits_for_its_handler(wire: Wire, wired: RabbitBroker, noun: str) -> None:
    wired.declare(noun, [f"{noun}.#"])
    wired.publish(messages(noun, 2))
    with Consuming(wired, noun, block=True) as consumer:
        assert consumer.entered.wait(PATIENCE)
        wire.cut()
        eventually(lambda: wired.depth(noun) == 2)  # back in the queue, while the handler still works
        assert consumer.error is None
        consumer.release.set()
        consumer.join()
    assert isinstance(consumer.error, BrokerUnavailable)
    assert all(message.redelivered for message in collect(wired, noun, 2) if message.id in ids(consumer.got))


@real
def test_no_thread_is_left_behind(rabbitmq_url: str, noun: str) -> None:
    before = set(threading.enumerate())
    broker = RabbitBroker(rabbitmq_url, "test")
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1))
    collect(broker, noun, 1)
    broker.close()
    eventually(lambda: set(threading.enumerate()) <= before)


# Counting confirms


CAUSE = BrokerUnavailable("refused")


def in_flight(count: int, first_tag: int = 1) -> Confirms:
    batch = Confirms(messages("x", count))
    batch.first_tag = first_tag
    batch.sent = count
    return batch


def test_the_window_bounds_what_is_in_flight() -> None:
    batch = Confirms(messages("x", 10))
    batch.sent = 4
    assert not batch.may_send(4)
    batch.confirm(2, multiple=False)
    assert not batch.may_send(4)
    batch.confirm(1, multiple=False)
    assert batch.may_send(4)


def test_nothing_is_sent_after_a_refusal() -> None:
    batch = Confirms(messages("x", 10))
    batch.sent = 4
    batch.refuse(3, multiple=False, cause=CAUSE)
    assert not batch.may_send(50)
    assert not batch.done.is_set()
    batch.confirm(2, multiple=True)
    assert batch.done.is_set()
    assert (batch.prefix, batch.cause) == (2, CAUSE)


def test_a_returned_message_does_not_count_when_it_is_confirmed() -> None:
    batch = in_flight(3)
    batch.returned("00001", "x.Thing.v1", CAUSE)
    batch.confirm(3, multiple=True)
    assert (batch.prefix, batch.cause) == (1, CAUSE)


def test_late_answers_about_an_earlier_batch_do_not_count() -> None:
    batch = in_flight(3, first_tag=8)
    for tag in range(1, 8):
        batch.confirm(tag, multiple=tag % 2 == 0)
        batch.refuse(tag, multiple=tag % 2 == 0, cause=CAUSE)
    assert (batch.prefix, batch.end, batch.cause) == (0, 3, None)
    batch.confirm(9, multiple=True)
    assert not batch.done.is_set()
    assert batch.prefix == 2


@given(st.data(), st.integers(1, 12), st.integers(1, 100))
def test_prefix_is_what_the_broker_stored_without_a_gap(data: st.DataObject, count: int, first_tag: int) -> None:
    """Any interleaving of single and multiple answers: the prefix never claims more than was confirmed."""
    batch = in_flight(count, first_tag)
    stored: dict[int, bool] = {}
    while len(stored) < count and not batch.done.is_set():
        index = data.draw(st.sampled_from([n for n in range(count) if n not in stored]))
        multiple, ack = data.draw(st.booleans()), data.draw(st.booleans())
        for n in [n for n in range(index + 1 if multiple else 0) if n not in stored] + [index]:
            stored[n] = ack
        if ack:
            batch.confirm(first_tag + index, multiple)
        else:
            batch.refuse(first_tag + index, multiple, CAUSE)
        expected = next((n for n in range(count) if not stored.get(n)), count)
        assert batch.prefix == expected
    assert batch.done.is_set()
    assert (batch.cause is None) == (batch.prefix == count)


def test_giving_up_keeps_what_was_confirmed() -> None:
    batch = in_flight(3)
    batch.confirm(1, multiple=False)
    batch.abandon(CAUSE)
    assert batch.done.is_set()
    assert (batch.prefix, batch.cause) == (1, CAUSE)
