"""Users who get another name, role, language or time zone, who are suspended and resumed, in any order of events."""

from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import select

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.audience.models import Contact, DigestItem
from services.notifier.audience.reassignment import COVERED
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound.channels.base import NotTaken
from tests.notifier.accounts import user_changed, user_invited
from tests.notifier.helpers import (
    FJORD,
    PREFERENCES,
    ROLF,
    SYSTEM,
    choose,
    claim,
    deliveries,
    invite_created,
    message_posted,
    send,
    settle,
    states,
    tenant_created,
    user_added,
    user_removed,
    write_digests,
)
from tests.notifier.topics.test_accounts import bodies
from tests.plugin import principal

FRIDA = UUID("8f3c0000-0000-4000-8000-00000000000c")
MONDAY = "2026-03-02T15:00:00+01:00"
TUESDAY = "2026-03-03T08:00:01+01:00"


def contact(notifier, user_id=ROLF):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return session.get(Contact, user_id)


def items(notifier):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return list(session.scalars(select(DigestItem)))


def frida_added(**changes):
    """A colleague of Rolf."""
    return user_added(FRIDA, FJORD, email="frida@fjord-retail.example", name="Frida Fjord", **changes)


def test_a_user_is_known_as_they_are_now(notifier, inbox):
    notifier.deliver(user_added(), user_changed(name="Rolf Fjordsen", locale="nb", timeZone="America/New_York"))
    known = contact(notifier)
    assert (known.name, known.locale, known.time_zone, known.sequence) == (
        "Rolf Fjordsen",
        "nb",
        "America/New_York",
        2,
    )
    notifier.deliver(invite_created())
    send(notifier)
    [message] = inbox.messages
    assert message["To"] == "Rolf Fjordsen <rolf@fjord-retail.example>"
    assert all("31 March 2026, 20:00 EDT" in body for body in bodies(message))


def test_an_older_event_changes_nothing(notifier):
    newest = user_changed(sequence=4, name="Newest")
    notifier.deliver(user_added(), newest, user_changed(sequence=3, name="Older", suspended=True))
    assert (contact(notifier).name, contact(notifier).suspended) == ("Newest", False)
    notifier.deliver(user_removed(sequence=5), user_changed(sequence=4), user_changed(sequence=6))
    assert (contact(notifier).email, contact(notifier).active) == (None, False), "a removal is for good"


def test_a_change_before_the_user_makes_the_user(notifier, inbox):
    notifier.deliver(user_changed(sequence=2, name="Rolf Fjordsen"), user_added(sequence=1), invite_created())
    send(notifier)
    assert [message["To"] for message in inbox.messages] == ["Rolf Fjordsen <rolf@fjord-retail.example>"]


@pytest.mark.parametrize(
    "events",
    [
        (user_invited(sequence=1), user_changed(sequence=2), user_added(sequence=3)),
        (user_invited(sequence=1), user_changed(sequence=3), user_added(sequence=2)),
        (user_added(sequence=2), user_invited(sequence=1)),
        (user_added(sequence=1), user_invited(sequence=2)),
    ],
)
def test_who_was_invited_is_a_user_once_they_joined_in_whichever_order(notifier, events):
    notifier.deliver(*events)
    assert (contact(notifier).active, contact(notifier).invited) == (True, False)


def test_a_change_of_somebody_invited_does_not_make_them_a_user(notifier):
    notifier.deliver(user_invited(), user_changed(sequence=2, role="RetailerViewer"))
    known = contact(notifier)
    assert (known.role, known.active, known.invited) == ("RetailerViewer", False, True)


def test_the_zone_of_the_account_counts_where_preferences_have_none(notifier):
    notifier.deliver(tenant_created(time_zone="Europe/Oslo"), user_added())
    rolf = notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD, user_id=ROLF))

    def zone():
        return rolf.get(PREFERENCES).json["timeZone"]

    assert zone() == "Europe/Oslo"
    notifier.deliver(user_changed(sequence=2, timeZone="Asia/Tokyo"))
    assert zone() == "Asia/Tokyo"
    notifier.deliver(user_changed(sequence=3, timeZone="No/Where"))
    assert zone() == "Europe/Oslo"
    choose(notifier, timeZone="Europe/Paris")
    notifier.deliver(user_changed(sequence=4, timeZone="Asia/Tokyo"))
    assert zone() == "Europe/Paris"


def test_digests_follow_the_zone_of_the_account(notifier):
    with time_machine.travel(MONDAY, tick=False):
        notifier.deliver(tenant_created(time_zone="Europe/Oslo"), user_added())
        choose(notifier, topics={"invite": "daily"})
        notifier.deliver(invite_created())
        assert f"{items(notifier)[0].due_at:%H:%M}" == "07:00"
        notifier.deliver(user_changed(timeZone="Europe/London"))
        assert f"{items(notifier)[0].due_at:%H:%M}" == "08:00"


def test_a_suspended_users_mails_go_to_a_colleague(notifier, inbox):
    notifier.deliver(user_added(), invite_created(), frida_added(), user_changed(suspended=True))
    send(notifier)
    assert [to for to, _ in inbox.taken] == ["frida@fjord-retail.example"]
    notifier.deliver(invite_created())
    send(notifier)
    assert [to for to, _ in inbox.taken] == ["frida@fjord-retail.example"] * 2


def test_without_a_colleague_they_wait_until_the_user_is_resumed(notifier, inbox):
    """Nothing is lost: also what came while they were suspended, and what their digest was to tell."""
    with time_machine.travel(MONDAY, tick=False):
        notifier.deliver(user_added())
        choose(notifier, topics={"tier": "daily", "message": "daily"})
        notifier.deliver(invite_created(), message_posted())
        notifier.deliver(user_changed(suspended=True), invite_created())
        send(notifier)
    with time_machine.travel(TUESDAY, tick=False):
        write_digests(notifier)
        send(notifier)
        assert (states(notifier), inbox.taken, items(notifier)) == (["no_recipient"] * 3, [], [])
        notifier.deliver(user_changed(sequence=3))
        send(notifier)
    assert len(deliveries(notifier, topic="invite", state="sent")) == 2
    assert [item.topic for item in items(notifier)] == ["message"], "in the digest, as they want it"


def test_preferences_survive_a_suspension(notifier):
    notifier.deliver(user_added())
    choose(notifier, topics={"invite": "weekly"}, sendAt="11:00")
    notifier.deliver(user_changed(suspended=True), user_changed(sequence=3))
    rolf = notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD, user_id=ROLF))
    chosen = rolf.get(PREFERENCES).json
    assert (chosen["topics"]["invite"], chosen["sendAt"]) == ("weekly", "11:00")


@pytest.mark.parametrize("change", [{"suspended": True}, {"role": "RetailerViewer"}])
def test_a_mail_that_was_being_sent_at_that_moment_goes_to_a_colleague(notifier, inbox, change):
    notifier.deliver(user_added(), invite_created())
    claimed = claim(notifier)
    notifier.deliver(frida_added(), user_changed(**change))
    settle(notifier, claimed, NotTaken(Trouble.TEMPORARY, "later"))
    with time_machine.travel(utcnow() + timedelta(minutes=1)):
        send(notifier)
    assert [to for to, _ in inbox.taken] == ["frida@fjord-retail.example"]
    assert states(notifier) == ["sent"]


def test_who_is_no_admin_any_more_gets_no_mail_of_admins(notifier, inbox):
    """What waits goes to a colleague who is one; their own account's mails stay theirs."""
    notifier.deliver(user_added(), invite_created(), frida_added(), user_changed(role="RetailerViewer"))
    send(notifier)
    assert [to for to, _ in inbox.taken] == ["frida@fjord-retail.example"]
    notifier.deliver(invite_created())
    send(notifier)
    assert [to for to, _ in inbox.taken] == ["frida@fjord-retail.example"] * 2


def test_what_stood_in_the_digest_of_a_former_admin_goes_to_a_colleague(notifier, inbox):
    with time_machine.travel(MONDAY, tick=False):
        notifier.deliver(user_added())
        choose(notifier, topics={"invite": "daily"})
        notifier.deliver(invite_created(), frida_added(), user_changed(role="RetailerViewer"))
        assert items(notifier) == []
        send(notifier)
    assert [to for to, _ in inbox.taken] == ["frida@fjord-retail.example"]


def test_a_digest_that_is_written_but_not_sent_loses_what_its_reader_may_not_see(notifier, inbox):
    with time_machine.travel(MONDAY, tick=False):
        notifier.deliver(user_added())
        choose(notifier, topics={"invite": "daily"})
        notifier.deliver(invite_created())
    with time_machine.travel(TUESDAY, tick=False):
        write_digests(notifier)
        notifier.deliver(user_changed(role="RetailerViewer"))
        send(notifier)
        assert inbox.taken == []
        assert [row.state for row in deliveries(notifier, topic="digest")] == ["suppressed"]
        notifier.deliver(frida_added())
        send(notifier)
    assert [to for to, _ in inbox.taken] == ["frida@fjord-retail.example"]


def test_who_becomes_an_admin_gets_what_waited_for_one(notifier, inbox):
    notifier.deliver(user_added(role="RetailerViewer"), invite_created())
    send(notifier)
    assert states(notifier) == ["no_recipient"]
    notifier.deliver(user_changed(role="RetailerAdmin"))
    send(notifier)
    assert states(notifier) == ["sent"]


def test_two_who_both_hear_of_it_do_not_hear_twice(notifier, inbox):
    notifier.deliver(user_added(), frida_added(), invite_created(), user_changed(suspended=True))
    send(notifier)
    assert [to for to, _ in inbox.taken] == ["frida@fjord-retail.example"]
    assert [row.last_error for row in deliveries(notifier, state="suppressed")] == [COVERED]
