"""Whoever reads a mail reads times at their own clock, else their tenant's, with the zone's name (D61)."""

from datetime import UTC, datetime

import pytest
import time_machine

from services.notifier.topics.base import Cadence
from tests.notifier.helpers import (
    FJORD,
    choose,
    invite_created,
    message_posted,
    send,
    tenant_created,
    user_added,
    write_digests,
)

# A campaign in Stockholm from 2026-04-01T00:00+02:00 to the end of 15 May.
SPRING = {"startDate": "2026-03-31T22:00:00Z", "endDate": "2026-05-15T21:59:59Z"}
OF_THE_TENANT = ("1 April 2026, 00:00 CEST", "15 May 2026, 23:59 CEST", "time zone Europe/Stockholm")
IN_NEW_YORK = ("31 March 2026, 18:00 EDT", "15 May 2026, 17:59 EDT", "time zone America/New_York")


@pytest.fixture
def clock():
    with time_machine.travel(datetime(2026, 3, 2, 10, tzinfo=UTC), tick=False) as travelled:
        yield travelled


@pytest.fixture
def stockholm(notifier, clock):
    """A retailer in Stockholm and its user."""
    notifier.deliver(tenant_created(time_zone="Europe/Stockholm"), user_added())
    return notifier


def mails(notifier):
    """Text and HTML of what was sent, the newest first."""
    result = notifier.client(None).get("/dev/mailbox.json").json
    return [(mail["text"], mail["html"]) for mail in result]


def newest(notifier):
    return mails(notifier)[0]


def assert_says(bodies, *texts):
    assert [text for body in bodies for text in texts if text not in body] == []


def test_an_invite_says_when_at_the_clock_of_the_tenant(stockholm):
    stockholm.deliver(invite_created(**SPRING))
    send(stockholm)
    assert_says(newest(stockholm), *OF_THE_TENANT)


def test_an_invite_says_when_at_the_clock_of_its_reader(stockholm):
    choose(stockholm, timeZone="America/New_York")
    stockholm.deliver(invite_created(**SPRING))
    send(stockholm)
    assert_says(newest(stockholm), *IN_NEW_YORK)


def test_what_is_queued_already_is_read_at_the_clock_its_reader_has_when_it_goes_out(stockholm):
    stockholm.deliver(invite_created(**SPRING))
    choose(stockholm, timeZone="America/New_York")
    send(stockholm)
    assert_says(newest(stockholm), *IN_NEW_YORK)


def test_a_tenant_that_moves_is_followed(stockholm):
    stockholm.deliver(invite_created(**SPRING))
    stockholm.deliver(tenant_created(FJORD, "Asia/Kathmandu", 2, "Changed"))
    send(stockholm)
    assert_says(newest(stockholm), "1 April 2026, 03:45 UTC+0545", "time zone Asia/Kathmandu")


def test_a_tenant_nobody_has_heard_of_is_where_identity_would_put_it(notifier, clock):
    notifier.deliver(user_added(), invite_created(**SPRING))
    send(notifier)
    assert_says(newest(notifier), *OF_THE_TENANT)


def test_two_users_of_a_tenant_each_read_their_own_time(stockholm):
    ida = "8f3c0000-0000-4000-8000-0000000000da"
    stockholm.deliver(user_added(ida, email="ida@fjord-retail.example", name="Ida"))
    choose(stockholm, timeZone="America/New_York")
    stockholm.deliver(invite_created(**SPRING))
    send(stockholm)
    box = stockholm.client(None)
    [his] = box.get("/dev/mailbox.json?to=rolf@fjord-retail.example").json
    [hers] = box.get("/dev/mailbox.json?to=ida@fjord-retail.example").json
    assert_says([his["text"], his["html"]], *IN_NEW_YORK)
    assert_says([hers["text"], hers["html"]], *OF_THE_TENANT)


def test_a_message_says_when_it_was_written(stockholm, configure, clock):
    configure(MESSAGE_DELAY=0)
    stockholm.deliver(message_posted() | {"time": "2026-03-01T23:30:00Z"})
    send(stockholm)
    assert_says(newest(stockholm), "2 March 2026, 00:30 CET", "time zone Europe/Stockholm")


@pytest.mark.parametrize(
    ("zone", "line"), [(None, OF_THE_TENANT), ("America/New_York", IN_NEW_YORK)], ids=["tenant", "reader"]
)
def test_a_digest_says_when(stockholm, clock, zone, line):
    choose(stockholm, topics={"invite": Cadence.DAILY}, timeZone=zone)
    stockholm.deliver(invite_created(**SPRING))
    clock.move_to(datetime(2026, 3, 3, 14, tzinfo=UTC))
    write_digests(stockholm)
    send(stockholm)
    assert_says(newest(stockholm), *line)
