"""What every broker promises, held against the embedded one and RabbitMQ alike."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from chassis.messaging.broker import MAX_BODY, Broker, BrokerUnavailable, DeadLetter, Message, TopologyBroken, connect
from chassis.messaging.broker.embedded import EmbeddedBroker
from chassis.messaging.broker.rabbitmq import RabbitBroker
from tests.chassis.broker_helpers import (
    PATIENCE,
    Child,
    Consuming,
    collect,
    consume,
    eventually,
    ids,
    messages,
    stopping,
)

pytest_plugins = ["tests.chassis.broker_fixtures"]


# Publishing


def test_publish_counts_what_is_confirmed(broker: Broker, noun: str) -> None:
    assert broker.publish(messages(noun, 120)) == 120


def test_publishing_nothing_confirms_nothing(broker: Broker) -> None:
    assert broker.publish([]) == 0


@pytest.mark.parametrize("body", [b"", bytes(range(256)), b"\xff" * MAX_BODY], ids=["empty", "all bytes", "largest"])
def test_body_arrives_byte_for_byte(broker: Broker, noun: str, body: bytes) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish([Message("1", f"{noun}.Thing.v1", body)])
    assert collect(broker, noun, 1) == [Message("1", f"{noun}.Thing.v1", body)]


def test_too_large_body_refuses_the_whole_batch(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    large = Message("large", f"{noun}.Thing.v1", b"x" * (MAX_BODY + 1))
    with pytest.raises(ValueError, match="large"):
        broker.publish([*messages(noun, 2), large])
    assert broker.depth(noun) == 0


def test_same_message_published_twice_arrives_twice(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1))
    broker.publish(messages(noun, 1) * 2)
    assert ids(collect(broker, noun, 3)) == ["00000"] * 3


def test_publish_without_any_subscriber_is_confirmed(broker: Broker, noun: str) -> None:
    assert broker.publish(messages(noun, 3)) == 3


# Routing


def test_every_subscriber_gets_its_own_copy(broker: Broker, noun: str) -> None:
    subscribers = [f"{noun}{n}" for n in range(3)]
    for subscriber in subscribers:
        broker.declare(subscriber, [f"{noun}.#"])
    broker.publish(messages(noun, 5))
    for subscriber in subscribers:
        assert collect(broker, subscriber, 5) == messages(noun, 5)


@pytest.mark.parametrize(
    ("pattern", "arrive"),
    [
        ("{0}.InviteCreated.v1", ["{0}.InviteCreated.v1"]),
        ("{0}.*.v1", ["{0}.InviteCreated.v1", "{0}.InviteAccepted.v1"]),
        ("{0}.*", ["{0}.Short"]),
        ("{0}.#", ["{0}.InviteCreated.v1", "{0}.InviteAccepted.v1", "{0}.InviteCreated.v2", "{0}.Short"]),
        ("*.InviteCreated.*", ["{0}.InviteCreated.v1", "{0}.InviteCreated.v2"]),
        ("{0}.#.v2", ["{0}.InviteCreated.v2"]),
        ("{0}", []),
    ],
)
def test_pattern(broker: Broker, noun: str, pattern: str, arrive: list[str]) -> None:
    types = ["{0}.InviteCreated.v1", "{0}.InviteAccepted.v1", "{0}.InviteCreated.v2", "{0}.Short"]
    broker.declare(noun, [pattern.format(noun), "end.of." + noun])
    broker.publish([Message(type, type.format(noun), b"") for type in types] + [Message("end", f"end.of.{noun}", b"")])
    assert ids(collect(broker, noun, len(arrive) + 1)) == [*arrive, "end"]


def test_two_matching_patterns_deliver_once(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#", f"{noun}.Thing.*"])
    broker.publish(messages(noun, 2))
    assert broker.depth(noun) == 2


def test_declaring_again_changes_nothing(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 2))
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1, start=2))
    assert collect(broker, noun, 3) == messages(noun, 3)


def test_declaring_more_types_adds_them(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.Other.v1"])
    broker.declare(noun, [f"{noun}.Other.v1", f"{noun}.Thing.v1"])
    broker.publish(messages(noun, 1))
    assert broker.depth(noun) == 1


def test_many_may_declare_at_once(open_broker: Callable[[], Broker], noun: str) -> None:
    brokers = [open_broker() for _ in range(4)]
    threads = [threading.Thread(target=broker.declare, args=(noun, [f"{noun}.#"])) for broker in brokers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    brokers[0].publish(messages(noun, 1))
    assert brokers[0].depth(noun) == 1


def test_messages_from_before_declaring_do_not_come(broker: Broker, noun: str) -> None:
    broker.publish(messages(noun, 2))
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1, start=2))
    assert ids(collect(broker, noun, 1)) == ["00002"]


# Consuming


def test_messages_wait_for_a_consumer(open_broker: Callable[[], Broker], noun: str) -> None:
    first = open_broker()
    first.declare(noun, [f"{noun}.#"])
    first.publish(messages(noun, 3))
    first.close()
    assert collect(open_broker(), noun, 3) == messages(noun, 3)


def test_one_consumer_sees_the_order_of_publishing(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    for start in range(0, 300, 60):
        broker.publish(messages(noun, 60, start))
    assert ids(collect(broker, noun, 300)) == ids(messages(noun, 300))


def test_one_object_publishes_and_consumes_at_once(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    with Consuming(broker, noun) as consumer:
        for n in range(30):
            broker.publish(messages(noun, 1, n))
        eventually(lambda: len(consumer.got) == 30)
    assert ids(consumer.got) == ids(messages(noun, 30))
    assert consumer.error is None


@pytest.mark.parametrize("prefetch", [1, 3])
def test_batches_are_at_most_prefetch(broker: Broker, noun: str, prefetch: int) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 10))
    with Consuming(broker, noun, prefetch=prefetch) as consumer:
        eventually(lambda: len(consumer.got) == 10)
    assert max(len(batch) for batch in consumer.batches) <= prefetch


def test_batches_are_at_most_what_was_asked_for(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 25))
    with Consuming(broker, noun, prefetch=6, batch=3) as consumer:
        eventually(lambda: len(consumer.got) == 25)
    assert max(len(batch) for batch in consumer.batches) <= 3
    assert ids(consumer.got) == ids(messages(noun, 25))
    assert broker.depth(noun) == 0


def test_what_was_taken_beyond_a_batch_is_given_back_unhandled(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 10))
    with Consuming(broker, noun, prefetch=6, batch=3, block=True) as consumer:
        assert consumer.entered.wait(PATIENCE)
        consumer.stop.set()
        consumer.release.set()
        consumer.join()
    assert 1 <= len(consumer.got) <= 3
    assert len(consumer.batches) == 1
    left = collect(broker, noun, 10 - len(consumer.got))
    assert sorted(ids([*consumer.got, *left])) == ids(messages(noun, 10))


def test_a_busy_consumer_holds_at_most_prefetch(broker: Broker, open_broker: Callable[[], Broker], noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 10))
    with Consuming(broker, noun, prefetch=2, block=True) as busy:
        assert busy.entered.wait(PATIENCE)
        with Consuming(open_broker(), noun) as other:
            eventually(lambda: len(other.got) >= 8)
        assert not {message.id for message in other.got} & {message.id for message in busy.got}
        assert broker.depth(noun) == 0


def test_competing_consumers_share_the_work(open_broker: Callable[[], Broker], noun: str) -> None:
    publisher = open_broker()
    publisher.declare(noun, [f"{noun}.#"])
    publisher.publish(messages(noun, 100))
    one, two = (Consuming(open_broker(), noun, prefetch=1, block=True) for _ in range(2))
    with one, two:
        assert one.entered.wait(PATIENCE)
        assert two.entered.wait(PATIENCE)
        one.release.set()
        two.release.set()
        eventually(lambda: len(one.got) + len(two.got) >= 100)
    assert sorted(ids([*one.got, *two.got])) == ids(messages(noun, 100))


def test_one_dies_of_the_competing_and_the_other_gets_its_batch(open_broker: Callable[[], Broker], noun: str) -> None:
    broker = open_broker()
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 4))
    with pytest.raises(ZeroDivisionError):
        consume(broker, noun, lambda batch: 1 / 0, prefetch=4)  # type: ignore[arg-type,return-value]
    with Consuming(open_broker(), noun) as other:
        eventually(lambda: len(other.got) == 4)
    assert {message.id for message in other.got} == set(ids(messages(noun, 4)))


# Acknowledging


def test_a_handled_batch_does_not_come_again(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 7))
    assert [message.redelivered for message in collect(broker, noun, 7, prefetch=7)] == [False] * 7
    broker.publish(messages(noun, 1, start=7))
    assert ids(collect(broker, noun, 1)) == ["00007"]
    assert broker.depth(noun) == 0


def test_a_raising_handler_gets_the_whole_batch_again(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 5))
    seen: list[str] = []

    def fail(batch: Sequence[Message]) -> None:
        seen.extend(ids(batch))
        raise RuntimeError("no database")

    with pytest.raises(RuntimeError, match="no database"):
        consume(broker, noun, fail, prefetch=5)
    again = collect(broker, noun, 5)
    assert {message.id for message in again} == set(ids(messages(noun, 5)))
    assert all(message.redelivered for message in again if message.id in seen)


def test_a_raising_handler_keeps_what_was_acknowledged_before(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 3))
    seen: list[str] = []

    def fail_at_the_second(batch: Sequence[Message]) -> None:
        seen.extend(ids(batch))
        if len(seen) == 2:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        consume(broker, noun, fail_at_the_second, prefetch=1)
    assert {message.id for message in collect(broker, noun, 2)} == {"00001", "00002"}


def test_a_slow_handler_keeps_its_batch(broker_url: str, open_broker: Callable[[], Broker], noun: str) -> None:
    """Longer than the lease, and than RabbitMQ waits for a heartbeat; so this case has to take real time."""
    slow, seconds = (
        (RabbitBroker(broker_url, "slow", heartbeat=1), 3.2)
        if broker_url.startswith("amqp")
        else (EmbeddedBroker(broker_url.removeprefix("embedded://"), "slow", lease=0.4), 1.2)
    )
    slow.declare(noun, [f"{noun}.#"])
    slow.publish(messages(noun, 2))
    with Consuming(slow, noun, block=True) as consumer:
        assert consumer.entered.wait(PATIENCE)
        with Consuming(open_broker(), noun) as other:
            time.sleep(seconds)
        taken = ids(consumer.got)
        consumer.stop.set()
        consumer.release.set()
        consumer.join()
    assert consumer.error is None
    assert not set(ids(other.got)) & set(taken)
    slow.close()


# Stopping


def test_stopped_before_it_begins_takes_nothing(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1))
    stop = threading.Event()
    stop.set()
    broker.consume(noun, lambda batch: pytest.fail("took a batch"), stop=stop)
    assert broker.depth(noun) == 1


def test_an_idle_consumer_stops_at_once(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    stop = threading.Event()
    with stopping(stop, 0.3):
        broker.consume(noun, lambda batch: None, stop=stop)
    started = time.monotonic()
    with Consuming(broker, noun) as consumer:
        consumer.stop.set()
    assert consumer.error is None
    assert time.monotonic() - started < 2


def test_stopping_finishes_the_batch_in_work_and_takes_no_other(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 6))
    with Consuming(broker, noun, prefetch=2, block=True) as consumer:
        assert consumer.entered.wait(PATIENCE)
        consumer.stop.set()
        consumer.release.set()
        consumer.join()
    assert consumer.error is None
    assert len(consumer.batches) == 1
    left = collect(broker, noun, 6 - len(consumer.got))
    assert sorted(ids([*consumer.got, *left])) == ids(messages(noun, 6))


# Refusals and housekeeping


def test_unknown_queue(broker: Broker, noun: str) -> None:
    with pytest.raises(TopologyBroken, match=noun):
        consume(broker, noun, lambda batch: None)
    with pytest.raises(TopologyBroken, match=noun):
        broker.depth(noun)


def test_depth_falls_as_messages_are_handled(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    assert broker.depth(noun) == 0
    broker.publish(messages(noun, 4))
    assert broker.depth(noun) == 4
    collect(broker, noun, 1, prefetch=1)
    eventually(lambda: broker.depth(noun) == 3)


def test_closing_twice_is_harmless(broker: Broker, noun: str) -> None:
    broker.publish(messages(noun, 1))
    broker.close()
    broker.close()


def test_closing_unused_is_harmless(broker: Broker) -> None:
    broker.close()


def test_a_closed_broker_refuses(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.close()
    for use in (
        lambda: broker.publish(messages(noun, 1)),
        lambda: broker.declare(noun, []),
        lambda: broker.depth(noun),
        lambda: consume(broker, noun, lambda batch: None),
    ):
        with pytest.raises(BrokerUnavailable, match="closed"):
            use()


def test_closing_ends_a_running_consumer(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1))
    with Consuming(broker, noun) as consumer:
        assert consumer.entered.wait(PATIENCE)
        broker.close()
        consumer.join()
    assert isinstance(consumer.error, BrokerUnavailable)


def test_nobody_listens_at_the_url(tmp_path_factory: pytest.TempPathFactory, broker_url: str) -> None:
    occupied = tmp_path_factory.mktemp("occupied")
    url = "amqp://guest:guest@127.0.0.1:1" if broker_url.startswith("amqp") else f"embedded://{occupied}"
    broker = connect(url, "test")
    for use in (lambda: broker.publish(messages("x", 1)), lambda: broker.declare("x", ["#"])):
        with pytest.raises(BrokerUnavailable):
            use()
    broker.close()


# Death of a process


def test_what_was_confirmed_survives_the_publisher(
    broker: Broker, broker_url: str, noun: str, child: Callable[..., Child]
) -> None:
    broker.declare(noun, [f"{noun}.#"])
    for _ in range(3):
        publisher = child("publish", broker_url, noun)
        confirmed = [publisher.line() for _ in range(5)] + publisher.kill()
        expected = {id for line in confirmed for id in line.split()}
        assert len(expected) >= 50
        eventually(lambda: broker.depth(noun) >= len(expected))  # noqa: B023
        assert expected <= {message.id for message in collect(broker, noun, broker.depth(noun))}


def test_what_a_killed_consumer_held_is_delivered_again(
    broker: Broker, broker_url: str, noun: str, child: Callable[..., Child]
) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 8))
    consumer = child("consume", broker_url, noun, "hang")
    held = consumer.line().split()
    consumer.kill()
    got = collect(broker, noun, 8)
    assert {message.id for message in got} == set(ids(messages(noun, 8)))
    assert all(message.redelivered for message in got if message.id in held)


def test_nothing_is_lost_when_consumers_are_killed_at_work(
    broker: Broker, broker_url: str, noun: str, child: Callable[..., Child]
) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 400))
    handled: set[str] = set()
    for _ in range(3):
        first = child("consume", broker_url, noun, "work")
        reported = [first.line(), first.line()]
        second = child("consume", broker_url, noun, "work")
        reported += [*first.kill(), second.line(), *second.kill()]
        handled |= {id for line in reported for id in line.split()}
    got = collect_all(broker, noun, message_ids=set(ids(messages(noun, 400))) - handled)
    assert handled | got == set(ids(messages(noun, 400)))


def collect_all(broker: Broker, subscriber: str, message_ids: set[str]) -> set[str]:
    """Consume until all of ``message_ids`` came; messages may come more than once."""
    got: set[str] = set()
    stop = threading.Event()

    def handle(batch: Sequence[Message]) -> None:
        got.update(ids(batch))
        if got >= message_ids:
            stop.set()

    if message_ids:
        with stopping(stop, PATIENCE):
            broker.consume(subscriber, handle, stop=stop)
    return got


# Dead letters


def test_what_comes_back_too_often_is_a_dead_letter(broker: Broker, noun: str, few_deliveries: int) -> None:
    """Each consumer dies of it; its neighbours in the queue are delivered all the same."""
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1))
    for _ in range(few_deliveries):
        with pytest.raises(ZeroDivisionError):
            consume(broker, noun, lambda batch: 1 / 0, prefetch=1)  # type: ignore[arg-type,return-value]
    broker.publish(messages(noun, 1, start=1))
    with Consuming(broker, noun) as consumer:
        eventually(lambda: "00001" in ids(consumer.got))
    assert ids(consumer.got) == ["00001"]
    letters = dead_letters(broker, noun)
    assert [letter.message for letter in letters] == messages(noun, 1)
    assert letters[0].reason


def test_dead_letters_stay_until_somebody_takes_them(broker: Broker, noun: str, few_deliveries: int) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 3))
    for _ in range(few_deliveries * 3):
        with pytest.raises(ZeroDivisionError):
            consume(broker, noun, lambda batch: 1 / 0, prefetch=1)  # type: ignore[arg-type,return-value]
        if broker.depth(noun) == 0:
            break
    with Consuming(broker, noun):
        eventually(lambda: len(dead_letters(broker, noun)) == 3)
    broker.dead_letters(noun, lambda letter: letter.message.id == "00001")
    assert sorted(letter.message.id for letter in dead_letters(broker, noun)) == ["00000", "00002"]
    assert len(dead_letters(broker, noun, limit=1)) == 1


def test_no_dead_letters(broker: Broker, noun: str) -> None:
    broker.declare(noun, [f"{noun}.#"])
    assert dead_letters(broker, noun) == []
    with pytest.raises(TopologyBroken, match="nobody"):
        dead_letters(broker, f"{noun}-nobody")


def dead_letters(broker: Broker, subscriber: str, limit: int = 100) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    broker.dead_letters(subscriber, lambda letter: bool(letters.append(letter)), limit=limit)  # type: ignore[func-returns-value]
    return letters


# The archive


def test_the_archive_keeps_what_was_published_also_without_a_subscriber(broker: Broker, noun: str) -> None:
    since = datetime.now(UTC)
    broker.publish(messages(noun, 120))
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 5, start=120))
    collect(broker, noun, 5)
    got = archived(broker, noun, since)
    assert [message for message, _ in got] == messages(noun, 125)
    assert all(abs((at - since).total_seconds()) < 60 for _, at in got)


def test_the_archive_ends_where_it_ended_when_it_was_asked(broker: Broker, noun: str) -> None:
    broker.publish(messages(noun, 3))
    since = datetime.now(UTC) - timedelta(minutes=1)
    seen: list[str] = []

    def read(message: Message, _: datetime) -> None:
        if message.type.startswith(noun):
            seen.append(message.id)
            broker.publish(messages(noun, 1, start=100 + len(seen)))

    broker.read_archive(since, read)
    assert seen == ids(messages(noun, 3))


def test_the_archive_begins_where_it_is_asked_to(broker: Broker, noun: str) -> None:
    broker.publish(messages(noun, 1))
    assert archived(broker, noun, datetime.now(UTC) + timedelta(seconds=2)) == []


def test_reading_the_archive_tells_no_subscriber(broker: Broker, noun: str) -> None:
    broker.declare(noun, ["#"])
    broker.publish(messages(noun, 1))
    archived(broker, noun, datetime.now(UTC) - timedelta(minutes=1))
    assert broker.depth(noun) == 1


def test_what_is_stored_is_rewritten_where_the_broker_can(broker: Broker, broker_url: str, noun: str) -> None:
    """RabbitMQ says at once that there is nothing to go on with, and keeps every message as it is."""
    since = datetime.now(UTC) - timedelta(minutes=1)
    broker.publish(messages(noun, 3))
    assert broker.rewrite(lambda _body: b"{}", 0) is None
    can = broker_url.startswith("embedded")
    expected = [b"{}"] * 3 if can else [message.body for message in messages(noun, 3)]
    assert [message.body for message, _ in archived(broker, noun, since)] == expected


def archived(broker: Broker, noun: str, since: datetime) -> list[tuple[Message, datetime]]:
    archive: list[tuple[Message, datetime]] = []
    broker.read_archive(since, lambda message, at: archive.append((message, at)))
    return [(message, at) for message, at in archive if message.type.startswith(noun)]


# Stopping a process


@pytest.mark.parametrize("state", ["idle", "at work"])
def test_sigterm_ends_a_consumer_cleanly(
    broker: Broker, broker_url: str, noun: str, child: Callable[..., Child], state: str
) -> None:
    """What it had in hand is acknowledged, what it had not begun is not; it says what it handled."""
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 30 if state == "at work" else 1))
    consumer = child("consume", broker_url, noun, "work")
    handled = consumer.line().split()
    code, rest = consumer.terminate()
    handled += [id for line in rest for id in line.split()]
    assert code == 0
    assert len(handled) == len(set(handled))
    left = collect(broker, noun, 30 - len(handled)) if state == "at work" and len(handled) < 30 else []
    assert sorted([*handled, *ids(left)]) == ids(messages(noun, 30 if state == "at work" else 1))
    assert not any(message.redelivered for message in left if message.id in handled)


def test_a_consumer_declares_and_starts_again_after_its_queue_was_deleted(
    broker: Broker, delete_queue: Callable[[str], None], noun: str
) -> None:
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1))
    with Consuming(broker, noun) as consumer:
        assert consumer.entered.wait(PATIENCE)
        delete_queue(noun)
        consumer.join()
    assert isinstance(consumer.error, TopologyBroken)
    broker.declare(noun, [f"{noun}.#"])
    broker.publish(messages(noun, 1, start=1))
    assert ids(collect(broker, noun, 1)) == ["00001"]
