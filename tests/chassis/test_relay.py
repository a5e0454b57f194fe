"""The relay's lease, its patience, its alarms, and what it leaves behind in the outbox."""

import fcntl
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update

from chassis.core import metrics
from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.messaging import relay
from chassis.messaging.broker import BrokerUnavailable, TopologyBroken
from chassis.messaging.outbox import OutboxRow, add_rows, row_of
from chassis.messaging.relay import Relay
from chassis.process import server
from tests.chassis.broker_helpers import eventually
from tests.chassis.sample import NoteWritten, service
from tests.plugin import principal, value_of

SYSTEM = Principal.system("sample")
ANNA = principal()


@pytest.fixture
def sample(start_service):
    return start_service(service)


def fill(sample, count, subject=None):
    """Unsent rows of one subject, written as an action would."""
    subject, first = subject or uuid4(), waiting(sample)
    with acting_as(SYSTEM), sample.database.begin() as session:
        rows = [
            row_of(NoteWritten(subject, "x"), subject, n, tenants=(), actor=ANNA, now=utcnow())
            for n in range(first + 1, first + count + 1)
        ]
        add_rows(session, rows)


def waiting(sample):
    with acting_as(SYSTEM), sample.database.read() as session:
        return relay.backlog(session)[0]


class Broker:
    """Takes everything, or fails as it is told to, one entry of ``failures`` a call; ``stop`` ends the relay."""

    def __init__(self, stop=None, failures=()):
        self.published = []
        self.failures = list(failures)
        self.stop = stop

    def publish(self, messages):
        if self.failures:
            raise self.failures.pop(0)
        self.published += messages
        if self.stop:
            self.stop.set()
        return len(messages)


@contextmanager
def foreign_lease(sample):
    """The lease in the hands of another process, until the block ends."""
    if sample.database.dialect == "postgresql":
        with sample.database.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('concord.relay'))"))
            yield
        return
    with Path(f"{sample.database.engine.url.database}.relay").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def taking_no_writes(sample):
    """The database as it is while another machine takes over from it: it answers, and refuses every change."""
    if sample.database.dialect != "postgresql":
        pytest.skip("SQLite has no second machine")
    engine = sample.database.engine

    def change(how):
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET default_transaction_read_only = off")
            connection.exec_driver_sql(f'ALTER DATABASE "{engine.url.database}" {how} default_transaction_read_only')
        engine.dispose()

    change("SET default_transaction_read_only = on --")
    try:
        yield
    finally:
        change("RESET")


def test_nothing_is_published_that_could_not_be_noted_as_sent(sample, monkeypatch):
    """Or all of it would be, again and again, until the database takes a change."""
    monkeypatch.setattr(relay, "BATCH", 3)
    fill(sample, 6)
    broker = Broker()
    working = Relay("sample", sample.database, broker)
    assert working.publish_batch() == 3  # after a full batch it does not look first whether anything waits
    with taking_no_writes(sample), acting_as(SYSTEM):
        assert working.publish_batch() == 0
        assert len(broker.published) == 3
    assert working.publish_batch() == 3


def test_a_standby_takes_over_as_soon_as_the_lease_is_free(sample):
    fill(sample, 3)
    broker = Broker()
    standby = Relay("sample", sample.database, broker)
    with foreign_lease(sample):
        assert standby.publish_batch() == 0
    assert broker.published == []
    assert standby.publish_batch() == 3


def test_a_lease_ends_with_its_connection(sample):
    """As when the process at the other end is killed: nothing is left that somebody has to clear."""
    if sample.database.dialect != "postgresql":
        return  # a file's lock ends with its process, by the system's promise
    fill(sample, 2)
    with sample.database.engine.connect() as victim:
        victim.execute(text("SELECT pg_advisory_xact_lock(hashtext('concord.relay'))"))
        pid = victim.execute(text("SELECT pg_backend_pid()")).scalar()
        with sample.database.engine.connect() as killer:
            killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        victim.invalidate()
    published = []
    deadline = threading.Event()
    for _ in range(100):
        published.append(Relay("sample", sample.database, Broker()).publish_batch())
        if published[-1]:
            break
        deadline.wait(0.02)
    assert published[-1] == 2


def test_more_than_a_batch_goes_out_in_order(sample, monkeypatch):
    monkeypatch.setattr(relay, "BATCH", 4)
    fill(sample, 10)
    broker = Broker()
    worker = Relay("sample", sample.database, broker)
    assert [worker.publish_batch() for _ in range(4)] == [4, 4, 2, 0]
    with acting_as(SYSTEM), sample.database.read() as session:
        assert [m.id for m in broker.published] == [
            str(event_id) for event_id in session.scalars(select(OutboxRow.event_id).order_by(OutboxRow.id))
        ]


def test_an_id_that_commits_late_is_not_skipped(sample):
    """Two writers: the one with the lower id commits after the relay has been past the higher one."""
    subject = uuid4()
    fill(sample, 3)
    with acting_as(SYSTEM), sample.database.begin() as session:
        late = session.scalar(select(OutboxRow).order_by(OutboxRow.id))
        values = {c.name: getattr(late, c.name) for c in OutboxRow.__table__.columns}
        session.delete(late)
    broker = Broker()
    worker = Relay("sample", sample.database, broker)
    assert worker.publish_batch() == 2
    with acting_as(SYSTEM), sample.database.begin() as session:
        session.execute(OutboxRow.__table__.insert().values(values | {"subject": subject}))
    assert worker.publish_batch() == 1
    assert broker.published[-1].id == str(values["event_id"])


def count_of(counter):
    return value_of(counter)


def test_a_returned_message_is_an_alarm_and_is_sent_again(sample, monkeypatch):
    monkeypatch.setattr(relay, "PATIENCE", 0.01)
    fill(sample, 2)
    before, stop = count_of(metrics.relay_returned), threading.Event()
    broker = Broker(stop, [TopologyBroken("no route")])
    Relay("sample", sample.database, broker).run(stop)
    assert count_of(metrics.relay_returned) - before == 1
    assert len(broker.published) == 2


def test_a_broker_that_is_away_is_asked_again_and_again(sample, monkeypatch):
    """With growing pauses; and what failed is told in the row that was refused."""
    monkeypatch.setattr(relay, "PATIENCE", 0.01)
    fill(sample, 1)
    before, stop = count_of(metrics.relay_failures), threading.Event()
    broker = Broker(stop, [BrokerUnavailable("blocked")] * 3)
    Relay("sample", sample.database, broker).run(stop)
    assert count_of(metrics.relay_failures) - before == 3
    with acting_as(SYSTEM), sample.database.read() as session:
        row = session.scalar(select(OutboxRow))
        assert (row.attempts, row.sent_at is not None) == (3, True)
        assert "blocked" in row.last_error


def test_a_stopping_relay_finishes_its_batch(sample):
    fill(sample, 5)
    stop = threading.Event()

    class Slow(Broker):
        def publish(self, messages):
            stop.set()  # SIGTERM comes while the broker is asked
            return super().publish(messages)

    Relay("sample", sample.database, Slow()).run(stop)
    assert waiting(sample) == 0


def test_old_rows_go_in_small_steps_until_none_is_left(sample, monkeypatch):
    monkeypatch.setattr(relay, "TRIM", 10)
    fill(sample, 35)
    with acting_as(SYSTEM), sample.database.begin() as session:
        long_ago = utcnow() - timedelta(hours=25)
        session.execute(update(OutboxRow).where(OutboxRow.sequence <= 31).values(sent_at=long_ago))
    steps = []
    with acting_as(SYSTEM):
        while server.keep_house(sample.runtime):
            with sample.database.read() as session:
                steps.append(session.scalar(select(func.count()).select_from(OutboxRow)))
    assert steps == [25, 15, 5]
    assert waiting(sample) == 4


def test_a_long_backlog_is_not_counted_to_its_end(sample, monkeypatch):
    monkeypatch.setattr(relay, "COUNTED", 5)
    fill(sample, 8)
    with acting_as(SYSTEM), sample.database.read() as session:
        count, age = relay.backlog(session)
    assert count == 5
    assert 0 <= age < 60


@contextmanager
def looking_seldom(sample, broker):
    """A relay that looks into the outbox once a minute by itself."""
    stop = threading.Event()
    thread = threading.Thread(target=Relay("sample", sample.database, broker, pause=60).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        sample.database.wake_relay.set()
        thread.join()


def test_a_relay_that_looks_seldom_is_woken_by_a_commit_of_its_process(sample):
    broker = Broker()
    with looking_seldom(sample, broker):
        for count in (1, 2, 3):
            fill(sample, 1)
            eventually(lambda count=count: len(broker.published) == count)


def test_a_relay_that_looks_seldom_waits_for_another_s_lease_no_longer_than_others_do(sample):
    broker = Broker()
    with looking_seldom(sample, broker):
        with foreign_lease(sample):
            fill(sample, 1)
            time.sleep(0.3)
            assert broker.published == []
        eventually(lambda: len(broker.published) == 1)
