"""What a removed user would have heard of is passed on, and everybody hears of it the way they want to."""

from datetime import timedelta
from itertools import permutations
from uuid import UUID

import pytest
import time_machine

from chassis.core.clock import utcnow
from services.notifier.audience.reassignment import COVERED, IN_A_DIGEST, UNWANTED
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound.channels.base import NotTaken
from services.notifier.topics.base import MOST_SHOWN
from tests.notifier.helpers import (
    ANNA,
    FJORD,
    NORDIC,
    ROLF,
    anna_added,
    choose,
    claim,
    deliveries,
    free_port,
    invite_created,
    invite_responded,
    mark,
    message_posted,
    send,
    settle,
    states,
    thread_read,
    user_added,
    user_removed,
    write_digests,
)

RITA = UUID("8f3c0000-0000-4000-8000-00000000000b")
SARA = UUID("8f3c0000-0000-4000-8000-00000000000c")
ADDRESSES = {ROLF: "rolf@fjord-retail.example", RITA: "rita@fjord-retail.example", SARA: "sara@fjord-retail.example"}


def added(user):
    return user_added(user, email=ADDRESSES[user])


def heard(notifier, inbox):
    """What arrives within two days: to whom, and whether by a mail of its own or in a digest."""
    for days in (0, 1, 2):
        with time_machine.travel(utcnow() + timedelta(days=days)):
            write_digests(notifier)
            send(notifier)
    return sorted((to.partition("@")[0], kind_of(message)) for to, message in inbox.taken)


def kind_of(message):
    return "digest" if "summary" in message["Subject"] else "mail"


def text_of(message):
    return message.get_body(("plain",)).get_content()


def removed_while_it_waits(notifier, *colleagues):
    """Rolf is removed with an invite queued that his colleagues, who came later, have not heard of."""
    notifier.deliver(added(ROLF), invite_created(), *(added(user) for user, _ in colleagues))
    for user, cadence in colleagues:
        choose(notifier, user, topics={"invite": cadence})
    notifier.deliver(user_removed())


@pytest.mark.parametrize(
    ("cadence", "expected", "state", "reason"),
    [
        ("instant", [("rita", "mail")], "new", None),
        ("daily", [("rita", "digest")], "suppressed", IN_A_DIGEST),
        ("off", [], "suppressed", UNWANTED),
    ],
)
def test_a_colleague_hears_of_it_the_way_they_want_to(notifier, inbox, cadence, expected, state, reason):
    """Everybody hears of what concerns them the way they want to: at once, in a digest, or not at all."""
    removed_while_it_waits(notifier, (RITA, cadence))
    [row] = deliveries(notifier)
    assert (row.state, row.last_error) == (state, reason)
    assert heard(notifier, inbox) == expected
    for message in inbox.messages:
        assert "Spring Showroom Push" in text_of(message)


def test_the_weekly_one_is_a_digest_too(notifier, inbox):
    removed_while_it_waits(notifier, (RITA, "weekly"))
    with time_machine.travel(utcnow() + timedelta(days=7)):
        write_digests(notifier)
        send(notifier)
    assert [kind_of(message) for message in inbox.messages] == ["digest"]


@pytest.mark.parametrize("cadences", list(permutations(["instant", "daily", "off"], 2)))
def test_it_goes_to_who_wants_it_soonest(notifier, inbox, cadences):
    removed_while_it_waits(notifier, (RITA, cadences[0]), (SARA, cadences[1]))
    eager = min(cadences, key=["instant", "daily", "off"].index)
    who = ("rita", "sara")[cadences.index(eager)]
    assert heard(notifier, inbox) == [(who, {"instant": "mail", "daily": "digest"}[eager])]


def test_a_colleague_who_has_it_in_their_digest_does_not_hear_of_it_twice(notifier, inbox):
    notifier.deliver(added(ROLF), added(RITA))
    choose(notifier, RITA, topics={"invite": "daily"})
    notifier.deliver(invite_created(), user_removed())
    assert [row.last_error for row in deliveries(notifier)] == [COVERED]
    assert heard(notifier, inbox) == [("rita", "digest")]


def test_one_that_was_being_sent_comes_the_way_they_want_to_as_well(notifier, inbox):
    notifier.deliver(added(ROLF), invite_created(), added(RITA))
    choose(notifier, RITA, topics={"invite": "daily"})
    claimed = claim(notifier)
    notifier.deliver(user_removed())
    settle(notifier, claimed, NotTaken(Trouble.TEMPORARY, "451 later"))
    assert heard(notifier, inbox) == [("rita", "digest")]


def test_what_came_while_nobody_was_there_comes_as_the_first_one_wants_it(notifier, inbox):
    """Nobody has chosen anything yet: an invite at once, a campaign's answers once a day."""
    answers = [invite_responded(retailerName=f"Shop {number}") for number in range(3)]
    notifier.deliver(invite_created(), *answers, added(ROLF), anna_added())
    assert heard(notifier, inbox) == [("anna", "digest"), ("rolf", "mail")]
    digest = next(message for message in inbox.messages if kind_of(message) == "digest")
    assert "3 accepted" in text_of(digest)


@pytest.mark.parametrize("removed_first", [True, False])
def test_what_waited_for_a_removed_users_digest_is_passed_on(notifier, inbox, removed_first):
    """By default a campaign's answers come once a day: who is replaced in between takes none of them along."""
    notifier.deliver(anna_added(), invite_responded(), invite_responded("Declined"))
    news = [user_removed(ANNA, NORDIC), user_added(RITA, NORDIC, email="rita@nordic.example", role="SupplierAdmin")]
    notifier.deliver(*(news if removed_first else reversed(news)))
    assert heard(notifier, inbox) == [("rita", "digest")]
    assert "1 accepted, 1 declined" in text_of(inbox.messages[0])


def test_it_is_passed_on_by_mails_to_who_wants_those(notifier, inbox):
    notifier.deliver(added(ROLF))
    choose(notifier, topics={"invite": "daily"})
    notifier.deliver(invite_created(), invite_created(), added(RITA), user_removed())
    assert heard(notifier, inbox) == [("rita", "mail")] * 2
    assert len(set(inbox.message_ids)) == 2


def test_a_colleague_with_a_digest_of_their_own_hears_of_it_once(notifier, inbox):
    notifier.deliver(added(ROLF), added(RITA))
    for user in (ROLF, RITA):
        choose(notifier, user, topics={"invite": "daily"})
    notifier.deliver(invite_created(), user_removed())
    assert deliveries(notifier) == []
    assert heard(notifier, inbox) == [("rita", "digest")]


def test_a_digest_that_was_written_but_not_sent_is_passed_on_by_what_stands_in_it(notifier, inbox, configure):
    notifier.deliver(added(ROLF))
    choose(notifier, topics={"invite": "daily"})
    notifier.deliver(invite_created())
    with time_machine.travel(utcnow() + timedelta(days=1)):
        write_digests(notifier)
        configure(SMTP_URL=f"smtp://127.0.0.1:{free_port()}", SMTP_TIMEOUT=1)
        send(notifier)
        notifier.deliver(added(RITA), user_removed())
        configure(SMTP_URL=f"smtp://127.0.0.1:{inbox.port}")
        assert heard(notifier, inbox) == [("rita", "mail")]


def test_what_stood_in_a_digest_that_was_sent_is_not_passed_on(notifier, inbox):
    notifier.deliver(added(ROLF))
    choose(notifier, topics={"invite": "daily"})
    notifier.deliver(invite_created())
    assert heard(notifier, inbox) == [("rolf", "digest")]
    notifier.deliver(user_removed(), added(RITA))
    assert heard(notifier, inbox) == [("rolf", "digest")]


@pytest.mark.parametrize("read", [0, 1, 3])
def test_gathered_messages_stand_in_the_digest_one_by_one(notifier, inbox, read):
    """So that what is read until then is gone from it."""
    notifier.deliver(added(ROLF), *(message_posted(number, preview=f"Number {number}.") for number in (2, 3, 4)))
    notifier.deliver(added(RITA))
    choose(notifier, RITA, topics={"message": "daily"})
    notifier.deliver(user_removed())
    if read:
        notifier.deliver(thread_read(2 + read))
    assert heard(notifier, inbox) == ([] if read == 3 else [("rita", "digest")])
    for message in inbox.messages:
        assert f"Spring campaign artwork: {3 - read} new from Nordic Heating" in text_of(message)
        assert "Number 4." in text_of(message)


@pytest.mark.parametrize("cadence", ["instant", "daily"])
def test_of_gathered_messages_only_those_are_passed_on_that_the_heir_has_not_heard_of(notifier, inbox, cadence):
    """Who came between two messages knows of the second."""
    notifier.deliver(added(ROLF), message_posted(2, preview="Number 2."), added(RITA))
    choose(notifier, RITA, topics={"message": cadence})
    notifier.deliver(message_posted(3, preview="Number 3."), user_removed())
    with time_machine.travel(utcnow() + timedelta(hours=1)):
        heard(notifier, inbox)
    line = "".join(text_of(message) for message in inbox.messages)
    if cadence == "daily":
        assert "Spring campaign artwork: 2 new from Nordic Heating" in line
    else:
        assert (line.count("Number 2."), line.count("Number 3.")) == (1, 1)


def test_messages_that_waited_for_a_digest_are_one_mail_a_thread(notifier, inbox):
    notifier.deliver(added(ROLF))
    choose(notifier, topics={"message": "daily"})
    count = MOST_SHOWN + 2
    notifier.deliver(*(message_posted(number, preview=f"Number {number}.") for number in range(2, 2 + count)))
    notifier.deliver(user_removed(), added(RITA))
    assert heard(notifier, inbox) == [("rita", "mail")]
    [message] = inbox.messages
    assert "2 earlier messages are left out here" in text_of(message)
    assert (f"Number {1 + count}." in text_of(message), "Number 2." in text_of(message)) == (True, False)
    notifier.deliver(message_posted(2 + count, preview="The next one."))
    assert heard(notifier, inbox) == [("rita", "mail")] * 2


def test_what_nobody_is_left_for_waits_for_somebody(notifier, inbox):
    """And is let be after its time like everything else."""
    notifier.deliver(added(ROLF))
    choose(notifier, topics={"invite": "weekly"})
    notifier.deliver(invite_created(), user_removed())
    assert states(notifier) == ["no_recipient"]
    with time_machine.travel(utcnow() + timedelta(days=31)):
        notifier.deliver(added(RITA))
        assert states(notifier) == ["no_recipient"]
    assert heard(notifier, inbox) == []


def test_another_tenants_users_are_no_heirs(notifier):
    notifier.deliver(added(ROLF), user_added(RITA, NORDIC), invite_created(), user_removed())
    assert [(row.state, row.tenant_id) for row in deliveries(notifier)] == [("no_recipient", FJORD)]


def test_what_the_removed_user_got_late_the_heir_has_not_got(notifier, inbox):
    """The sender was slower than its lease, and the mail is somebody else's when it says so."""
    notifier.deliver(added(ROLF), invite_created())
    slow = claim(notifier)
    notifier.deliver(user_removed(), added(RITA))
    choose(notifier, RITA, quietHours={"from": "00:01", "until": "00:00"})
    with time_machine.travel("2026-12-01T12:00:00Z"):
        send(notifier)
        [row] = deliveries(notifier)
        assert (row.state, row.user_id) == ("new", RITA)
        settle(notifier, slow)
    with time_machine.travel("2026-12-02T00:00:30+01:00"):
        send(notifier)
    assert [to for to, _message in inbox.taken] == [ADDRESSES[RITA]]


def test_a_mail_that_cannot_be_passed_on_holds_up_nobody(notifier, inbox):
    """Such as one of a kind that is no more; others are sent, and none is uncertain that nobody has begun to send."""
    notifier.deliver(added(ROLF), invite_created())
    claimed = claim(notifier)
    notifier.deliver(user_removed())
    mark(notifier, template="gone", next_at=utcnow())
    notifier.deliver(anna_added(), invite_responded())
    with time_machine.travel(utcnow() + timedelta(days=2)):
        write_digests(notifier)
        send(notifier)
        assert [row.state for row in deliveries(notifier, template="digest")] == ["sent"]
        mark(notifier, template="invite")
    with time_machine.travel(utcnow() + timedelta(days=3)):
        send(notifier)
        assert [row.state for row in deliveries(notifier, template="invite", id=claimed.id)] == ["no_recipient"]
