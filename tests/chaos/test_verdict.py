"""The verdict bites: each kind of damage, done by hand to the books of a run, is found."""

from collections import Counter
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete

from chassis.broker import connect
from chassis.clock import utcnow
from chassis.database import ChassisBase, Database
from chassis.identity import Principal, acting_as
from chassis.inbox import InboxRow, ParkedRow
from chassis.outbox import OutboxRow
from concord import platform
from services.notifier.models.deliveries import Delivery
from tests.chaos import fleet, ledger, verdict
from tests.chaos.load import Accepted

SUBJECT = uuid4()
TYPE = "messaging.MessagePosted.v1"
MAIL = "<1@concord.example>"


class Damage:
    """Databases of a small clean run: three events of one thread and one mail, and what breaks them."""

    def __init__(self, folder):
        self.folder = folder
        self.books = verdict.Books(f"sqlite:///{folder}/{{service}}.db", f"embedded:///{folder}/broker.db")
        self.databases = {name: self._made(folder, name) for name in (*platform.SERVICES, ledger.NAME)}
        self.events = [uuid4() for _ in range(3)]
        for number, event_id in enumerate(self.events, start=1):
            self.add("messaging", outbox_row(event_id, number))
            self.add("ledger", ledger.Effect(event_id=event_id, subject=SUBJECT, sequence=number, at=utcnow()))
            self.reach_everybody(event_id)
        self.add("notifier", delivery())

    def _made(self, folder, name):
        database = Database(f"sqlite:///{folder}/{name}.db")
        own = ledger.Base.metadata if name == ledger.NAME else platform.load(name).metadata
        for metadata in (ChassisBase.metadata, own):
            metadata.create_all(database.engine)
        return database

    def add(self, name, row):
        with acting_as(Principal.system("test")), self.databases[name].begin() as session:
            session.add(row)

    def remove(self, name, model, where):
        with acting_as(Principal.system("test")), self.databases[name].begin() as session:
            session.execute(delete(model).where(where))

    def reach_everybody(self, event_id):
        for home, subscriber in verdict.listeners():
            if verdict.is_for(subscriber, TYPE):
                self.add(home, InboxRow(consumer=subscriber.name, event_id=event_id, handled_at=utcnow()))

    def judged(self, posted=None, **accepted):
        return verdict.judge(self.books, Accepted(**accepted), Counter({MAIL: 1} if posted is None else posted))


def outbox_row(event_id, number):
    body = f'{{"tenantids": "{UUID(int=1)}"}}'
    return OutboxRow(
        event_id=event_id,
        type=TYPE,
        subject=SUBJECT,
        sequence=number,
        body=body,
        created_at=utcnow(),
        sent_at=utcnow(),
    )


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


@pytest.fixture
def damage(tmp_path):
    made = Damage(tmp_path)
    yield made
    for database in made.databases.values():
        database.close()


def test_a_clean_run_is_clean(damage):
    found = damage.judged()
    assert (found.clean, found.events, found.mails) == (True, 3, 1)


def test_what_was_promised_and_is_missing_is_lost(damage):
    assert len(damage.judged(campaigns={"c": "n"}).lost) == 1
    assert len(damage.judged(invites={"c": {"r1", "r2"}}).lost) == 2
    assert len(damage.judged(responses={"i": "Accepted"}).lost) == 1
    assert len(damage.judged(messages={"m": "text"}).lost) == 1


def test_an_event_that_took_no_effect_is_lost(damage):
    damage.remove("ledger", ledger.Effect, ledger.Effect.sequence == 2)
    found = damage.judged()
    assert (len(found.lost), found.doubled, found.inverted) == (1, [], [])


def test_an_event_that_one_subscriber_never_saw_is_lost(damage):
    damage.remove("notifier", InboxRow, InboxRow.event_id == damage.events[0])
    assert damage.judged().lost


def test_an_effect_that_stands_twice_is_doubled(damage):
    damage.add("ledger", ledger.Effect(event_id=damage.events[2], subject=SUBJECT, sequence=3, at=utcnow()))
    assert len(damage.judged().doubled) == 1


def test_effects_in_another_order_than_their_sequence_are_inverted(damage):
    for number in (5, 4):
        event_id = uuid4()
        damage.add("ledger", ledger.Effect(event_id=event_id, subject=SUBJECT, sequence=number, at=utcnow()))
    assert len(damage.judged().inverted) == 1


def test_a_gap_in_a_subjects_sequences_is_wrong(damage):
    event_id = uuid4()
    damage.add("messaging", outbox_row(event_id, 9))
    assert any("sequences" in each for each in damage.judged().wrong)


def test_a_mail_that_never_came_is_lost_and_one_that_may_come_again_is_not_doubled(damage):
    assert damage.judged(posted={}).lost
    found = damage.judged(posted={MAIL: 2})
    assert (found.clean, found.repeated_mails) == (True, 1)


def test_a_mail_that_must_come_once_and_came_twice_is_doubled(damage):
    damage.add("notifier", delivery(category="once", message_id="<2@concord.example>"))
    assert damage.judged(posted={MAIL: 1, "<2@concord.example>": 2}).doubled


def test_a_mail_that_nobody_wrote_and_an_event_that_was_given_up_are_wrong(damage):
    assert damage.judged(posted={MAIL: 1, "<stranger@concord.example>": 1}).wrong
    now = utcnow()
    row = ParkedRow(
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
