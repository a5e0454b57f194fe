"""New-message mails: gathered for a while, one a thread, none when everything was read meanwhile (S0-61, D14)."""

from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import pytest
import time_machine

from chassis.core.clock import utcnow
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound.channels.base import NotTaken
from tests.notifier.helpers import (
    ANNA,
    FJORD,
    NORDIC,
    anna_added,
    claim,
    deliveries,
    message_posted,
    send,
    settle,
    states,
    thread_read,
    user_added,
    user_removed,
)

LATER = timedelta(minutes=3, seconds=1)
RITA = uuid4()


@pytest.fixture(autouse=True)
def rolf(notifier):
    notifier.deliver(user_added())


def send_later(notifier, after=LATER):
    with time_machine.travel(utcnow() + after):
        send(notifier)


def text_of(message):
    return message.get_body(("plain",)).get_content()


def test_the_first_waits_three_minutes_for_more(notifier, inbox):
    notifier.deliver(message_posted(2, preview="First"))
    send(notifier)
    assert inbox.taken == []
    notifier.deliver(message_posted(4, preview="Third"), message_posted(3, preview="Second"))
    send_later(notifier)
    [message] = inbox.messages
    assert message["Subject"] == "Spring campaign artwork: new message from Nordic Heating"
    text = text_of(message)
    assert text.index("First") < text.index("Second") < text.index("Third")
    assert states(notifier) == ["sent"]


def test_what_comes_later_is_another_mail_of_the_same_thread(notifier, inbox):
    notifier.deliver(message_posted(2))
    send_later(notifier)
    notifier.deliver(message_posted(3))
    send_later(notifier)
    first, second = inbox.messages
    assert first["Message-ID"] != second["Message-ID"]
    assert first["References"] == second["References"]


def test_each_thread_has_its_own_mail(notifier, inbox):
    notifier.deliver(message_posted(), message_posted(thread=uuid4(), subject="Pump display"))
    send_later(notifier)
    assert len({message["References"] for message in inbox.messages}) == 2


def test_none_is_sent_when_everything_was_read_meanwhile(notifier, inbox):
    notifier.deliver(message_posted(2), message_posted(3), thread_read(4))
    send_later(notifier)
    assert inbox.taken == []
    [row] = deliveries(notifier)
    assert (row.state, row.last_error) == ("suppressed", "Everything in it was read before it was sent.")


def test_only_what_is_still_unread_is_told(notifier, inbox):
    notifier.deliver(message_posted(2, preview="Old"), thread_read(3), message_posted(4, preview="New"))
    send_later(notifier)
    [message] = inbox.messages
    assert "New" in text_of(message)
    assert "Old" not in text_of(message)


def test_no_order_of_arrival_tells_of_what_was_read(notifier):
    """The numbers of the thread's events say what came before what; two consumers may take them in any order."""
    for order in permutations([("posted", 2), ("posted", 3), ("read", 4), ("posted", 5)]):
        thread = uuid4()
        for kind, number in order:
            notifier.deliver(
                thread_read(number, thread=thread) if kind == "read" else message_posted(number, thread=thread)
            )
        rows = [row for row in deliveries(notifier, thread_id=thread) if row.state == "new"]
        assert [[item["sequence"] for item in row.context["messages"]] for row in rows] == [[5]], order


def test_what_the_other_side_reads_is_its_own_affair(notifier, inbox):
    notifier.deliver(message_posted(2), thread_read(3, by=NORDIC))
    send_later(notifier)
    assert len(inbox.taken) == 1


def test_a_mail_that_may_have_arrived_does_not_say_more_when_repeated(notifier, inbox):
    """A program that knows the Message-ID would hide what is new in it."""
    notifier.deliver(message_posted(2, preview="First"))
    claimed = claim(notifier, utcnow() + LATER)
    settle(notifier, claimed, NotTaken(Trouble.UNKNOWN, "closed"))
    notifier.deliver(message_posted(3, preview="Second"))
    send_later(notifier, timedelta(minutes=10))
    first, second = inbox.messages
    assert first["Message-ID"] == claimed.delivery.message_id
    assert "Second" not in text_of(first)
    assert "Second" in text_of(second)


def test_a_message_that_comes_while_its_thread_is_being_sent(notifier, inbox):
    notifier.deliver(message_posted(2))
    claimed = claim(notifier, utcnow() + LATER)
    notifier.deliver(message_posted(3))
    settle(notifier, claimed)
    assert states(notifier) == ["new", "sent"]


@pytest.mark.parametrize("answer", [NotTaken(Trouble.TEMPORARY, "later"), None], ids=["not taken", "sender vanished"])
def test_what_is_read_while_it_is_being_sent_is_not_told_by_a_repetition(notifier, inbox, answer):
    notifier.deliver(message_posted(2), message_posted(3, preview="New"))
    claimed = claim(notifier, utcnow() + LATER)
    notifier.deliver(thread_read(4))
    if answer:
        settle(notifier, claimed, answer)
    send_later(notifier, timedelta(minutes=10))
    assert inbox.taken == []
    [row] = deliveries(notifier)
    assert (row.state, row.last_error) == ("suppressed", "Everything in it was read before it was sent.")


def test_a_repetition_tells_of_what_is_still_unread(notifier, inbox):
    """Numbers say so: the thread was read between the two."""
    notifier.deliver(message_posted(2, preview="Old"), message_posted(4, preview="New"))
    claimed = claim(notifier, utcnow() + LATER)
    notifier.deliver(thread_read(3))
    settle(notifier, claimed, NotTaken(Trouble.TEMPORARY, "later"))
    send_later(notifier, timedelta(minutes=10))
    [message] = inbox.messages
    assert "New" in text_of(message)
    assert "Old" not in text_of(message)


def test_a_flood_of_messages_makes_one_mail_of_a_bounded_size(notifier, inbox):
    notifier.deliver(*(message_posted(number, preview=f"Number {number}.") for number in range(2, 42)))
    [row] = deliveries(notifier)
    assert [item["sequence"] for item in row.context["messages"]] == list(range(32, 42))
    send_later(notifier)
    [message] = inbox.messages
    assert "30 earlier messages are left out here" in text_of(message)
    assert "Number 41." in text_of(message)


def test_the_wait_is_a_setting(notifier, inbox, configure):
    configure(MESSAGE_DELAY="0", SMTP_URL=f"smtp://127.0.0.1:{inbox.port}")
    notifier.deliver(message_posted())
    send(notifier)
    assert states(notifier) == ["sent"]


def test_every_user_of_the_party_hears(notifier, inbox):
    notifier.deliver(anna_added(), user_added(RITA, FJORD, email="rita@fjord-retail.example"))
    notifier.deliver(message_posted(2), message_posted(3, to=NORDIC))
    send_later(notifier)
    assert sorted(to for to, _message in inbox.taken) == [
        "anna@nordic-heating.example",
        "rita@fjord-retail.example",
        "rolf@fjord-retail.example",
    ]
    assert len({message["References"] for message in inbox.messages}) == 3


def test_a_removed_users_messages_go_to_whoever_comes(notifier, inbox):
    notifier.deliver(message_posted(2), user_removed(), message_posted(3))
    assert states(notifier) == ["no_recipient"]
    notifier.deliver(user_added(RITA, FJORD, email="rita@fjord-retail.example"))
    send_later(notifier)
    [(to, _message)] = inbox.taken
    assert to == "rita@fjord-retail.example"
    assert len(deliveries(notifier, user_id=RITA)[0].context["messages"]) == 2


def test_the_same_message_again_says_nothing_new(notifier):
    event = message_posted(2)
    notifier.deliver(event, event)
    [row] = deliveries(notifier)
    assert len(row.context["messages"]) == 1
    assert deliveries(notifier, user_id=ANNA) == []
