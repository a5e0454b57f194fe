"""The verdict bites: each kind of damage, done by hand to the books of a run, is found."""

import json
import shutil
from collections import Counter, defaultdict
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data.base import ChassisBase
from chassis.data.database import Database
from chassis.messaging.broker import connect
from chassis.messaging.events import source_of
from chassis.messaging.inbox import InboxRow
from chassis.messaging.outbox import OutboxRow
from chassis.messaging.retry_table import RetryRow
from concord import platform
from concord.published import published
from services.notifier.deliveries.models import Delivery
from services.notifier.event_log.models import LoggedEvent
from services.notifier.webhooks.models import WebhookMessage
from tests.chaos import books, fleet, ledger, verdict
from tests.chaos.client import Accepted
from tests.chaos.load import Hook

TENANT = uuid4()
SUBJECT = uuid4()
TYPE = "messaging.MessagePosted.v1"
MAIL = "<1@concord.example>"
START = utcnow()
NAMES = (*platform.SERVICES, ledger.NAME)
OTHERS = [event.type for event in published() if event.type != TYPE]


class Damage:
    """The databases in a folder after a small clean run, and what breaks them: three events of one thread, one of each
    other type, one mail.

    The first event of the thread happened before its tenant had a webhook.
    """

    def __init__(self, folder):
        self.folder = folder
        self.books = books.Books(f"sqlite:///{folder}/{{service}}.db", f"embedded:///{folder}/broker.db")
        self.databases = {name: Database(f"sqlite:///{folder}/{name}.db") for name in NAMES}
        self.hook = Hook(str(uuid4()), str(TENANT), START)
        self.sent = []
        self.position = 0
        self.events = [uuid4() for _ in range(3)]
        places = [(event_id, TYPE, SUBJECT, number) for number, event_id in enumerate(self.events, start=1)]
        self.happen(*places, *((uuid4(), event_type, uuid4(), 1) for event_type in OTHERS))
        self.sent.remove(self.events[0])

    def happen(self, *places):
        """Publish events (id, type, subject, number) and let everybody take them; one transaction a database."""
        rows = defaultdict(list)
        for event_id, event_type, subject, number in places:
            rows[event_type.partition(".")[0]].append(outbox_row(event_id, event_type, subject, number, self.events[0]))
            rows["ledger"].append(effect(event_id, event_type, subject, number))
            rows["notifier"].append(self.logged(event_id))
            if event_type == verdict.INVITED:
                rows["notifier"].append(delivery(event_id=event_id))
            for home, subscriber in books.listeners():
                if books.is_for(subscriber, event_type):
                    rows[home].append(InboxRow(consumer=subscriber.name, event_id=event_id, handled_at=utcnow()))
            self.sent.append(event_id)
        for name, batch in rows.items():
            self.add(name, *batch)

    def logged(self, event_id):
        self.position += 1
        return LoggedEvent(position=self.position, event_id=event_id, body="{}", logged_at=utcnow())

    def add(self, name, *rows):
        with acting_as(Principal.system("test")), self.databases[name].begin() as session:
            for row in rows:
                session.add(row)
                session.flush()

    def remove(self, name, model, where):
        with acting_as(Principal.system("test")), self.databases[name].begin() as session:
            session.execute(delete(model).where(where))

    def judged(self, posted=None, sent=None, **accepted):
        mails = Counter({MAIL: 1} if posted is None else posted)
        received = verdict.Received(mails, {self.hook.tenant_id: self.sent if sent is None else sent})
        return verdict.judge(self.books, Accepted(**accepted), [self.hook], received)


def effect(event_id, event_type, subject, number):
    place = {"source": source_of(event_type), "subject": subject, "sequence": number}
    return ledger.Effect(event_id=event_id, **place, at=utcnow())


def outbox_row(event_id, event_type, subject, number, first):
    body = {"source": source_of(event_type), "subject": str(subject), "tenantids": f"{UUID(int=1)},{TENANT}"}
    at = START + timedelta(seconds=-1 if event_id == first else 1)
    place = {"type": event_type, "subject": subject, "sequence": number}
    return OutboxRow(event_id=event_id, **place, body=json.dumps(body), created_at=at, sent_at=utcnow())


def delivery(**changes):
    now = utcnow()
    about = {
        "id": uuid4(),
        "event_id": uuid4(),
        "template": "invite",
        "category": "must-arrive",
        "topic": "campaign_invite",
        "tenant_id": uuid4(),
        "recipient": uuid4(),
        "user_id": uuid4(),
        "context": {},
        "subject": "s",
        "message_id": MAIL,
        "state": "sent",
        "attempts": 1,
        "created_at": now,
        "queued_at": now,
    }
    return Delivery(**about | changes)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A folder with the databases of all services and of the ledger, made once."""
    folder = tmp_path_factory.mktemp("empty")
    for name in NAMES:
        database = Database(f"sqlite:///{folder}/{name}.db")
        own = ledger.Base.metadata if name == ledger.NAME else platform.load(name).metadata
        for metadata in (ChassisBase.metadata, own):
            metadata.create_all(database.engine)
        database.close()
    return folder


@pytest.fixture
def damage(tmp_path, empty):
    shutil.copytree(empty, tmp_path, dirs_exist_ok=True)
    made = Damage(tmp_path)
    yield made
    for database in made.databases.values():
        database.close()


def test_a_clean_run_is_clean(damage):
    findings = damage.judged()
    assert (findings.clean, findings.events, findings.mails) == (True, 3 + len(OTHERS), 1)


def test_what_was_promised_and_is_missing_is_lost(damage):
    assert len(damage.judged(campaigns={"c": "n"}).lost) == 1
    assert len(damage.judged(invites={"c": {"r1", "r2"}}).lost) == 2
    assert len(damage.judged(responses={"i": "Accepted"}).lost) == 1
    assert len(damage.judged(messages={"m": "text"}).lost) == 1


def test_an_event_that_took_no_effect_is_lost(damage):
    damage.remove("ledger", ledger.Effect, ledger.Effect.event_id == damage.events[1])
    findings = damage.judged()
    assert (len(findings.lost), findings.doubled, findings.inverted) == (1, [], [])


@pytest.mark.parametrize(("home", "subscriber"), books.listeners(), ids=lambda one: getattr(one, "name", one))
def test_an_event_that_one_subscriber_never_saw_is_lost(damage, home, subscriber):
    with damage.books.open(home) as session:
        mine = select(InboxRow.event_id).where(InboxRow.consumer == subscriber.name)
        some = session.scalars(mine.limit(1)).one()
    damage.remove(home, InboxRow, (InboxRow.event_id == some) & (InboxRow.consumer == subscriber.name))
    [lost] = damage.judged().lost
    assert lost.endswith(f"{some} for {subscriber.name}")


def test_an_event_that_is_not_in_the_log_is_lost(damage):
    damage.remove("notifier", LoggedEvent, LoggedEvent.event_id == damage.events[2])
    [lost] = damage.judged().lost
    assert lost.endswith(f"{damage.events[2]} for the event log")


def test_what_one_source_tells_of_a_subject_is_not_made_up_for_by_another(damage):
    """D63: the fault that went unnoticed. Both number from 1; the second one's never reached the log."""
    damage.happen((clicked := uuid4(), "affiliates.ClickRecorded.v1", SUBJECT, 1))
    assert damage.judged().clean
    damage.remove("notifier", LoggedEvent, LoggedEvent.event_id == clicked)
    damage.sent.remove(clicked)
    findings = damage.judged()
    assert len(findings.lost) == 2
    assert all(str(clicked) in lost for lost in findings.lost)


def test_an_event_that_its_webhook_was_never_sent_is_lost(damage):
    [lost] = damage.judged(sent=damage.sent[:-1]).lost
    assert f"webhook {damage.hook.id}" in lost


def test_a_webhook_may_get_an_event_twice_but_not_out_of_its_sequence(damage):
    assert damage.judged(sent=[*damage.sent, *damage.sent]).clean
    second, third, *others = damage.sent
    findings = damage.judged(sent=[third, second, *others])
    assert (len(findings.inverted), findings.lost) == (1, [])


def test_a_webhook_message_that_was_given_up_is_lost(damage):
    damage.add("notifier", webhook_message(state="delivered"))
    assert damage.judged().clean
    damage.add("notifier", webhook_message(state="failed"))
    assert len(damage.judged().lost) == 1


def webhook_message(**changes):
    now = utcnow()
    about = {"webhook_id": uuid4(), "event_id": uuid4(), "tenant_id": TENANT, "position": 1, "type": TYPE}
    about |= {"subject": SUBJECT, "attempts": 1, "queued_at": now, "finished_at": now}
    return WebhookMessage(**about | changes)


def test_an_effect_that_stands_twice_is_doubled(damage):
    damage.add("ledger", effect(damage.events[2], TYPE, SUBJECT, 3))
    assert len(damage.judged().doubled) == 1


def test_effects_in_another_order_than_their_sequence_are_inverted(damage):
    damage.remove("ledger", ledger.Effect, ledger.Effect.event_id == damage.events[1])
    damage.add("ledger", effect(damage.events[1], TYPE, SUBJECT, 2))
    findings = damage.judged()
    assert (len(findings.inverted), findings.lost, findings.doubled) == (1, [], [])


def test_a_log_in_another_order_than_the_sequence_is_inverted(damage):
    damage.remove("notifier", LoggedEvent, LoggedEvent.event_id == damage.events[0])
    damage.add("notifier", damage.logged(damage.events[0]))
    [inverted] = damage.judged().inverted
    assert inverted.endswith("for the event log")


def test_an_event_that_nobody_published_is_wrong(damage):
    damage.add("notifier", damage.logged(uuid4()))
    assert any("nobody published" in finding for finding in damage.judged().wrong)


def test_a_gap_in_a_series_is_wrong(damage):
    damage.happen((uuid4(), TYPE, SUBJECT, 9))
    assert any("sequences" in finding for finding in damage.judged().wrong)


def test_a_type_that_nobody_made_is_wrong(damage):
    damage.remove("affiliates", OutboxRow, OutboxRow.type == "affiliates.ClickRecorded.v1")
    assert "nobody made a affiliates.ClickRecorded.v1" in damage.judged().wrong


def test_a_mail_that_never_came_is_lost_and_one_that_may_come_again_is_not_doubled(damage):
    assert damage.judged(posted={}).lost
    findings = damage.judged(posted={MAIL: 2})
    assert (findings.clean, findings.repeated_mails) == (True, 1)


def test_a_mail_that_must_come_once_and_came_twice_is_doubled(damage):
    damage.add("notifier", delivery(category="once", message_id="<2@concord.example>"))
    assert damage.judged(posted={MAIL: 1, "<2@concord.example>": 2}).doubled


def test_a_mail_that_nobody_wrote_and_an_event_that_was_given_up_are_wrong(damage):
    assert damage.judged(posted={MAIL: 1, "<stranger@concord.example>": 1}).wrong
    now = utcnow()
    row = RetryRow(
        consumer="notifier", event_id="e", type="t", body="{}", state="dead", error="x", parked_at=now, next_at=now
    )
    damage.add("notifier", row)
    assert damage.judged().wrong


def test_what_a_consumer_holds_or_died_with_is_still_under_way(damage):
    """Such an event is in no queue's depth."""
    broker = connect(f"embedded:///{damage.folder}/broker.db", "test")
    for name in fleet.subscribers():
        broker.declare(name, [])
    broker.close()
    assert damage.books.under_way() == {}
    damage.remove("notifier", InboxRow, (InboxRow.consumer == "notifier.log") & (InboxRow.event_id == damage.events[1]))
    assert damage.books.under_way() == {"notifier.log missing": 1}


def test_a_message_that_a_webhook_waits_for_is_still_under_way(damage):
    broker = connect(f"embedded:///{damage.folder}/broker.db", "test")
    for name in fleet.subscribers():
        broker.declare(name, [])
    broker.close()
    damage.add("notifier", webhook_message(state="waiting", finished_at=None))
    assert damage.books.under_way() == {"webhooks": 1}
