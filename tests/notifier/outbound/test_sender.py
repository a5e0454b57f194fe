"""Handing mails over to real SMTP servers, good and bad, and what each outcome leaves behind (S0-28)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.headerregistry import Address
from operator import methodcaller
from unittest.mock import Mock
from uuid import uuid4

import psycopg
import pytest
import time_machine
from prometheus_client import REGISTRY
from sqlalchemy import select, update

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict
from chassis.core.principal import acting_as
from services.notifier.audience.models import Contact
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound import sender, settlement
from services.notifier.outbound.channels.base import NotTaken
from services.notifier.outbound.models import Bounce
from tests.notifier.helpers import (
    FJORD,
    SYSTEM,
    TEXT,
    BadServer,
    Inbox,
    claim,
    deliveries,
    free_port,
    invite_created,
    mail_server,
    mark,
    own_settings,
    queue,
    send,
    settle,
    states,
    user_added,
)


def only(notifier):
    [row] = deliveries(notifier)
    return row


def counted(outcome):
    return REGISTRY.get_sample_value("concord_mails_total", {"topic": "invite", "outcome": outcome}) or 0


def test_a_mail_is_handed_over(notifier, inbox):
    """S0-27"""
    before = counted("sent")
    queue(notifier)
    send(notifier)
    row = only(notifier)
    assert (row.state, row.attempts, row.next_at, row.last_error) == ("sent", 1, None, None)
    assert row.sent_at is not None
    [(to, message)] = inbox.taken
    assert to == "rolf@fjord-retail.example"
    assert message["Message-ID"] == row.message_id
    assert message["To"].addresses == (Address("Rolf Fjord", "rolf", "fjord-retail.example"),)
    assert "Spring Showroom Push" in message["Subject"]
    assert "run the 10% bundle offer." in message.get_body(("plain",)).get_content()
    assert counted("sent") == before + 1


def test_a_mail_whose_outcome_was_committed_as_the_connection_was_lost_counts_as_sent(notifier, inbox, monkeypatch):
    """The outcome is written again, which changes nothing; the address that takes mail again is no longer counted."""
    if notifier.database.dialect != "postgresql":
        pytest.skip("a file is never lost")
    queue(notifier)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        settlement.count_bounce(session, "rolf@fjord-retail.example", utcnow())
    before, lost = counted("sent"), []

    def execute_and_lose(connection, statement, *args, **kwargs):
        cursor = execute(connection, statement, *args, **kwargs)
        if statement.startswith("UPDATE deliveries") and "sent_at" in statement and not lost:
            lost.append(statement)
            connection.close()
            raise psycopg.OperationalError("lost")
        return cursor

    execute = psycopg.Connection.execute
    monkeypatch.setattr(psycopg.Connection, "execute", execute_and_lose)
    send(notifier)
    assert (len(lost), len(inbox.taken), only(notifier).state) == (1, 1, "sent")
    assert counted("sent") == before + 1
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert session.scalars(select(Bounce)).all() == []


@pytest.mark.parametrize("count", [1, 3])
def test_an_outcome_that_cannot_be_committed_is_an_error_also_the_last(notifier, inbox, monkeypatch, count):
    queue(notifier, count)
    outcomes = [None] * (count - 1) + [RuntimeError("away")]
    monkeypatch.setattr(settlement, "settle", Mock(side_effect=outcomes))
    with pytest.raises(RuntimeError, match="away"):
        send(notifier)
    assert len(inbox.taken) == count


def test_one_connection_serves_a_batch(notifier, inbox):
    queue(notifier, 12)
    send(notifier)
    assert len(set(inbox.message_ids)) == len(inbox.taken) == 12
    assert inbox.connections == 1


def test_a_refused_mail_has_failed_and_says_why(notifier, inbox):
    inbox.answers["RCPT"].append("550 5.1.1 no such user here")
    queue(notifier, 2)
    send(notifier)
    assert states(notifier) == ["failed", "sent"]
    [failed] = deliveries(notifier, state="failed")
    assert "550" in failed.last_error
    assert "no such user here" in failed.last_error
    assert (failed.next_at, failed.sent_at) == (None, None)
    assert inbox.connections == 1


def test_a_deferred_mail_is_tried_again_later_with_growing_delays(notifier, inbox):
    inbox.answers["RCPT"] += ["451 4.7.1 greylisted"] * 8
    queue(notifier)
    waits, now = [], utcnow()
    for attempt in range(1, 9):
        with time_machine.travel(now, tick=False):
            send(notifier)
            row = only(notifier)
            assert (row.state, row.attempts) == ("new", attempt)
            assert "greylisted" in row.last_error
            waits.append((row.next_at - utcnow()).total_seconds())
            send(notifier)
            assert only(notifier).attempts == attempt, "not before its time"
        now = row.next_at + timedelta(seconds=1)
    for wait, longest in zip(waits, [10, 60, 300, 900, 1800, 3600, 3600, 3600], strict=True):
        assert longest / 2 <= wait <= longest
    with time_machine.travel(now):
        send(notifier)
    assert only(notifier).state == "sent"
    assert len(inbox.taken) == 1


def test_a_mail_that_nobody_took_for_a_day_has_failed(notifier, inbox):
    inbox.answers["RCPT"] += ["451 later"] * 2
    queue(notifier)
    send(notifier)
    with time_machine.travel(utcnow() + timedelta(hours=24, minutes=1)):
        send(notifier)
    row = only(notifier)
    assert (row.state, row.next_at) == ("failed", None)
    assert "451 later" in row.last_error


def test_a_server_that_is_away_loses_nothing(notifier, configure):
    """S0-28"""
    configure(SMTP_URL=f"smtp://127.0.0.1:{free_port()}", SMTP_TIMEOUT=1)
    queue(notifier)
    send(notifier)
    row = only(notifier)
    assert (row.state, row.attempts) == ("new", 1)
    assert "takes no mail from us" in row.last_error
    assert "127.0.0.1" not in row.last_error
    inbox = Inbox()
    with mail_server(inbox) as port, time_machine.travel(row.next_at + timedelta(seconds=1)):
        configure(SMTP_URL=f"smtp://127.0.0.1:{port}")
        send(notifier)
    assert inbox.message_ids == [row.message_id]


def test_an_absent_server_is_asked_once_a_round_not_once_a_mail(notifier, configure):
    configure(SMTP_URL=f"smtp://127.0.0.1:{free_port()}", SMTP_TIMEOUT=1)
    queue(notifier, 5)
    send(notifier)
    assert sorted(row.attempts for row in deliveries(notifier)) == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(("category", "state"), [("must-arrive", "new"), ("once", "uncertain")])
def test_a_server_that_hangs_after_the_text(notifier, configure, category, state):
    """Nobody knows whether it arrived; a mail that must not come twice then stays ``uncertain``."""
    with BadServer(TEXT, "hang") as server:
        configure(SMTP_URL=f"smtp://127.0.0.1:{server.port}", SMTP_TIMEOUT=0.1)
        queue(notifier)
        mark(notifier, category=category)
        send(notifier)
    row = only(notifier)
    assert (row.state, row.attempts) == (state, 1)
    assert row.last_error
    assert (row.next_at is None) == (state == "uncertain")


def test_what_may_have_arrived_is_sent_again_under_the_same_message_id(notifier, configure):
    with BadServer(TEXT, "close") as server:
        configure(SMTP_URL=f"smtp://127.0.0.1:{server.port}", SMTP_TIMEOUT=0.5)
        queue(notifier)
        send(notifier)
    fixed = only(notifier).message_id
    inbox = Inbox()
    with mail_server(inbox) as port, time_machine.travel(utcnow() + timedelta(minutes=1)):
        configure(SMTP_URL=f"smtp://127.0.0.1:{port}")
        send(notifier)
    assert inbox.message_ids == [fixed]
    assert only(notifier).state == "sent"


def test_an_address_that_cannot_be_mailed_fails_alone(notifier, inbox):
    queue(notifier)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        contact = session.get(Contact, only(notifier).user_id)
        contact.email = "not an address"
    send(notifier)
    row = only(notifier)
    assert row.state == "failed"
    assert "No mail can be sent to this recipient" in row.last_error
    assert inbox.taken == []


def test_a_mistake_of_ours_is_tried_again_after_it_was_mended(notifier, inbox):
    queue(notifier, 2)
    first = deliveries(notifier)[0]
    with acting_as(SYSTEM), notifier.database.begin() as session:
        session.get(Delivery, first.id).context = {"campaign_name": "incomplete"}
    send(notifier)
    assert states(notifier) == ["new", "sent"]
    [row] = deliveries(notifier, state="new")
    assert "has been logged" in row.last_error


def test_only_a_vanished_senders_mail_is_taken_over(notifier, inbox):
    """Killed between claim and outcome: the row waits for its lease, then goes out under the same Message-ID."""
    queue(notifier)
    first = claim(notifier)
    assert only(notifier).state == "sending"
    assert claim(notifier) is None
    later = utcnow() + own_settings(notifier).lease + timedelta(seconds=1)
    with time_machine.travel(later):
        send(notifier)
    assert inbox.message_ids == [first.delivery.message_id]
    assert (only(notifier).state, only(notifier).attempts) == ("sent", 2)


def test_what_must_not_come_twice_stays_uncertain_after_its_sender_vanished(notifier, inbox):
    queue(notifier)
    mark(notifier, category="once")
    first = claim(notifier)
    with time_machine.travel(utcnow() + own_settings(notifier).lease + timedelta(seconds=1)):
        send(notifier)
    row = only(notifier)
    assert (row.state, row.next_at) == ("uncertain", None)
    assert inbox.taken == []
    settle(notifier, first)
    assert only(notifier).state == "sent", "its sender was only slow, and knows"


def test_a_sender_slower_than_its_lease_has_no_say(notifier):
    queue(notifier)
    slow = claim(notifier)
    quick = claim(notifier, utcnow() + own_settings(notifier).lease + timedelta(seconds=1))
    assert quick.id == slow.id
    settle(notifier, slow, NotTaken(Trouble.PERMANENT, "550"))
    assert only(notifier).state == "sending"
    settle(notifier, quick)
    assert only(notifier).state == "sent"
    settle(notifier, slow, NotTaken(Trouble.TEMPORARY, "451"))
    assert only(notifier).state == "sent"


@pytest.mark.parametrize(
    "change",
    [
        methodcaller("outlive_lease"),
        methodcaller("lose_recipient", "gone"),
        methodcaller("address_to", None, utcnow()),
        methodcaller("suppress", "no"),
    ],
    ids=["outlive_lease", "lose_recipient", "address_to", "suppress"],
)
def test_a_sent_mail_goes_nowhere_else(change):
    with pytest.raises(Conflict) as refused:
        change(Delivery(state="sent", category="once"))
    assert refused.value.code == "invalid_transition"


def test_a_sent_mail_is_not_begun_again(notifier):
    queue(notifier, 2)
    sent, due = deliveries(notifier)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        session.execute(update(Delivery).where(Delivery.id == sent.id).values(state="sent"))
        session.execute(Delivery.claim([sent.id, due.id], utcnow()))
    assert [(row.state, row.attempts) for row in deliveries(notifier)] == [("sent", 0), ("sending", 1)]


def test_a_mail_that_cannot_be_made_leaves_those_beside_it_alone(notifier, inbox):
    """The next letter is made while the server looks at the one before."""
    elsewhere = uuid4()
    notifier.deliver(
        user_added(),
        user_added(uuid4(), elsewhere, email="no name@shop.example"),
        *(invite_created(tenant) for tenant in (FJORD, elsewhere, FJORD)),
    )
    send(notifier)
    assert [row.state for row in deliveries(notifier)] == ["sent", "failed", "sent"]
    assert len(inbox.taken) == 2


def test_several_senders_send_each_mail_once(notifier, inbox):
    queue(notifier, 60)
    start = threading.Barrier(4)

    def run(_number):
        start.wait()
        send(notifier)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    send(notifier)
    assert states(notifier) == ["sent"] * 60
    assert len(inbox.taken) == len(set(inbox.message_ids)) == 60
    assert {row.attempts for row in deliveries(notifier)} == {1}


def test_a_mail_being_sent_blocks_nobody(notifier):
    """Nothing is locked while a server is waited for: others claim, read and write meanwhile."""
    queue(notifier, 2)
    assert claim(notifier).id != claim(notifier).id
    queue(notifier)
    assert states(notifier) == ["new", "sending", "sending"]


def test_the_claim_uses_its_index(notifier):
    if notifier.database.dialect == "postgresql":
        pytest.skip("PostgreSQL reads a small table whole, whatever indexes it has")
    from sqlalchemy.dialects import sqlite

    from services.notifier.deliveries.queries import _due

    statement = str(_due(utcnow(), 1).compile(dialect=sqlite.dialect()))
    with notifier.database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (utcnow().isoformat(), 1, 0)).all()
    assert [row[3] for row in plan] == ["SEARCH deliveries USING INDEX ix_deliveries_claimable (next_at<?)"]


def test_a_process_told_to_stop_gives_back_what_it_has_not_begun(notifier, inbox, monkeypatch):
    """So that nothing waits for the end of its lease, and no digest is uncertain, because of a new version."""
    queue(notifier, 3)
    stopping = threading.Event()
    monkeypatch.setattr(sender, "stopping", stopping)
    inbox.before_answer = lambda _taken: stopping.set()
    with acting_as(SYSTEM):
        assert not sender.send_due(notifier.runtime)
    assert sorted((row.state, row.attempts) for row in deliveries(notifier)) == [("new", 0), ("new", 0), ("sent", 1)]
    assert len(inbox.taken) == 1
