"""``GET|PUT /api/v1/notifications/preferences``: what somebody wants to hear of, when, and that it is done."""

import threading
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.outbound import claims
from tests.notifier.audience.test_notices import wait_until_blocked
from tests.notifier.helpers import (
    FJORD,
    PREFERENCES,
    ROLF,
    SYSTEM,
    choose,
    deliveries,
    invite_created,
    message_posted,
    queue,
    send,
    states,
    tenant_created,
    thread_read,
    user_added,
    user_removed,
    write_digests,
)
from tests.plugin import principal

UNSAID = {
    "topics": {
        "invite": "instant",
        "response": "daily",
        "message": "instant",
        "tier": "instant",
        "relationship": "instant",
        "webhook": "instant",
    },
    "timeZone": "Europe/Stockholm",
    "sendAt": "08:00",
    "weekday": "monday",
    "quietHours": None,
}
NIGHT = {"from": "22:00", "until": "07:00"}


@pytest.fixture
def rolf(notifier):
    return notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD, user_id=ROLF))


def test_they_are_sensible_without_any_setting(notifier, rolf):
    answer = rolf.get(PREFERENCES)
    assert (answer.json, answer.headers["ETag"]) == (UNSAID, '"0"')


def test_the_clock_is_the_tenants_until_one_is_chosen(notifier, rolf):
    notifier.deliver(tenant_created(time_zone="Asia/Kathmandu"))
    assert rolf.get(PREFERENCES).json["timeZone"] == "Asia/Kathmandu"
    notifier.deliver(tenant_created(time_zone="America/Lima", sequence=3, kind="Changed"))
    notifier.deliver(tenant_created(time_zone="Europe/Paris", sequence=2, kind="Changed"))
    notifier.deliver(tenant_created(time_zone="Mars/Olympus", tenant_id=uuid4()))
    assert rolf.get(PREFERENCES).json["timeZone"] == "America/Lima", "older news change nothing"
    assert choose(notifier, timeZone="Europe/Oslo")["timeZone"] == "Europe/Oslo"
    assert choose(notifier, timeZone=None)["timeZone"] == "America/Lima"
    assert notifier.retry_rows() == []


def test_what_is_left_out_keeps_its_value(notifier, rolf):
    assert choose(notifier, topics={"message": "daily"}) == UNSAID | {"topics": UNSAID["topics"] | {"message": "daily"}}
    chosen = choose(notifier, topics={"tier": "off"}, sendAt="17:45", weekday="friday", quietHours=NIGHT)
    expected = {"topics": UNSAID["topics"] | {"message": "daily", "tier": "off"}, "quietHours": NIGHT}
    assert chosen == UNSAID | expected | {"sendAt": "17:45", "weekday": "friday"}
    assert rolf.get(PREFERENCES).json == chosen
    assert choose(notifier, quietHours=None)["quietHours"] is None


def test_what_was_read_can_be_sent_back_and_changes_nothing(notifier, rolf):
    """D65: also not that somebody follows their tenant's clock."""
    notifier.deliver(tenant_created(time_zone="Asia/Kathmandu"))
    read = rolf.get(PREFERENCES)
    back = rolf.put(PREFERENCES, json=read.json, headers={"If-Match": read.headers["ETag"]})
    assert (back.status_code, back.json) == (200, read.json)
    notifier.deliver(tenant_created(time_zone="America/Lima", sequence=2, kind="Changed"))
    assert rolf.get(PREFERENCES).json == read.json | {"timeZone": "America/Lima"}
    chosen = choose(notifier, timeZone="Europe/Oslo", quietHours=NIGHT, topics={"tier": "off"})
    assert choose(notifier, **chosen) == chosen
    notifier.deliver(tenant_created(time_zone="Asia/Tokyo", sequence=3, kind="Changed"))
    assert rolf.get(PREFERENCES).json == chosen, "a zone of their own stays"


def test_a_change_of_what_was_not_seen_is_refused(notifier, rolf):
    """D6"""
    read = rolf.get(PREFERENCES).headers["ETag"]
    first = rolf.put(PREFERENCES, json={"sendAt": "09:00"}, headers={"If-Match": read})
    assert (first.status_code, first.headers["ETag"]) == (200, '"1"')
    second = rolf.put(PREFERENCES, json={"sendAt": "10:00"}, headers={"If-Match": read})
    assert (second.status_code, second.json["code"]) == (412, "stale_version")
    third = rolf.put(PREFERENCES, json={"sendAt": "10:00"}, headers={"If-Match": first.headers["ETag"]})
    assert (third.status_code, third.json["sendAt"], third.headers["ETag"]) == (200, "10:00", '"2"')


def test_everybody_has_their_own(notifier):
    """S0-9"""
    choose(notifier, topics={"invite": "off"})
    for other in (
        principal(Role.RETAILER_ADMIN, tenant_id=FJORD),
        principal(Role.SUPPLIER_VIEWER),
        principal(Role.PLATFORM_ADMIN),
        principal(Role.RETAILER_ADMIN, user_id=ROLF),  # of another tenant, were there such a one
    ):
        assert notifier.client(other).get(PREFERENCES).json == UNSAID


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"topics": {"invite": "hourly"}}, "topics.invite"),
        ({"topics": {"weather": "daily"}}, "topics.weather"),
        ({"topics": {"digest": "off"}}, "topics.digest"),
        ({"topics": []}, "topics"),
        ({"topics": {"invite": None}}, "topics.invite"),
        ({"timeZone": "Europe/Atlantis"}, "timeZone"),
        ({"timeZone": "../etc/passwd"}, "timeZone"),
        ({"timeZone": "Factory"}, "timeZone"),
        ({"timeZone": "localtime"}, "timeZone"),
        ({"sendAt": "24:00"}, "sendAt"),
        ({"sendAt": "8:00"}, "sendAt"),
        ({"sendAt": "08:00\n"}, "sendAt"),
        ({"sendAt": None}, "sendAt"),
        ({"weekday": "Someday"}, "weekday"),
        ({"weekday": 1}, "weekday"),
        ({"weekday": ["monday"]}, "weekday"),
        ({"quietHours": {"from": "22:00"}}, "quietHours.until"),
        ({"quietHours": {"from": "22:00", "until": "22:00"}}, "quietHours.until"),
        ({"userId": str(uuid4())}, "userId"),
    ],
)
def test_what_makes_no_sense_is_refused(notifier, rolf, body, field):
    answer = rolf.put(PREFERENCES, json=body)
    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert rolf.get(PREFERENCES).json == UNSAID


def test_a_change_is_in_the_audit_trail(notifier, rolf):
    """D8; a refused one is not."""
    rolf.put(PREFERENCES, json={"sendAt": "25:00"})
    choose(notifier, topics={"message": "weekly"}, sendAt="09:30")
    [row] = rolf.get("/api/v1/notifications/audit").json["items"]
    assert (row["action"], row["targetId"], row["actorId"]) == ("preferences.changed", str(ROLF), str(ROLF))
    assert row["changes"]["sendAt"] == [None, "09:30"]
    assert row["changes"]["topics"][1] == {"message": "weekly"}
    other = notifier.client(principal(Role.RETAILER_ADMIN))
    assert other.get("/api/v1/notifications/audit").json["items"] == []


def test_off_is_off(notifier, inbox):
    notifier.deliver(user_added())
    choose(notifier, topics={"invite": "off"})
    notifier.deliver(invite_created())
    send(notifier)
    assert (deliveries(notifier), inbox.taken) == ([], [])


def test_off_counts_for_what_is_queued_already(notifier, inbox):
    queue(notifier, 2)
    choose(notifier, topics={"invite": "off"})
    send(notifier)
    assert states(notifier) == ["suppressed", "suppressed"]
    assert {row.last_error for row in deliveries(notifier)} == {"The recipient does not want to hear of this."}
    assert inbox.taken == []


def test_off_counts_for_what_was_to_be_tried_again(notifier, inbox):
    inbox.answers["RCPT"].append("451 later")
    queue(notifier)
    send(notifier)
    choose(notifier, topics={"invite": "off"})
    with time_machine.travel(datetime.now().astimezone() + timedelta(hours=1)):
        send(notifier)
    assert (states(notifier), inbox.taken) == (["suppressed"], [])


def test_quiet_hours_let_mail_wait_for_the_morning(notifier, inbox):
    notifier.deliver(user_added())
    choose(notifier, timeZone="Europe/Oslo", quietHours=NIGHT)
    with time_machine.travel("2026-03-28T23:30:00+01:00", tick=False):
        notifier.deliver(invite_created())
        send(notifier)
        [row] = deliveries(notifier)
        # The clocks go forward in that night: seven o'clock comes after six and a half hours.
        assert row.next_at == datetime.fromisoformat("2026-03-29T07:00:00+02:00")
        assert (row.state, row.attempts) == ("new", 0)
    with time_machine.travel("2026-03-29T06:59:00+02:00", tick=False):
        send(notifier)
        assert inbox.taken == []
    with time_machine.travel("2026-03-29T07:00:00+02:00", tick=False):
        send(notifier)
    [message] = inbox.messages
    assert message["Date"].datetime == datetime.fromisoformat("2026-03-29T07:00:00+02:00")


@pytest.fixture
def postponed(notifier, rolf):
    """An invite to Rolf, in Oslo, that was postponed at half past eleven for the night; so it is still."""
    notifier.deliver(user_added(), tenant_created(time_zone="Europe/Oslo"))
    choose(notifier, quietHours=NIGHT)
    with time_machine.travel("2026-03-02T23:30:00+01:00", tick=False) as clock:
        notifier.deliver(invite_created())
        send(notifier)
        [row] = deliveries(notifier)
        assert row.next_at == datetime.fromisoformat("2026-03-03T07:00:00+01:00")
        yield clock


@pytest.mark.parametrize(
    ("quiet", "comes"),
    [
        (None, "2026-03-02T23:30:00+01:00"),
        ({"from": "12:00", "until": "13:00"}, "2026-03-02T23:30:00+01:00"),
        ({"from": "22:00", "until": "05:30"}, "2026-03-03T05:30:00+01:00"),
        ({"from": "22:00", "until": "09:00"}, "2026-03-03T09:00:00+01:00"),
    ],
)
def test_what_quiet_hours_postponed_follows_new_ones(notifier, inbox, postponed, quiet, comes):
    choose(notifier, quietHours=quiet)
    [row] = deliveries(notifier)
    assert (row.next_at, row.queued_at) == (datetime.fromisoformat(comes),) * 2
    postponed.move_to(datetime.fromisoformat(comes))
    send(notifier)
    assert len(inbox.taken) == 1


def test_what_quiet_hours_postponed_follows_the_clock_of_its_user(notifier, inbox, postponed):
    """In Lima it is half past five in the afternoon."""
    choose(notifier, timeZone="America/Lima")
    send(notifier)
    assert len(inbox.taken) == 1


def test_what_quiet_hours_postponed_follows_a_tenant_that_moves(notifier, inbox, postponed):
    notifier.deliver(tenant_created(time_zone="America/Lima", sequence=2, kind="Changed"))
    send(notifier)
    assert len(inbox.taken) == 1


def test_what_waits_for_something_else_is_no_sooner_for_quiet_hours(notifier, inbox, postponed):
    """Such as for more messages of its thread, or because the server did not take it."""
    choose(notifier, quietHours=None)
    inbox.answers["RCPT"].append("451 later")
    send(notifier)
    notifier.deliver(message_posted())
    before = [row.next_at for row in deliveries(notifier)]
    choose(notifier, quietHours=NIGHT)
    choose(notifier, quietHours=None)
    assert [row.next_at for row in deliveries(notifier)] == before


def test_a_choice_waits_for_a_sender_that_postpones_mail_at_that_moment(notifier, inbox, postponed):
    if notifier.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    notifier.deliver(invite_created())
    choosing = threading.Thread(target=choose, args=(notifier,), kwargs={"quietHours": None})
    with acting_as(SYSTEM), notifier.database.begin() as session:
        claims.take_due(session, now=utcnow(), limit=1)
        session.flush()
        choosing.start()
        wait_until_blocked(notifier, choosing)
    choosing.join()
    send(notifier)
    assert len(inbox.taken) == 2


def test_other_peoples_mail_stays_postponed(notifier, inbox, postponed):
    rita = uuid4()
    notifier.deliver(user_added(rita, email="rita@fjord-retail.example"))
    choose(notifier, rita, quietHours=NIGHT)
    choose(notifier, rita, quietHours=None)
    send(notifier)
    assert inbox.taken == []


@pytest.mark.parametrize("cadence", ["daily", "weekly"])
def test_what_is_queued_stands_in_the_digest_when_its_topic_comes_there_now(notifier, inbox, postponed, cadence):
    """Each message of a thread by itself, so that what is read until then is gone from it."""
    notifier.deliver(*(message_posted(number, preview=f"Number {number}.") for number in (2, 3, 5)))
    choose(notifier, topics={"invite": cadence, "message": cadence}, weekday="tuesday")
    notifier.deliver(thread_read(4))
    assert deliveries(notifier) == []
    postponed.move_to("2026-03-03T07:59:00+01:00")
    write_digests(notifier)
    send(notifier)
    assert inbox.taken == []
    postponed.move_to("2026-03-03T08:00:00+01:00")
    write_digests(notifier)
    send(notifier)
    [message] = inbox.messages
    text = message.get_body(("plain",)).get_content()
    assert "Spring Showroom Push" in text
    assert "Spring campaign artwork: 1 new from Nordic Heating" in text


def test_what_stands_in_the_digest_now_is_passed_on_like_everything_there(notifier, inbox, postponed):
    choose(notifier, topics={"invite": "daily"})
    notifier.deliver(user_removed(), user_added(uuid4(), email="rita@fjord-retail.example"))
    send(notifier)
    assert [to for to, _message in inbox.taken] == ["rita@fjord-retail.example"]


def test_what_was_tried_already_stays_a_mail(notifier, inbox):
    inbox.answers["RCPT"].append("451 later")
    queue(notifier)
    send(notifier)
    choose(notifier, topics={"invite": "daily"})
    with time_machine.travel(utcnow() + timedelta(hours=1)):
        write_digests(notifier)
        send(notifier)
    assert states(notifier) == ["sent"]


def test_nights_do_not_use_up_the_day_that_a_mail_is_tried(notifier, inbox):
    """A mail that is refused for a day is given up, however its recipient sleeps; the first wait is none of that."""
    notifier.deliver(user_added())
    choose(notifier, timeZone="Europe/Oslo", quietHours={"from": "08:00", "until": "07:00"})
    inbox.answers["RCPT"] += ["451 later"] * 3
    with time_machine.travel("2026-03-02T08:00:00+01:00", tick=False):
        notifier.deliver(invite_created())
        send(notifier)
    for day in ("2026-03-03", "2026-03-04"):
        with time_machine.travel(f"{day}T07:30:00+01:00", tick=False):
            send(notifier)
    [row] = deliveries(notifier)
    assert (row.state, row.attempts) == ("failed", 2)


def test_a_removed_user_leaves_no_preferences(notifier, rolf):
    notifier.deliver(user_added())
    choose(notifier, topics={"invite": "off"})
    notifier.deliver(user_removed(), message_posted())
    assert rolf.get(PREFERENCES).json == UNSAID
