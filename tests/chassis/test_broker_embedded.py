"""The embedded broker alone: leases, the archive's retention, shared files, and its store against a simple model."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from chassis.messaging.broker import BrokerUnavailable, Message, TopologyBroken, embedded, store
from chassis.messaging.broker.embedded import EmbeddedBroker
from chassis.messaging.broker.store import LONGEST_LEASE, RETENTION, Claim, Store
from chassis.messaging.broker.topic import matches
from tests.chassis.broker_helpers import PATIENCE, Consuming, collect, consume, eventually, ids, messages
from tests.plugin.matrix import generated


class Clock:
    """Time that only moves when told."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "broker.db")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(path: str, clock: Clock) -> Iterator[Store]:
    opened = Store(path, clock)
    yield opened
    opened.close()


@pytest.fixture
def open_broker(path: str) -> Iterator[Callable[..., EmbeddedBroker]]:
    brokers: list[EmbeddedBroker] = []

    def open_one(**options: float) -> EmbeddedBroker:
        brokers.append(EmbeddedBroker(path, "test", **options))
        return brokers[-1]

    yield open_one
    for broker in brokers:
        broker.close()


def claimed(store: Store, limit: int = 20, seconds: float = 30.0) -> Claim:
    claim = store.claim("q", limit, seconds)
    assert claim is not None
    return claim


# Leases


def test_a_lease_hides_its_messages_until_it_ends(opened: Store, clock: Clock) -> None:
    opened.declare("q", ["#"])
    opened.publish(messages("a", 3))
    claimed(opened, limit=2)
    assert ids(claimed(opened).messages) == ["00002"]
    assert opened.claim("q", 20, 30) is None
    clock.now += 31
    again = claimed(opened)
    assert ids(again.messages) == ids(messages("a", 3))
    assert all(message.redelivered for message in again.messages)


def test_a_stale_lease_acknowledges_nothing(opened: Store, clock: Clock) -> None:
    opened.declare("q", ["#"])
    opened.publish(messages("a", 3))
    stale = claimed(opened)
    clock.now += 31
    current = claimed(opened, limit=1)
    assert not opened.settle(stale)
    assert opened.settle(current)
    assert opened.claim("q", 20, 30) is None  # the two that nobody had claimed since were acknowledged all the same


def test_an_ended_lease_nobody_took_over_still_acknowledges(opened: Store, clock: Clock) -> None:
    opened.declare("q", ["#"])
    opened.publish(messages("a", 2))
    late = claimed(opened)
    clock.now += 31
    assert opened.settle(late)
    assert opened.claim("q", 20, 30) is None


def test_a_stale_lease_neither_gives_back_nor_renews(opened: Store, clock: Clock) -> None:
    opened.declare("q", ["#"])
    opened.publish(messages("a", 1))
    stale = claimed(opened)
    clock.now += 31
    current = claimed(opened)
    opened.give_back(stale)
    assert opened.claim("q", 20, 30) is None
    clock.now += 29
    opened.renew(stale, 30)
    clock.now += 2
    claimed(opened)
    assert not opened.settle(current)


def test_renewing_lengthens_the_lease(opened: Store, clock: Clock) -> None:
    opened.declare("q", ["#"])
    opened.publish(messages("a", 1))
    claim = claimed(opened)
    clock.now += 29
    opened.renew(claim, 30)
    clock.now += 29
    assert opened.claim("q", 20, 30) is None
    assert opened.settle(claim)


def test_given_back_messages_keep_their_place(opened: Store) -> None:
    opened.declare("q", ["#"])
    opened.publish(messages("a", 4))
    opened.give_back(claimed(opened, limit=2))
    again = claimed(opened)
    assert ids(again.messages) == ids(messages("a", 4))
    assert [message.redelivered for message in again.messages] == [True, True, False, False]


def test_a_clock_set_back_does_not_freeze_a_lease(opened: Store, clock: Clock) -> None:
    opened.declare("q", ["#"])
    opened.publish(messages("a", 1))
    claimed(opened)
    clock.now -= LONGEST_LEASE + 3600
    claimed(opened)


def test_a_consumer_that_lost_its_lease_says_so(open_broker: Callable[..., EmbeddedBroker], path: str) -> None:
    broker = open_broker()
    broker.declare("q", ["#"])
    broker.publish(messages("a", 1))
    with Consuming(broker, "q", block=True) as consumer:
        assert consumer.entered.wait(PATIENCE)
        thief = sqlite3.connect(path)
        thief.execute("update delivery set token = 'thief'")
        thief.commit()
        thief.close()
        consumer.release.set()
        consumer.join()
    assert isinstance(consumer.error, BrokerUnavailable)


# Archive


def test_acknowledged_messages_stay_for_the_retention(opened: Store, clock: Clock, path: str) -> None:
    opened.declare("q", ["#"])
    opened.publish(messages("a", 3))
    opened.settle(claimed(opened))
    clock.now += RETENTION - 1
    opened.publish(messages("b", 1))
    assert _count(path) == 4
    clock.now += 2
    opened.publish(messages("b", 1))
    assert _count(path) == 2


def test_a_waiting_message_outlives_the_retention(opened: Store, clock: Clock, path: str) -> None:
    opened.declare("q", ["sleeper.#"])
    opened.publish(messages("sleeper", 300))
    opened.publish(messages("a", 300))
    clock.now += RETENTION + 1
    for _ in range(60):
        opened.publish(messages("b", 1))
    assert _count(path) == 300 + 60
    assert ids(claimed(opened, limit=300).messages) == ids(messages("sleeper", 300))


def test_trimming_keeps_up_with_publishing(opened: Store, clock: Clock, path: str) -> None:
    opened.publish(messages("a", 500))
    clock.now += RETENTION + 1
    for _ in range(10):
        opened.publish(messages("b", 50))
    assert _count(path) == 500


def _count(path: str) -> int:
    reader = sqlite3.connect(path)
    try:
        return int(reader.execute("select count(*) from message").fetchone()[0])
    finally:
        reader.close()


# One file, many users


def test_declaring_replaces_the_bindings(open_broker: Callable[..., EmbeddedBroker]) -> None:
    broker = open_broker()
    broker.declare("q", ["a.#", "b.#"])
    broker.declare("q", ["b.#"])
    broker.publish([*messages("a", 1), *messages("b", 1, start=1)])
    assert ids(collect(broker, "q", 1)) == ["00001"]


def test_many_open_a_new_file_at_once(path: str) -> None:
    errors: list[BaseException] = []

    def use() -> None:
        try:
            Store(path).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert errors == []


def test_a_publish_wakes_consumers_of_its_process(
    open_broker: Callable[..., EmbeddedBroker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "POLL", PATIENCE)
    publisher = open_broker()
    publisher.declare("q", ["#"])
    with Consuming(open_broker(), "q") as consumer:
        for n in range(3):
            publisher.publish(messages("a", 1, n))
            eventually(lambda: len(consumer.got) == n + 1, seconds=PATIENCE / 3)  # noqa: B023
        consumer.stop.set()
        publisher.publish(messages("a", 1))


def test_a_full_batch_is_stored_as_a_whole_or_not(opened: Store) -> None:
    opened.declare("q", ["#"])
    broken = Message("x", None, b"")  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"NoneType|NOT NULL"):
        opened.publish([*messages("a", 2), broken])
    assert opened.depth("q") == 0


def test_a_locked_file_is_unavailable(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)
    broker = EmbeddedBroker(path, "test")
    broker.publish(messages("a", 1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(BrokerUnavailable, match="locked"):
        broker.publish(messages("a", 1))
    other.execute("rollback")
    assert broker.publish(messages("a", 1)) == 1
    other.close()
    broker.close()


def test_a_file_that_is_no_database_is_unavailable(path: str) -> None:
    Path(path).write_bytes(b"something else " * 1000)
    with pytest.raises(BrokerUnavailable, match="not a database"):
        EmbeddedBroker(path, "test").publish(messages("a", 1))


def test_a_handler_s_own_database_error_comes_out_as_it_is(open_broker: Callable[..., EmbeddedBroker]) -> None:
    broker = open_broker()
    broker.declare("q", ["#"])
    broker.publish(messages("a", 1))

    def fail(batch: Sequence[Message]) -> None:
        raise sqlite3.OperationalError("theirs")

    with pytest.raises(sqlite3.OperationalError, match="theirs"):
        consume(broker, "q", fail)
    assert broker.depth("q") == 1


def test_no_thread_is_left_behind(open_broker: Callable[..., EmbeddedBroker]) -> None:
    before = set(threading.enumerate())
    broker = open_broker()
    broker.declare("q", ["#"])
    broker.publish(messages("a", 1))
    collect(broker, "q", 1)
    eventually(lambda: set(threading.enumerate()) <= before)


# Topics


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.b.c", False),
        ("a.*", "a", False),
        ("a.*", "a.b.c", False),
        ("a.#", "a", True),
        ("#", "", True),
        ("*", "", False),
        ("#.c", "c", True),
        ("#.c", "a.b.c", True),
        ("a.#.c", "a.c", True),
        ("a.#.*", "a", False),
        ("#.#", "", True),
        ("*.#", "a.b", True),
        ("a..b", "a..b", True),
        ("a.*.b", "a..b", True),
    ],
)
def test_matcher(pattern: str, key: str, expected: bool) -> None:
    assert matches(pattern, key) is expected


def test_matcher_is_fast_on_many_wildcards() -> None:
    started = time.perf_counter()
    assert not matches(".".join(["#"] * 30 + ["end"]), ".".join(["x"] * 60))
    assert time.perf_counter() - started < 1


# Against a model


TYPES = ["a.X.v1", "a.Y.v1", "b.X.v1"]
PATTERNS = ["#", "a.#", "*.X.*", "b.X.v1"]
QUEUES = ["one.events", "two.events"]


class Model(RuleBasedStateMachine):
    """Queues as lists: publishing appends, a lease hides, acknowledging removes, and nothing else ever does."""

    claims: Bundle[tuple[Claim, list[int]]] = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = Store(":memory:", self.clock)
        self.bindings: dict[str, list[str]] = {}
        self.waiting: dict[str, list[int]] = {}  # message numbers in order
        self.leases: dict[tuple[str, int], tuple[str, float]] = {}  # queue and number: token, end
        self.delivered: set[tuple[str, int]] = set()
        self.published = 0

    def teardown(self) -> None:
        self.store.close()

    @rule(queue=st.sampled_from(QUEUES), patterns=st.lists(st.sampled_from(PATTERNS), max_size=3))
    def declare(self, queue: str, patterns: list[str]) -> None:
        self.store.declare(queue, patterns)
        self.bindings[queue] = patterns
        self.waiting.setdefault(queue, [])

    @rule(types=st.lists(st.sampled_from(TYPES), min_size=1, max_size=5))
    def publish(self, types: list[str]) -> None:
        numbers = range(self.published, self.published + len(types))
        self.published += len(types)
        self.store.publish([Message(str(n), type, b"%d" % n) for n, type in zip(numbers, types, strict=True)])
        for n, type in zip(numbers, types, strict=True):
            for queue, patterns in self.bindings.items():
                if any(matches(pattern, type) for pattern in patterns):
                    self.waiting[queue].append(n)

    @rule(target=claims, queue=st.sampled_from(QUEUES), limit=st.integers(1, 4), seconds=st.sampled_from([5.0, 30.0]))
    def claim(self, queue: str, limit: int, seconds: float) -> tuple[Claim, list[int]] | None:
        if queue not in self.bindings:
            with pytest.raises(TopologyBroken):
                self.store.claim(queue, limit, seconds)
            return None
        expected = self._free(queue)[:limit]
        claim = self.store.claim(queue, limit, seconds)
        if not expected:
            assert claim is None
            return None
        assert claim is not None
        assert [int(message.id) for message in claim.messages] == expected
        assert [message.redelivered for message in claim.messages] == [(queue, n) in self.delivered for n in expected]
        for n in expected:
            self.leases[queue, n] = (claim.token, self.clock.now + seconds)
            self.delivered.add((queue, n))
        return claim, expected

    def _free(self, queue: str) -> list[int]:
        return [n for n in self.waiting[queue] if self.leases.get((queue, n), ("", 0.0))[1] < self.clock.now]

    def _held(self, claim: Claim, numbers: list[int]) -> list[int]:
        return [n for n in numbers if self.leases.get((claim.queue, n), ("", 0))[0] == claim.token]

    @rule(lease=consumes(claims))
    def settle(self, lease: tuple[Claim, list[int]] | None) -> None:
        if lease:
            claim, numbers = lease
            held = self._held(claim, numbers)
            assert self.store.settle(claim) is (held == numbers)
            for n in held:
                self.waiting[claim.queue].remove(n)
                del self.leases[claim.queue, n]

    @rule(lease=claims)
    def give_back(self, lease: tuple[Claim, list[int]] | None) -> None:
        if lease:
            self.store.give_back(lease[0])
            for n in self._held(*lease):
                del self.leases[lease[0].queue, n]

    @rule(lease=claims)
    def renew(self, lease: tuple[Claim, list[int]] | None) -> None:
        if lease:
            self.store.renew(lease[0], 30.0)
            for n in self._held(*lease):
                self.leases[lease[0].queue, n] = (lease[0].token, self.clock.now + 30.0)

    @rule(seconds=st.sampled_from([1.0, 6.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: self.published > 10)
    @rule()
    def wait_past_the_retention(self) -> None:
        self.clock.now += RETENTION + 1

    @invariant()
    def depths_agree(self) -> None:
        for queue in self.bindings:
            assert self.store.depth(queue) == len(self._free(queue))


TestModel = Model.TestCase
TestModel.settings = generated(60, stateful_step_count=40)
