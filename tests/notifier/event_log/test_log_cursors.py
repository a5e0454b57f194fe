"""The migration that gives the log's cursors their sources: for it nothing is lost and nothing logged twice (D63)."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from chassis.data import migrate
from chassis.messaging.resequencer import SETTLE, AheadRow, CursorRow
from chassis.messaging.retry_table import DEAD
from chassis.process.service import Runtime
from services.notifier import service
from services.notifier.event_log.models import LoggedEvent
from tests.notifier.helpers import SYSTEM, tenant_created
from tests.plugin import ServiceUnderTest, postgres_database, sample_event

TENANT = uuid4()
IDENTITY, AFFILIATES = "/services/identity", "/services/affiliates"


@pytest.fixture
def url(dialect, tmp_path):
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path}/notifier.db"
        return
    with postgres_database() as made:
        yield made


@pytest.fixture
def before(url):
    """A database whose cursors are by subject."""
    engine = create_engine(url)
    with engine.connect() as connection:
        config = migrate.config_of(service)
        config.attributes["connection"] = connection
        revisions = ScriptDirectory.from_config(config).walk_revisions()
        [ours] = [item for item in revisions if item.path.endswith("_log_cursors_by_source.py")]
        for target in ("chassis_0003", ours.down_revision):
            command.upgrade(config, target)
        connection.commit()
    yield Before(engine)
    engine.dispose()


@pytest.fixture
def upgraded(before, url, test_settings):
    """The notifier on that database, migrated."""
    made = []

    def upgrade():
        migrate.upgrade(service, before.engine)
        made.append(ServiceUnderTest(Runtime(service, replace(test_settings, database_url=url))))
        return made[0]

    yield upgrade
    for running in made:
        running.runtime.close()


class Before:
    """What the log's subscriber had written down by then."""

    def __init__(self, engine):
        self.engine = engine
        self._position = 0

    def logged(self, *events):
        for event in events:
            self._position += 1
            row = {"position": self._position, "event_id": self.id_of(event["id"]), "body": json.dumps(event)}
            self._insert("event_log", row | {"logged_at": utcnow()})
            about = {"consumer": "notifier.log", "event_id": self.id_of(event["id"]), "handled_at": utcnow()}
            self._insert("inbox", about)
        self._insert("event_log_end", {"id": 1, "last": self._position, "trimmed": 0})

    def stands_at(self, subject, first, last):
        place = {"consumer": "notifier.log", "subject": self.id_of(subject), "first": first, "last": last}
        self._insert("inbox_cursor", place)

    def waits(self, event, since):
        row = {"consumer": "notifier.log", "subject": self.id_of(event["subject"]), "sequence": event["sequence"]}
        row |= {"event_id": self.id_of(event["id"]), "type": event["type"], "body": json.dumps(event), "since": since}
        self._insert("inbox_ahead", row)

    def failed(self, event):
        row = {"consumer": "notifier.log", "subject": self.id_of(event["subject"]), "sequence": event["sequence"]}
        row |= {"event_id": event["id"], "type": event["type"], "body": json.dumps(event), "state": "waiting"}
        due = utcnow() + timedelta(hours=1)
        self._insert("parked", row | {"attempts": 1, "error": "e", "parked_at": utcnow(), "next_at": due})

    def id_of(self, value):
        return str(value) if self.engine.dialect.name == "postgresql" else UUID(str(value)).hex

    def _insert(self, table, row):
        names, values = ", ".join(row), ", ".join(f":{name}" for name in row)
        with self.engine.begin() as connection:
            statement = f"INSERT INTO {table} ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"
            connection.execute(text(statement), row)


def renames(*sequences):
    return [tenant_created(TENANT, sequence=number, kind="Changed") for number in sequences]


def clicks(*sequences):
    return [sample_event("affiliates.ClickRecorded.v1", {}, subject=str(TENANT), sequence=n) for n in sequences]


def cursors(notifier):
    columns = (CursorRow.source, CursorRow.subject, CursorRow.first, CursorRow.last)
    with acting_as(SYSTEM), notifier.database.read() as session:
        return {(row.source, row.subject): (row.first, row.last) for row in session.execute(select(*columns))}


def log(notifier):
    """Source and number of what is logged, in its order."""
    with acting_as(SYSTEM), notifier.database.read() as session:
        bodies = session.scalars(select(LoggedEvent.body).order_by(LoggedEvent.position))
        return [(event["source"], event["sequence"]) for event in map(json.loads, bodies)]


def sweep(notifier):
    [retries] = [retries for subscriber, retries in notifier.retries.items() if subscriber.ordered]
    while retries.sweep():
        pass


def test_a_subject_of_one_source_goes_on_where_it_was(before, upgraded):
    events = renames(1, 2, 3)
    before.logged(*events)
    before.stands_at(TENANT, 1, 3)
    notifier = upgraded()
    assert cursors(notifier) == {(IDENTITY, TENANT): (1, 3)}
    notifier.deliver(*renames(4), events[1])
    assert log(notifier) == [(IDENTITY, number) for number in (1, 2, 3, 4)]
    assert notifier.retry_rows() == []


def test_where_two_sources_shared_a_cursor_each_goes_on_with_what_is_still_to_come(before, upgraded, time_machine):
    """Clicks 1 and renames 2 and 3 were lost as known; renames 4 is lost, too, and 5 has not come yet."""
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    before.logged(*renames(1), *clicks(2, 3))
    before.stands_at(TENANT, 1, 3)
    notifier = upgraded()
    assert cursors(notifier) == {(IDENTITY, TENANT): (2, None), (AFFILIATES, TENANT): (4, None)}
    notifier.deliver(*renames(6, 5), *clicks(4))
    assert log(notifier)[3:] == [(AFFILIATES, 4)], "the next one need not wait"
    time_machine.shift(SETTLE + timedelta(seconds=1))
    sweep(notifier)
    assert log(notifier)[4:] == [(IDENTITY, 5), (IDENTITY, 6)]
    assert notifier.retry_rows() == []


def test_what_was_lost_before_is_a_dead_letter_when_it_is_published_again(before, upgraded):
    """So an operator can have it logged, by force."""
    before.logged(*renames(1), *clicks(2, 3))
    before.stands_at(TENANT, 1, 3)
    notifier = upgraded()
    [lost] = clicks(1)
    notifier.deliver(lost)
    assert [(row.state, row.event_id) for row in notifier.retry_rows()] == [(DEAD, lost["id"])]


def test_a_source_all_of_whose_events_were_lost_begins_with_what_comes(before, upgraded, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    before.logged(*renames(1, 2, 3))
    before.stands_at(TENANT, 1, 3)
    notifier = upgraded()
    notifier.deliver(*clicks(3, 2))
    time_machine.shift(SETTLE + timedelta(seconds=1))
    sweep(notifier)
    assert log(notifier)[3:] == [(AFFILIATES, 2), (AFFILIATES, 3)]


def test_a_failed_event_goes_on_holding_its_source_and_no_longer_the_other(before, upgraded, time_machine):
    [bad, later], [click] = renames(3, 4), clicks(2)
    before.logged(*renames(1, 2), *clicks(1))
    before.stands_at(TENANT, 1, 2)
    before.failed(bad)
    before.waits(later, since=utcnow() - timedelta(hours=1))
    notifier = upgraded()
    assert cursors(notifier) == {(IDENTITY, TENANT): (3, 2), (AFFILIATES, TENANT): (2, None)}
    sweep(notifier)
    notifier.deliver(click)
    assert log(notifier)[3:] == [(AFFILIATES, 2)]
    notifier.retry_all()
    assert log(notifier)[4:] == [(IDENTITY, 3), (IDENTITY, 4)]


def test_what_waits_where_the_beginning_is_open_waits_for_as_long_as_anew(before, upgraded):
    """Its predecessor may be in the queue while the consumers are replaced."""
    before.logged(*renames(1), *clicks(2, 3))
    before.stands_at(TENANT, 1, 3)
    before.waits(*clicks(5), since=utcnow() - timedelta(hours=1))
    notifier = upgraded()
    sweep(notifier)
    assert len(log(notifier)) == 3
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert utcnow() - session.scalar(select(AheadRow.since)) < timedelta(minutes=1)
    notifier.deliver(*clicks(4))
    assert log(notifier)[3:] == [(AFFILIATES, 4), (AFFILIATES, 5)]


def test_a_subject_that_the_log_has_forgotten_begins_anew(before, upgraded, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z", tick=False)
    before.stands_at(TENANT, 1, 40)
    notifier = upgraded()
    assert cursors(notifier) == {}
    notifier.deliver(*renames(41))
    time_machine.shift(SETTLE + timedelta(seconds=1))
    sweep(notifier)
    assert log(notifier) == [(IDENTITY, 41)]
