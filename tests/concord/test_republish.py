"""``concord events republish``: the same events again, with their ids, in order, from outbox and archive."""

from datetime import timedelta
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select, update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.messaging.broker import Message, connect
from chassis.messaging.outbox import OutboxRow, add_rows, row_of
from chassis.messaging.relay import Relay
from concord import events
from concord.cli import main
from services.prm.events import RelationshipInvited
from tests.chassis.broker_helpers import collect, ids
from tests.plugin import principal

SYSTEM = Principal.system("prm")
AGES = [timedelta(hours=hours) for hours in (30, 20, 10, 0)]


@pytest.fixture
def broker(prm, tmp_path):
    broker = connect(f"embedded://{tmp_path}/broker.db", "test")
    yield broker
    broker.close()


@pytest.fixture
def sent(prm, broker):
    """Four events that were published, the first 30 hours ago."""
    with acting_as(SYSTEM), prm.database.begin() as session:
        now, actor = utcnow(), principal()
        rows = [row_of(_event(), uuid4(), 1, tenants=(uuid4(),), actor=actor, now=now - age) for age in AGES]
        add_rows(session, rows)
    Relay("prm", prm.database, broker).publish_batch()
    broker.declare("late", ["prm.#"])
    return [str(row["event_id"]) for row in rows]


def _event():
    names = RelationshipInvited.__dataclass_fields__
    values = {"supplier_name": "Nordic", "retailer_name": "Fjord", "status": "Invited"}
    return RelationshipInvited(**{name: values.get(name, uuid4()) for name in names})


def republish(*words, since):
    moment = (utcnow() - since).strftime("%Y-%m-%dT%H:%M:%SZ")
    return CliRunner().invoke(main, ["events", "republish", "--service", "prm", "--since", moment, *words])


def test_what_was_sent_since_then_is_published_again(broker, sent):
    result = republish(since=timedelta(hours=21))
    assert result.exit_code == 0, result.output
    assert result.output.endswith("3 events published again.\n")
    assert ids(collect(broker, "late", 3)) == sent[1:]


def test_pages_follow_each_other(broker, sent, monkeypatch):
    monkeypatch.setattr(events, "PAGE", 2)
    republish(since=timedelta(hours=48))
    assert ids(collect(broker, "late", 4)) == sent


def test_what_the_outbox_has_forgotten_comes_from_the_archive(prm, broker, sent):
    broker.publish([Message(str(uuid4()), "campaigns.InviteCreated.v1", b"{}")])
    with acting_as(SYSTEM), prm.database.begin() as session:
        session.execute(delete(OutboxRow).where(OutboxRow.created_at < utcnow() - timedelta(hours=15)))
        session.execute(update(OutboxRow).values(created_at=utcnow() + timedelta(seconds=5)))
    result = republish(since=timedelta(hours=40))
    assert sorted(set(ids(collect(broker, "late", 4)))) == sorted(sent), result.output


def test_only_the_types_asked_for(broker, sent):
    assert republish("--type", "prm.Other.*", since=timedelta(hours=48)).output.endswith("0 events published again.\n")
    assert broker.depth("late") == 0


def test_what_waits_for_the_relay_is_left_to_it(prm, broker, sent):
    with acting_as(SYSTEM), prm.database.begin() as session:
        newest = session.scalar(select(OutboxRow.id).order_by(OutboxRow.id.desc()))
        session.execute(update(OutboxRow).where(OutboxRow.id == newest).values(sent_at=None))
    republish(since=timedelta(hours=21))
    assert ids(collect(broker, "late", 2)) == sent[1:3]
