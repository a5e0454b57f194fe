"""The resequencer: whatever is delivered, how often and in which order, effects come once and in sequence."""

import json
import random
import tempfile
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import time_machine
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import select, update

from chassis.core import metrics
from chassis.core.principal import Principal, acting_as
from chassis.data.base import ChassisBase
from chassis.data.database import Database
from chassis.messaging import resequencer
from chassis.messaging.broker import Message
from chassis.messaging.consumer import Consumer
from chassis.messaging.events import Series, Subscriber
from chassis.messaging.resequencer import SETTLE, AheadRow, CursorRow, Resequencer
from chassis.messaging.retries import Retries
from chassis.messaging.retry_table import DEAD, WAITING, RetryRow
from tests.chassis.sample import Base, Heard, ahead_row, service, write_down
from tests.plugin import sample_event, value_of
from tests.plugin.matrix import generated

SYSTEM = Principal.system("sample")
THING = UUID(int=7)
HISTORY = service.subscribers[0]


@pytest.fixture
def sample(start_service):
    return start_service(service)


@pytest.fixture
def retries(sample):
    return sample.retries[HISTORY]


def events(*sequences, subject=THING, **data):
    return [sample_event("other.Thing.v1", data, subject=str(subject), sequence=n) for n in sequences]


def messages(*events):
    return [Message(event["id"], event["type"], json.dumps(event).encode()) for event in events]


def heard(sample, subject=THING):
    with acting_as(SYSTEM), sample.database.read() as session:
        return list(session.scalars(select(Heard.sequence).where(Heard.subject == subject).order_by(Heard.id)))


def waiting(sample):
    with acting_as(SYSTEM), sample.database.read() as session:
        return list(session.scalars(select(AheadRow.sequence).order_by(AheadRow.sequence)))


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(None, None, 1), (1, 0, 1), (1, 3, 4), (5, 7, 8), (5, 4, 5), (5, None, 5)],
)
def test_whose_turn_it_is(first, last, expected):
    assert CursorRow(first=first, last=last).expected == expected


def test_what_comes_early_waits_for_its_predecessor(sample):
    one, two, three, four = events(1, 2, 3, 4)
    sample.deliver(three)
    sample.deliver(four, two)
    assert (heard(sample), waiting(sample)) == ([], [2, 3, 4])
    sample.deliver(one)
    assert (heard(sample), waiting(sample)) == ([1, 2, 3, 4], [])


def test_subjects_do_not_wait_for_each_other(sample):
    other = uuid4()
    sample.deliver(*events(2), *events(1, 2, subject=other))
    assert (heard(sample), heard(sample, other)) == ([], [1, 2])


def test_what_comes_again_takes_effect_once(sample):
    one, two, three = events(1, 2, 3)
    sample.deliver(one, one, three, three)
    sample.deliver(one, two, two)
    sample.deliver(three, one)
    assert heard(sample) == [1, 2, 3]
    assert sample.retry_rows() == []


def test_each_subscriber_of_a_service_has_its_own_inbox(sample):
    event = sample_event("sample.NoteWritten.v1", {"noteId": str(uuid4()), "title": "x"}, subject=str(THING))
    sample.deliver(event, event)
    assert heard(sample) == [1]
    with acting_as(SYSTEM), sample.database.read() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM notes").scalar() == 1


def test_a_pattern_hears_what_fits_it_and_gets_the_whole_envelope(sample):
    got = []
    listening = replace(write_down, event_type="other.*.v1", handle=lambda _session, event: got.append(event))
    consumer = Consumer(Subscriber("sample.some", (listening,)), sample.database, None)
    fits, fits_not = [*events(1, colour="red"), sample_event("other.Thing.v2", {})]
    consumer.handle(messages(fits, fits_not))
    assert [(event.data, event.envelope) for event in got] == [({"colour": "red"}, fits)]


def test_a_late_subscriber_begins_with_the_first_event_that_settled(sample, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    seven, eight, nine = events(7, 8, 9)
    sample.deliver(eight, nine)
    sample.retries[HISTORY].sweep()
    assert heard(sample) == []
    sample.deliver(seven)
    time_machine.shift(SETTLE + timedelta(seconds=1))
    assert sample.retries[HISTORY].sweep()
    assert (heard(sample), waiting(sample)) == ([7, 8, 9], [])
    sample.deliver(*events(10))
    assert heard(sample) == [7, 8, 9, 10]


class Backlog:
    """A broker that says how many messages a queue has."""

    def __init__(self, depth):
        self.messages = depth

    def depth(self, _subscriber):
        return self.messages


def test_no_series_begins_while_the_queue_may_hold_an_earlier_event(sample, time_machine):
    """Behind a backlog, or come back from a consumer that died, the first event may be much later than the second."""
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    queue = Backlog(depth=1)
    retries = Retries(HISTORY, sample.database, queue)
    one, two = events(1, 2)
    sample.deliver(two)
    looks = []
    for queue.messages in (1, 0, 0, 1, 0, 0):
        time_machine.shift(SETTLE - timedelta(seconds=1))
        looks.append(retries.has_caught_up())
    assert not any(looks), "it was never empty for as long as a dead consumer's messages take to come back"
    retries.sweep(begin=False)
    assert (heard(sample), waiting(sample)) == ([], [2])
    sample.deliver(one)
    assert (heard(sample), sample.retry_rows()) == ([1, 2], [])


def test_a_late_subscriber_begins_once_its_queue_has_been_empty_for_long_enough(sample, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    retries = Retries(HISTORY, sample.database, Backlog(depth=0))
    sample.deliver(*events(7))
    assert not retries.has_caught_up()
    time_machine.shift(SETTLE)
    assert retries.has_caught_up()
    assert retries.sweep(begin=True)
    assert heard(sample) == [7]


def test_a_queue_is_not_asked_while_nothing_waits(sample):
    assert not Retries(HISTORY, sample.database, None).has_caught_up()


def test_what_comes_from_before_the_beginning_is_a_dead_letter(sample, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    sample.deliver(*events(7))
    time_machine.shift(SETTLE + timedelta(seconds=1))
    sample.retries[HISTORY].sweep()
    sample.deliver(*events(6, 8))
    (dead,) = sample.retry_rows()
    assert (dead.state, dead.sequence) == (DEAD, 6)
    assert "begun with event 7" in dead.error
    assert heard(sample) == [7, 8]


def test_a_failed_event_holds_its_successors_until_it_succeeds(sample):
    one, three = events(1, 3)
    (two,) = events(2, hear="fail")
    sample.deliver(one, two, three)
    assert (heard(sample), waiting(sample)) == ([1], [3])
    sample.retry_all()
    assert [row.attempts for row in sample.retry_rows()] == [2]
    mended = replace(write_down, handle=lambda session, event: session.add(_heard(event)))
    sample.retry_all(replace(HISTORY, subscriptions=(mended,)))
    assert (heard(sample), waiting(sample), sample.retry_rows()) == ([1, 2, 3], [], [])


def _heard(event):
    return Heard(event_id=event.id, subject=event.subject, sequence=event.sequence)


def test_a_failed_first_event_holds_its_successors_also_when_they_have_settled(sample, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    sample.deliver(*events(1, hear="fail"), *events(2))
    time_machine.shift(SETTLE + timedelta(seconds=1))
    sample.retries[HISTORY].sweep()
    assert (heard(sample), waiting(sample)) == ([], [2])


def test_a_waiting_event_that_fails_at_its_turn_delays_the_rest(sample):
    (two,) = events(2, hear="fail")
    sample.deliver(two, *events(3))
    sample.deliver(*events(1))
    assert (heard(sample), waiting(sample)) == ([1], [3])
    assert [(row.sequence, row.state) for row in sample.retry_rows()] == [(2, WAITING)]


def test_a_long_row_of_waiting_events_is_taken_in_pieces(sample, monkeypatch):
    monkeypatch.setattr(resequencer, "DRAIN", 10)
    sample.deliver(*events(*range(2, 41)))
    sample.deliver(*events(1))
    assert heard(sample) == list(range(1, 12))
    while sample.retries[HISTORY].sweep():
        pass
    assert heard(sample) == list(range(1, 41))


def wait_for_a_lock(sample, thread):
    """Until somebody waits for what another transaction holds."""
    if sample.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    with sample.database.engine.connect() as connection:
        while not connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar():
            thread.join(0.01)
            assert thread.is_alive(), "it waited for nobody"


def sweeping(retries):
    return threading.Thread(target=retries.sweep)


def test_what_comes_while_a_late_subscriber_begins_is_not_lost(sample, retries, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    sample.deliver(*events(7))
    time_machine.shift(SETTLE + timedelta(seconds=1))
    with acting_as(SYSTEM), sample.database.begin() as session:
        Resequencer(HISTORY.name).admit(session, [(event, json.dumps(event).encode()) for event in events(6)])
        beginning = sweeping(retries)
        beginning.start()
        wait_for_a_lock(sample, beginning)
    beginning.join()
    assert (heard(sample), waiting(sample)) == ([6, 7], [])


def test_a_sweep_and_a_batch_do_not_wait_for_each_other_in_a_circle(sample, retries, time_machine):
    """Whatever the sweep finds, it locks subjects in the order in which a batch does."""
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    first, second = UUID(int=1), UUID(int=2)
    sample.deliver(*events(1, subject=first), *events(7, subject=second))
    (ready,) = events(2, subject=first)
    with acting_as(SYSTEM), sample.database.begin() as session:
        session.add(ahead_row(HISTORY, ready))
    time_machine.shift(SETTLE + timedelta(seconds=1))
    with acting_as(SYSTEM), sample.database.begin() as session:
        Resequencer(HISTORY.name).lock_cursors(session, [Series("/services/other", first)])
        other = sweeping(retries)
        other.start()
        wait_for_a_lock(sample, other)
        Resequencer(HISTORY.name).lock_cursors(session, [Series("/services/other", second)])
    other.join()
    assert (heard(sample, first), heard(sample, second)) == ([1, 2], [7])


def test_how_many_wait_and_for_how_long_is_measured(sample, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    sample.deliver(*events(2, 3))
    time_machine.shift(61)
    sample.client(None).get("/metrics")
    assert value_of(metrics.events_early.labels("sample.history")) == 2
    assert value_of(metrics.events_early_age.labels("sample.history")) == 61


def test_consumers_that_share_a_queue_keep_the_order_between_them(sample):
    """Three at once, each with its own mixture of the same subjects; what one sees early another brings."""
    subjects = [uuid4() for _ in range(4)]
    everything = messages(*(event for subject in subjects for event in events(*range(1, 13), subject=subject)))
    chance = random.Random(20)
    everything += chance.sample(everything, 20)
    chance.shuffle(everything)
    consumers = [Consumer(HISTORY, sample.database, None) for _ in range(3)]

    def work(consumer, share):
        for start in range(0, len(share), 6):
            consumer.handle(share[start : start + 6])

    threads = [threading.Thread(target=work, args=(consumer, everything[n::3])) for n, consumer in enumerate(consumers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    sample.retry_all()  # a deadlock that the database broke up is only a failure to try again
    assert [heard(sample, subject) for subject in subjects] == [list(range(1, 13))] * 4
    assert sample.retry_rows() == []


# Against every order, repetition and crash


class Killed(BaseException):
    """The process died here."""


KNOWN = {UUID(int=1): range(1, 6), UUID(int=2): range(1, 4), UUID(int=3): range(5, 9)}
"""Two subjects heard from their beginning, one that is older than the subscriber."""
PLACES = [(subject, sequence) for subject, sequences in KNOWN.items() for sequence in sequences]


class Machine(RuleBasedStateMachine):
    """A queue that repeats and mixes, handlers that fail and processes that die. Nothing is lost, doubled, inverted."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(f"sqlite:///{Path(self.folder.name) / 'x.db'}")
        with self.database.engine.begin() as connection:
            Base.metadata.create_all(connection)
            ChassisBase.metadata.create_all(connection)
        handler = replace(write_down, handle=self._hear)
        subscriber = Subscriber("sample.history", (handler,), ordered=True)
        self.consumer = Consumer(subscriber, self.database, None)
        self.retries = Retries(subscriber, self.database, None)
        self.messages = {place: messages(*events(place[1], subject=place[0]))[0] for place in PLACES}
        self.acknowledged: set[tuple[UUID, int]] = set()
        self.failing: set[tuple[UUID, int]] = set()
        self.dies_after: int | None = None
        self.travel = time_machine.travel("2026-04-01T00:00:00Z", tick=False)
        self.clock = self.travel.start()

    def teardown(self) -> None:
        """At last everything is delivered and nothing fails any more."""
        self.failing.clear()
        self.deliver([place for place in PLACES if place not in self.acknowledged])
        for _ in range(3):
            self.clock.shift(timedelta(hours=2))
            self.work()
        dead = self._dead()
        for subject, sequences in KNOWN.items():
            assert sorted(self._heard(subject) + dead.get(subject, [])) == list(sequences)
        self.travel.stop()
        self.database.close()
        self.folder.cleanup()

    def _hear(self, session, event) -> None:
        if self.dies_after is not None:
            self.dies_after -= 1
            if self.dies_after < 0:
                raise Killed
        if (event.subject, event.sequence) in self.failing:
            raise RuntimeError("not now")
        session.add(_heard(event))

    def _heard(self, subject):
        with acting_as(SYSTEM), self.database.read() as session:
            return list(session.scalars(select(Heard.sequence).where(Heard.subject == subject).order_by(Heard.id)))

    def _dead(self):
        with acting_as(SYSTEM), self.database.read() as session:
            rows = session.execute(select(RetryRow.subject, RetryRow.sequence).where(RetryRow.state == DEAD))
            sequences: dict[UUID | None, list[int | None]] = {}
            for subject, sequence in rows:
                sequences.setdefault(subject, []).append(sequence)
            return sequences

    @rule(places=st.lists(st.sampled_from(PLACES), min_size=1, max_size=6))
    def deliver(self, places) -> None:
        self.consumer.handle([self.messages[place] for place in places])
        self.acknowledged.update(places)

    @rule(places=st.lists(st.sampled_from(PLACES), min_size=1, max_size=6), after=st.integers(0, 4))
    def die_at_work(self, places, after) -> None:
        self.dies_after = after
        try:
            self.deliver(places)
        except Killed:
            pass
        finally:
            self.dies_after = None

    @rule(place=st.sampled_from(PLACES))
    def begin_to_fail(self, place) -> None:
        self.failing.add(place)

    @rule()
    def mend(self) -> None:
        self.failing.clear()

    @rule(seconds=st.sampled_from([2, 20, 50]))
    def wait(self, seconds) -> None:
        self.clock.shift(timedelta(seconds=seconds))

    @rule()
    def work(self) -> None:
        with acting_as(SYSTEM), self.database.begin() as session:  # patience is another test's matter
            session.execute(update(RetryRow).where(RetryRow.state == WAITING).values(attempts=1))
        while self.retries.retry_one() or self.retries.sweep():
            pass

    @invariant()
    def in_sequence(self) -> None:
        for subject in KNOWN:
            sequences = self._heard(subject)
            assert sequences == list(range(sequences[0], sequences[0] + len(sequences))) if sequences else True


TestMachine = Machine.TestCase
TestMachine.settings = generated(25, stateful_step_count=20)
