"""There is a number for whatever may become of a mail."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from prometheus_client import REGISTRY

from chassis.core.clock import utcnow
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound.channels.base import NotTaken
from tests.notifier.helpers import (
    FJORD,
    choose,
    claim,
    invite_created,
    mark,
    message_posted,
    own_settings,
    queue,
    send,
    settle,
    thread_read,
    user_added,
    user_removed,
)

ALL_DAY = {"from": "00:01", "until": "23:59"}


def refuse(notifier, inbox, answer):
    inbox.answers["RCPT"].append(answer)
    send(notifier)


def vanish(notifier, inbox):
    mark(notifier, category="once")
    claim(notifier)
    with time_machine.travel(utcnow() + own_settings(notifier).lease + timedelta(seconds=1)):
        send(notifier)


def choose_and_send(notifier, inbox, **chosen):
    choose(notifier, **chosen)
    send(notifier)


def remove_while_sending(notifier, inbox, *news):
    claimed = claim(notifier)
    notifier.deliver(user_removed(), *news)
    settle(notifier, claimed, NotTaken(Trouble.TEMPORARY, "451 later"))
    inbox.answers["RCPT"].append("550 not this time")
    with time_machine.travel(utcnow() + timedelta(hours=1)):
        send(notifier)


WAYS = {
    "sent": lambda notifier, _inbox: send(notifier),
    "deferred": lambda *of: refuse(*of, "451 later"),
    "failed": lambda *of: refuse(*of, "550 no"),
    "uncertain": vanish,
    "suppressed": lambda *of: choose_and_send(*of, topics={"invite": "off"}),
    "postponed": lambda *of: choose_and_send(*of, quietHours=ALL_DAY),
    "readdressed": lambda *of: remove_while_sending(*of, user_added(uuid4(), FJORD, email="rita@fjord.example")),
    "no_recipient": remove_while_sending,
}


def counted(outcome, topic="invite"):
    return REGISTRY.get_sample_value("concord_mails_total", {"topic": topic, "outcome": outcome}) or 0


@pytest.mark.parametrize("outcome", WAYS)
def test_each_outcome_is_counted(notifier, inbox, outcome):
    with time_machine.travel("2026-03-02T12:00:00+01:00"):
        queue(notifier)
        before = counted(outcome)
        WAYS[outcome](notifier, inbox)
    assert counted(outcome) == before + 1


def test_what_consumers_decide_against_is_counted_once_it_is_committed(notifier):
    """Not when it was rolled back: an event beside it that fails lets all of them be handled again."""
    notifier.deliver(user_added(), user_added(uuid4(), email="rita@fjord.example"), invite_created(), message_posted(2))
    invites, messages = counted("suppressed"), counted("suppressed", "message")
    broken = invite_created() | {"data": {}}
    notifier.deliver(thread_read(3), user_removed(), broken)
    assert (counted("suppressed") - invites, counted("suppressed", "message") - messages) == (1, 2)


def test_what_a_sender_passes_on_is_counted_once(notifier, inbox):
    notifier.deliver(user_added(), user_added(uuid4(), email="rita@fjord.example"), invite_created())
    before = counted("suppressed")
    claims = [claim(notifier), claim(notifier)]
    notifier.deliver(user_removed())
    for claimed in claims:
        settle(notifier, claimed, NotTaken(Trouble.TEMPORARY, "451 later"))
    with time_machine.travel(utcnow() + timedelta(hours=1)):
        send(notifier)
    assert counted("suppressed") == before + 1
