"""Secret links: asked of identity at the moment of sending, in the mail and nowhere else, and each mail once."""

import json
import os
import signal
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import MetaData, inspect, select

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from services.notifier.outbound.account_links import AWAY, ELSEWHERE, OVER, PAUSE
from tests.notifier.accounts import LINK, TOKEN, new_link, reset_requested, user_changed, user_invited
from tests.notifier.helpers import (
    SYSTEM,
    deliveries,
    invite_created,
    own_settings,
    send,
    states,
    user_added,
)
from tests.notifier.outbound.test_kill import fork_sender

KINDS = {"invitation": user_invited, "reset": reset_requested}
A_DAY = timedelta(days=1, minutes=1)


def queue(notifier, purpose="reset", **changes):
    notifier.deliver(*([user_added()] if purpose == "reset" else []), KINDS[purpose](**changes))


def send_in(notifier, delay):
    with time_machine.travel(utcnow() + delay):
        send(notifier)


@pytest.mark.parametrize("purpose", KINDS)
def test_identity_is_asked_by_the_notifier_itself_and_outside_of_a_transaction(notifier, inbox, identity, purpose):
    identity.give(purpose)
    queue(notifier, purpose)
    assert identity.asked == [], "only when it is sent"
    send(notifier)
    assert identity.asked == [(LINK, "notifier", "System")]
    assert states(notifier) == ["sent"]


@pytest.mark.parametrize("purpose", KINDS)
def test_no_link_is_in_a_row_a_log_or_an_answer(notifier, inbox, identity, caplog, purpose):
    """Searched for in every table, also those of the chassis."""
    identity.give(purpose)
    with caplog.at_level("DEBUG"):
        queue(notifier, purpose)
        inbox.answers["DATA"].append("451 later")
        send(notifier)
        send_in(notifier, timedelta(minutes=2))
    assert TOKEN in inbox.messages[0].get_body(("plain",)).get_content()
    ours = [record for record in caplog.records if record.name != "mail.log"]  # the mail server's, which has read it
    assert any("mail handled" in str(record.msg) for record in ours), "there is something to search"
    assert TOKEN not in str([(record.getMessage(), record.__dict__) for record in ours])
    assert TOKEN not in everything_stored(notifier)
    assert str(LINK) in everything_stored(notifier), "the search sees what is stored"


def everything_stored(notifier):
    metadata = MetaData()
    with acting_as(SYSTEM), notifier.database.read() as session:
        engine = session.get_bind()
        metadata.reflect(engine)
        assert {"deliveries", "event_log", "outbox", "audit"} <= set(inspect(engine).get_table_names())
        rows = [row._asdict() for table in metadata.sorted_tables for row in session.execute(select(table))]
    return json.dumps(rows, default=str)


@pytest.mark.parametrize("purpose", KINDS)
def test_a_link_that_is_used_replaced_or_over_is_not_mailed(notifier, inbox, identity, purpose):
    queue(notifier, purpose)
    send(notifier)
    [row] = deliveries(notifier)
    assert (row.state, row.last_error, row.next_at) == ("suppressed", OVER, None)
    assert inbox.taken == []


def test_of_two_invitations_the_newest_alone_is_mailed(notifier, inbox, identity):
    """Sent again: the first link is replaced."""
    newest = new_link()
    identity.give("invitation", link=newest)
    notifier.deliver(user_invited(), user_invited(sequence=2, linkId=newest))
    send(notifier)
    assert sorted(states(notifier)) == ["sent", "suppressed"]
    assert len(inbox.taken) == 1


@pytest.mark.parametrize("fault", ["away", 500, 503, "nonsense"])
def test_identity_away_loses_no_mail(notifier, inbox, identity, fault):
    """It is tried again as after every failure that may pass, and comes once."""
    identity.give("reset")
    if fault == "away":
        notifier.disconnect("identity")
    elif fault == "nonsense":
        identity.answer = {"token": 7}
    else:
        identity.status = fault
    queue(notifier)
    send(notifier)
    [row] = deliveries(notifier)
    assert (row.state, row.last_error, row.attempts) == ("new", AWAY, 1)
    assert row.next_at > utcnow()
    identity.status = identity.answer = None
    identity.reach_from(notifier)
    send_in(notifier, timedelta(minutes=2))
    send_in(notifier, timedelta(days=1))
    assert states(notifier) == ["sent"]
    assert inbox.message_ids == [row.message_id]


def test_identity_away_holds_up_no_other_mail(notifier, inbox, identity):
    """After a failure it is left alone for a moment: ten mails of accounts wait for it once, not ten times."""
    identity.status = 500
    notifier.deliver(user_added(), *(reset_requested(sequence=number) for number in range(2, 12)), invite_created())
    send(notifier)
    assert len(identity.asked) == 1
    assert states(notifier) == ["new"] * 10 + ["sent"]
    identity.status = None
    identity.give("reset")
    send_in(notifier, PAUSE + timedelta(seconds=61))
    assert states(notifier) == ["sent"] * 11


def test_a_mail_whose_link_identity_never_gave_out_has_failed_in_the_end(notifier, inbox, identity):
    identity.status = 500
    queue(notifier)
    send(notifier)
    send_in(notifier, A_DAY)
    [row] = deliveries(notifier)
    assert (row.state, row.last_error) == ("failed", AWAY)


def test_a_link_for_something_else_is_not_mailed(notifier, inbox, identity):
    identity.give("invitation")
    queue(notifier, "reset")
    send(notifier)
    assert (states(notifier), inbox.taken) == (["suppressed"], [])


def test_a_link_goes_to_no_address_but_the_accounts(notifier, inbox, identity):
    """What we know of the user may be older than what identity knows."""
    identity.give("reset", email="rolf@new.example")
    queue(notifier)
    send(notifier)
    [row] = deliveries(notifier)
    assert (row.state, row.last_error, inbox.taken) == ("new", ELSEWHERE, [])
    notifier.deliver(user_changed(sequence=3, email="rolf@new.example"))
    send_in(notifier, timedelta(minutes=2))
    assert [to for to, _ in inbox.taken] == ["rolf@new.example"]
    assert [row.address for row in deliveries(notifier)] == ["rolf@new.example"]


def test_spellings_of_one_address_are_one_mailbox(notifier, inbox, identity):
    """L4, D62"""
    identity.give("reset", email="Rolf@Fjord-Retail.example")
    queue(notifier)
    send(notifier)
    assert states(notifier) == ["sent"]


STEPS = {
    "before it is handed over": 1,
    "when it was taken but not confirmed": 2,
    "before its outcome is committed": 2,
}


@pytest.mark.parametrize("purpose", KINDS)
@pytest.mark.parametrize("step", STEPS)
def test_a_sender_that_is_killed_repeats_the_mail_under_its_message_id(notifier, inbox, identity, step, purpose):
    identity.give(purpose)
    queue(notifier, purpose)
    child = fork_sender(notifier, step)
    if step == "when it was taken but not confirmed":
        inbox.before_answer = lambda _taken: os.kill(child, signal.SIGKILL)
    _pid, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    inbox.before_answer = lambda _taken: None
    send_in(notifier, own_settings(notifier).lease + timedelta(seconds=1))
    [row] = deliveries(notifier)
    assert (len(inbox.taken), row.state) == (STEPS[step], "sent")
    assert set(inbox.message_ids) == {row.message_id}
    assert len({message.get_body(("plain",)).get_content() for message in inbox.messages}) == 1


def test_the_development_mailbox_shows_the_link(notifier, identity):
    """That is how a developer accepts an invitation."""
    identity.give("invitation")
    queue(notifier, "invitation")
    send(notifier)
    [mail] = notifier.client(None).get("/dev/mailbox.json?to=rolf@fjord-retail.example").json
    link = f"http://localhost:8080/account/invitation?token={TOKEN}"
    assert link in mail["text"]
    assert f'href="{link}"' in mail["html"]
