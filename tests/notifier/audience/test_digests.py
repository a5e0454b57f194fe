"""Daily and weekly digests: at the local hour over changes of the clocks, each event in exactly one (S0-68, D17)."""

import random
import threading
from collections import Counter
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.audience import tasks
from services.notifier.audience.models import Digest, DigestItem, Preferences
from services.notifier.audience.rules import default_wishes
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound.channels.base import NotTaken
from services.notifier.topics.base import Cadence
from tests.notifier.helpers import (
    ANNA,
    FJORD,
    NORDIC,
    SYSTEM,
    anna_added,
    choose,
    claim,
    deliveries,
    invite_created,
    invite_responded,
    message_posted,
    relationship,
    send,
    settle,
    states,
    tenant_created,
    thread_read,
    tier_assigned,
    user_added,
    user_removed,
    write_digests,
)
from tests.plugin.matrix import generated

DAILY = dict.fromkeys(("invite", "response", "message", "tier", "relationship"), "daily")


@pytest.fixture
def rolf(notifier):
    """Rolf, in Oslo, gets everything once a day at eight."""
    notifier.deliver(user_added(), tenant_created(time_zone="Europe/Oslo"))
    choose(notifier, topics=DAILY)


def at(moment):
    return time_machine.travel(moment, tick=False)


def run(notifier, moment):
    """What the scheduler does at a moment."""
    with at(moment):
        write_digests(notifier)
        send(notifier)


def rows(notifier, model):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return list(session.scalars(select(model).order_by(model.id)))


def text_of(message):
    return message.get_body(("plain",)).get_content()


def test_what_happened_comes_at_the_hour_in_one_mail(notifier, inbox, rolf):
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created(), tier_assigned(), relationship("Invited"))
        notifier.deliver(message_posted(2, preview="First"), message_posted(3, preview="Second"))
    run(notifier, "2026-03-03T07:59:59+01:00")
    assert inbox.taken == []
    run(notifier, "2026-03-03T08:00:00+01:00")
    [message] = inbox.messages
    assert message["Subject"] == "Your daily summary from Concord"
    text = text_of(message)
    for line in (
        "Spring Showroom Push (Nordic Heating, 1 April 2026, 02:00 CEST to 15 May 2026, 02:00 CEST)",
        "Spring campaign artwork: 2 new from Nordic Heating",
        "Second",
        "Nordic Heating has made you a Gold partner",
        "Nordic Heating wants to work with you",
    ):
        assert line in text
    [row] = deliveries(notifier)
    assert (row.topic, row.category, row.state) == ("digest", "once", "sent")
    run(notifier, "2026-03-04T08:00:00+01:00")
    assert len(inbox.taken) == 1, "none when there is nothing to say"


def test_responses_are_counted(notifier, inbox):
    """The supplier's own default: an answer is no mail of its own."""
    notifier.deliver(anna_added())
    with at("2026-03-02T15:00:00+01:00"):
        answers = [invite_responded(note=None, retailerName=f"Shop {number}") for number in range(11)]
        notifier.deliver(*answers, invite_responded("Declined", "No room.", retailerName="Bergen Bygg"))
    run(notifier, "2026-03-03T08:00:00+01:00")
    [message] = inbox.messages
    assert "Spring Showroom Push: 11 accepted, 1 declined" in text_of(message)
    assert "Bergen Bygg has declined: No room." in text_of(message)
    assert "and 2 more" in text_of(message)


def test_eight_stays_eight_when_the_clocks_change(notifier, inbox, rolf):
    """A year of days with one event each: one digest a day at eight on the wall, over both changes of the clocks."""
    day = datetime.fromisoformat("2026-03-25T12:00:00+01:00")
    expected = [
        *(f"2026-03-{day}T08:00:00+01:00" for day in (26, 27, 28)),
        *(f"2026-03-{day}T08:00:00+02:00" for day in (29, 30, 31)),
    ]
    for moment in expected:
        with at(day):
            notifier.deliver(invite_created())
        before = datetime.fromisoformat(moment) - timedelta(seconds=1)
        run(notifier, before)
        already = len(inbox.taken)
        run(notifier, moment)
        assert len(inbox.taken) == already + 1
        day += timedelta(days=1)
    assert [row.period_end for row in rows(notifier, Digest)] == [datetime.fromisoformat(one) for one in expected]


def test_back_to_winter_there_is_one_digest_on_the_long_day(notifier, inbox):
    notifier.deliver(user_added(), tenant_created(time_zone="Europe/Oslo"))
    choose(notifier, topics=DAILY, sendAt="02:30")
    with at("2026-10-24T12:00:00+02:00"):
        notifier.deliver(invite_created())
    run(notifier, "2026-10-25T02:30:00+02:00")
    with at("2026-10-25T02:15:00+01:00"):
        notifier.deliver(invite_created())
    run(notifier, "2026-10-25T02:30:00+01:00")
    assert len(inbox.taken) == 1
    run(notifier, "2026-10-26T02:30:00+01:00")
    assert len(inbox.taken) == 2


def test_the_weekly_one_comes_on_its_day(notifier, inbox, rolf):
    choose(notifier, topics=dict.fromkeys(DAILY, "weekly"), weekday="friday", sendAt="16:00")
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created())
    for day in ("03", "04", "05"):
        run(notifier, f"2026-03-{day}T16:00:00+01:00")
    run(notifier, "2026-03-06T15:59:00+01:00")
    assert inbox.taken == []
    run(notifier, "2026-03-06T16:00:00+01:00")
    [message] = inbox.messages
    assert message["Subject"] == "Your weekly summary from Concord"


def test_a_missed_hour_is_made_up_for_once(notifier, inbox, rolf):
    """No scheduler ran for three days: what waited comes in one digest as soon as one does, and nothing twice."""
    for day in ("02", "03", "04"):
        with at(f"2026-03-{day}T15:00:00+01:00"):
            notifier.deliver(invite_created(campaignName=f"Campaign {day}"))
    run(notifier, "2026-03-05T11:17:00+01:00")
    [message] = inbox.messages
    for day in ("02", "03", "04"):
        assert f"Campaign {day}" in text_of(message)
    with at("2026-03-05T11:18:00+01:00"):
        notifier.deliver(invite_created(campaignName="Campaign 05"))
    run(notifier, "2026-03-05T12:00:00+01:00")
    assert len(inbox.taken) == 1
    run(notifier, "2026-03-06T08:00:00+01:00")
    assert "Campaign 05" in text_of(inbox.messages[1])
    assert "Campaign 04" not in text_of(inbox.messages[1])


def test_what_arrives_late_for_a_closed_period_comes_in_the_next(notifier, inbox, rolf):
    """Also from a consumer whose clock is behind."""
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created(campaignName="In time"))
    run(notifier, "2026-03-03T08:00:00+01:00")
    with at("2026-03-03T07:59:58+01:00"):
        notifier.deliver(invite_created(campaignName="Late"))
    run(notifier, "2026-03-03T08:00:05+01:00")
    assert len(inbox.taken) == 1
    run(notifier, "2026-03-04T08:00:00+01:00")
    assert "Late" in text_of(inbox.messages[1])
    assert {item.digest_id for item in rows(notifier, DigestItem)} == {row.id for row in rows(notifier, Digest)}


def test_two_schedulers_write_one_digest_each(notifier, inbox):
    """Many users are due at the same moment; two schedulers start together, a third comes later."""
    users = {uuid4(): tenant for tenant in (FJORD, FJORD, FJORD, uuid4(), uuid4(), uuid4())}
    with at("2026-03-02T15:00:00+01:00"):
        for number, (user, tenant) in enumerate(users.items()):
            notifier.deliver(user_added(user, tenant, email=f"r{number}@x.example"))
            choose(notifier, user, tenant, topics=DAILY)
        notifier.deliver(*(invite_created(tenant) for tenant in set(users.values()) for _ in range(3)))
    barrier = threading.Barrier(2)

    def schedule():
        barrier.wait()
        write_digests(notifier)

    with at("2026-03-03T08:00:00+01:00"):
        threads = [threading.Thread(target=schedule) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        write_digests(notifier)
        send(notifier)
    assert sorted(row.user_id for row in rows(notifier, Digest)) == sorted(users)
    assert sorted(to for to, _message in inbox.taken) == [f"r{number}@x.example" for number in range(6)]
    items = rows(notifier, DigestItem)
    assert all(item.digest_id for item in items)
    assert len({(item.user_id, item.event_id) for item in items}) == len(items)


def test_what_was_read_meanwhile_is_not_told(notifier, inbox, rolf):
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(message_posted(2, preview="Old"), message_posted(3, preview="New"))
        notifier.deliver(thread_read(3, thread=uuid4()), thread_read(3))
    run(notifier, "2026-03-03T08:00:00+01:00")
    assert "1 new from Nordic Heating" in text_of(inbox.messages[0])
    with at("2026-03-03T15:00:00+01:00"):
        notifier.deliver(message_posted(5), thread_read(6))
    run(notifier, "2026-03-04T08:00:00+01:00")
    assert len(inbox.taken) == 1


def test_what_a_written_digest_says_is_decided_when_it_is_sent(notifier, inbox, rolf):
    """It was written while no server answered; until one does, everything in it has been read."""
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(message_posted(2))
    with at("2026-03-03T08:00:00+01:00"):
        write_digests(notifier)
        notifier.deliver(thread_read(3))
        send(notifier)
    [row] = deliveries(notifier)
    assert (row.state, row.last_error) == ("suppressed", "There was nothing left to say.")
    assert inbox.taken == []


@pytest.mark.parametrize(
    ("own", "hour"), [(None, "2026-03-03T08:00:00-05:00"), ("Europe/Oslo", "2026-03-03T08:00:00+01:00")]
)
def test_what_waits_follows_a_tenant_that_moves(notifier, inbox, rolf, own, hour):
    """But for who has chosen a clock of their own."""
    choose(notifier, timeZone=own)
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created())
        notifier.deliver(tenant_created(time_zone="America/Lima", sequence=2, kind="Changed"))
    run(notifier, datetime.fromisoformat(hour) - timedelta(seconds=1))
    assert inbox.taken == []
    run(notifier, hour)
    assert len(inbox.taken) == 1


def test_a_digest_goes_to_its_user_alone(notifier, inbox, rolf):
    """S0-9; a colleague has their own, and a removed user gets none."""
    rita = uuid4()
    notifier.deliver(user_added(rita, FJORD, email="rita@fjord-retail.example"))
    choose(notifier, rita, topics=DAILY)
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created())
    with at("2026-03-03T08:00:00+01:00"):
        write_digests(notifier)
        notifier.deliver(user_removed())
        send(notifier)
    assert [to for to, _message in inbox.taken] == ["rita@fjord-retail.example"]
    assert {row.state for row in deliveries(notifier)} == {"sent", "suppressed"}
    with at("2026-03-03T09:00:00+01:00"):
        notifier.deliver(invite_created())
    run(notifier, "2026-03-04T08:00:00+01:00")
    assert len(inbox.taken) == 2


@pytest.mark.parametrize(
    ("change", "moment"),
    [
        ({"sendAt": "10:00"}, "2026-03-03T10:00:00+01:00"),
        ({"timeZone": "America/New_York"}, "2026-03-03T08:00:00-05:00"),
        ({"topics": dict.fromkeys(DAILY, "weekly")}, "2026-03-09T08:00:00+01:00"),
        ({"topics": dict.fromkeys(DAILY, "instant")}, "2026-03-03T08:00:00+01:00"),
    ],
)
def test_what_waits_follows_what_its_user_chooses(notifier, inbox, rolf, change, moment):
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created())
        choose(notifier, **change)
    run(notifier, datetime.fromisoformat(moment) - timedelta(seconds=1))
    assert inbox.taken == []
    run(notifier, moment)
    assert len(inbox.taken) == 1


def test_what_is_turned_off_is_not_told(notifier, inbox, rolf):
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created(), tier_assigned())
        choose(notifier, topics={"invite": "off"})
    run(notifier, "2026-03-03T08:00:00+01:00")
    [message] = inbox.messages
    assert "Spring Showroom Push" not in text_of(message)
    assert "Gold" in text_of(message)


def test_a_digest_that_may_have_arrived_is_not_repeated(notifier, inbox, rolf):
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created())
    with at("2026-03-03T08:00:00+01:00"):
        write_digests(notifier)
        settle(notifier, claim(notifier), NotTaken(Trouble.UNKNOWN, "closed"))
    run(notifier, "2026-03-04T08:00:00+01:00")
    assert (states(notifier), inbox.taken) == (["uncertain"], [])


def test_a_digest_that_was_not_taken_is_tried_again(notifier, inbox, rolf):
    inbox.answers["RCPT"].append("451 later")
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created())
    run(notifier, "2026-03-03T08:00:00+01:00")
    assert states(notifier) == ["new"]
    run(notifier, "2026-03-03T08:05:00+01:00")
    assert states(notifier) == ["sent"]


def test_the_default_of_both_roles_is_the_same(notifier):
    """A supplier's viewer hears of nothing; an admin of what their tenant does."""
    notifier.deliver(user_added(ANNA, NORDIC, role=str(Role.SUPPLIER_VIEWER)), invite_responded())
    assert rows(notifier, DigestItem) == []
    assert states(notifier) == ["no_recipient"]


steps = st.tuples(st.sampled_from(["event", "schedule", "choose"]), st.integers(1, 60))


@generated(4)
@given(st.lists(steps, min_size=10, max_size=25), st.randoms())
def test_whatever_happens_each_event_stands_in_exactly_one_digest(notifier, mails, chance: random.Random):
    """Events, schedulers and changes of mind in any order, over the change of the clocks."""
    notifier.wipe()
    notifier.deliver(user_added(), tenant_created(time_zone="Europe/Oslo"))
    choose(notifier, topics=DAILY)
    now = datetime.fromisoformat("2026-03-24T12:00:00+01:00")
    for kind, wait in mails:
        now += timedelta(hours=wait)
        with at(now):
            if kind == "event":
                notifier.deliver(invite_created())
            elif kind == "schedule":
                digest_twice(notifier)
            else:
                choose(
                    notifier,
                    topics={"invite": chance.choice(["daily", "weekly"])},
                    sendAt=f"{chance.randrange(24):02}:30",
                )
    for _ in range(2):
        now += timedelta(days=9)
        with at(now):
            digest_twice(notifier)
    items = rows(notifier, DigestItem)
    ledger = rows(notifier, Digest)
    assert len(items) == sum(kind == "event" for kind, _wait in mails)
    assert {item.digest_id for item in items} == {row.id for row in ledger}
    assert max(Counter((row.cadence, row.period_start) for row in ledger).values(), default=1) == 1
    assert {row.event_id for row in deliveries(notifier)} == {row.id for row in ledger}


def digest_twice(notifier):
    with acting_as(SYSTEM):
        tasks.write_due(notifier.runtime)
        tasks.write_due(notifier.runtime)


def test_periods_meet_without_gap():
    wishes = default_wishes("Europe/Oslo")
    now = utcnow()
    for cadence in (Cadence.DAILY, Cadence.WEEKLY):
        end = wishes.next_digest(cadence, now)
        assert wishes.last_digest(cadence, end) == end
        assert wishes.last_digest(cadence, end - timedelta(seconds=1)) <= now


def spoil(notifier, model, **values):
    """Change every row to what this version of the code cannot read."""
    with acting_as(SYSTEM), notifier.database.begin() as session:
        session.execute(update(model).values(**values))


def test_a_digest_that_cannot_be_put_together_holds_up_no_other_mail(notifier, inbox):
    notifier.deliver(anna_added(), invite_responded())
    spoil(notifier, DigestItem, context={"of": "another version"})
    notifier.deliver(user_added())
    with at(utcnow() + timedelta(days=1)):
        write_digests(notifier)
        notifier.deliver(invite_created())
        send(notifier)
    assert {row.template: row.state for row in deliveries(notifier)} == {"digest": "new", "invite": "sent"}
    [digest] = deliveries(notifier, template="digest")
    assert "has been logged" in digest.last_error


def test_a_digest_that_cannot_be_written_holds_up_no_other(notifier, inbox):
    notifier.deliver(anna_added(), invite_responded(), user_added())
    choose(notifier, topics=DAILY, timeZone="Europe/Oslo")
    notifier.deliver(invite_created(), tier_assigned())
    spoil(notifier, Preferences, send_at="late")
    with at(utcnow() + timedelta(days=1)), acting_as(SYSTEM):
        for _ in range(2):
            with pytest.raises(ValueError, match="late"):
                tasks.write_due(notifier.runtime)
    assert [row.user_id for row in deliveries(notifier)] == [ANNA]


def test_who_chose_a_time_zone_that_is_gone_lives_by_their_tenants(notifier, inbox, rolf):
    """The list of time zones comes with the machine, and a newer one need not have them all."""
    choose(notifier, timeZone="America/Lima", quietHours={"from": "22:00", "until": "07:00"})
    spoil(notifier, Preferences, time_zone="Europe/Atlantis")
    with at("2026-03-02T15:00:00+01:00"):
        notifier.deliver(invite_created())
    run(notifier, "2026-03-03T08:00:00+01:00")
    assert len(inbox.taken) == 1
