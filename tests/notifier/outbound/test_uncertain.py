"""What people decide about mails that may have arrived and are not repeated by themselves."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from prometheus_client import REGISTRY

from chassis.core.clock import rfc3339, utcnow
from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound import actions
from services.notifier.outbound.channels.base import NotTaken
from services.notifier.outbound.decisions import NOTHING_LEFT
from tests.notifier.audience.test_notices import wait_until_blocked
from tests.notifier.helpers import (
    FJORD,
    NORDIC,
    SYSTEM,
    choose,
    claim,
    deliveries,
    invite_created,
    mark,
    own_settings,
    send,
    settle,
    tier_assigned,
    user_added,
    user_removed,
    write_digests,
)
from tests.plugin import principal

PATH = "/api/v1/notifications/deliveries"
NOON = "2026-03-03T12:00:00+01:00"


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def rolf(notifier):
    return notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD))


@pytest.fixture
def slow(notifier, inbox, noon):
    """The claim of a sender that was given up with Rolf's digest in its hand."""
    notifier.deliver(user_added())
    choose(notifier, topics={"invite": "daily", "tier": "daily"})
    notifier.deliver(invite_created(), tier_assigned())
    noon.shift(timedelta(days=1))
    write_digests(notifier)
    claimed = claim(notifier)
    noon.shift(own_settings(notifier).lease + timedelta(seconds=1))
    send(notifier)
    assert only(notifier).state == "uncertain"
    return claimed


def only(notifier):
    [row] = deliveries(notifier)
    return row


def ask(client, notifier, kind, **headers):
    return client.post(f"{PATH}/{only(notifier).id}/{kind}", headers=headers)


def counted(outcome):
    return REGISTRY.get_sample_value("concord_mails_total", {"topic": "digest", "outcome": outcome}) or 0


def test_it_is_sent_again_under_the_same_message_id(notifier, inbox, rolf, slow):
    before = counted("resent")
    [listed] = rolf.get(f"{PATH}?state=uncertain").json["items"]
    answer = rolf.post(f"{PATH}/{listed['id']}/resend")
    assert answer.status_code == 200
    assert answer.json == listed | {"state": "new", "nextAttemptAt": rfc3339(utcnow()), "lastError": None}
    send(notifier)
    assert (only(notifier).state, only(notifier).attempts) == ("sent", 2)
    assert inbox.message_ids == [slow.delivery.message_id]
    assert counted("resent") == before + 1


def test_it_has_its_full_time_to_be_sent(notifier, inbox, rolf, slow, noon):
    """However old it is, a server that is busy just now does not end it."""
    noon.shift(timedelta(days=2))
    inbox.answers["RCPT"].append("451 later")
    ask(rolf, notifier, "resend")
    send(notifier)
    assert only(notifier).state == "new"
    noon.shift(timedelta(hours=1))
    send(notifier)
    assert only(notifier).state == "sent"


def test_what_is_not_wanted_any_more_is_not_sent_again(notifier, inbox, rolf, slow):
    """Asked when it is sent, not when it is queued; where nothing is left there is no mail."""
    ask(rolf, notifier, "resend")
    choose(notifier, topics={"invite": "off", "tier": "off"})
    send(notifier)
    assert (only(notifier).state, only(notifier).last_error) == ("suppressed", NOTHING_LEFT)
    assert inbox.taken == []


def test_a_removed_users_is_not_sent_again(notifier, inbox, rolf, slow):
    notifier.deliver(user_removed())
    ask(rolf, notifier, "resend")
    send(notifier)
    assert only(notifier).state == "suppressed"
    assert inbox.taken == []


def test_it_waits_for_the_end_of_quiet_hours(notifier, inbox, rolf, slow):
    """The hour of a digest is its reader's choice; that of its repetition is somebody else's."""
    choose(notifier, quietHours={"from": "11:00", "until": "14:00"}, timeZone="Europe/Oslo")
    answer = ask(rolf, notifier, "resend")
    assert answer.json["nextAttemptAt"] == "2026-03-04T13:00:00Z"
    send(notifier)
    assert inbox.taken == []


def test_one_that_is_resent_may_become_uncertain_again(notifier, rolf, slow, noon):
    ask(rolf, notifier, "resend")
    assert claim(notifier).delivery.attempts == 2
    noon.shift(own_settings(notifier).lease + timedelta(seconds=1))
    send(notifier)
    assert only(notifier).state == "uncertain"
    assert ask(rolf, notifier, "resend").status_code == 200


def test_one_that_is_forgotten_shows_and_is_never_sent(notifier, inbox, rolf, slow, noon):
    before = counted("forgotten")
    answer = ask(rolf, notifier, "forget")
    assert (answer.status_code, answer.json["state"], answer.json["nextAttemptAt"]) == (200, "forgotten", None)
    assert "decided not to send it again" in answer.json["lastError"]
    assert rolf.get(f"{PATH}?state=uncertain").json["items"] == []
    assert rolf.get(f"{PATH}?state=forgotten").json["items"] == [answer.json]
    noon.shift(timedelta(days=2))
    send(notifier)
    assert inbox.taken == []
    assert counted("forgotten") == before + 1


@pytest.mark.parametrize("kind", ["resend", "forget"])
@pytest.mark.parametrize("state", ["new", "sending", "sent", "failed", "suppressed", "forgotten", "no_recipient"])
def test_only_what_is_uncertain_can_be_decided(notifier, rolf, slow, state, kind):
    mark(notifier, state=state)
    answer = ask(rolf, notifier, kind)
    assert (answer.status_code, answer.json["code"]) == (409, "invalid_transition")
    assert only(notifier).state == state


@pytest.mark.parametrize("kind", ["resend", "forget"])
def test_another_tenants_is_not_there(notifier, rolf, slow, kind):
    """S0-9; the operator decides for everybody."""
    anna = notifier.client(principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC))
    assert ask(anna, notifier, kind).status_code == 404
    assert rolf.post(f"{PATH}/{uuid4()}/{kind}").status_code == 404
    assert only(notifier).state == "uncertain"
    assert ask(notifier.client(principal(Role.PLATFORM_ADMIN)), notifier, kind).status_code == 200


@pytest.mark.parametrize(("kind", "state"), [("resend", "new"), ("forget", "forgotten")])
def test_it_is_in_the_audit_trail_of_the_tenant(notifier, rolf, slow, kind, state):
    """D8; also when the operator has decided."""
    operator = principal(Role.PLATFORM_ADMIN)
    ask(notifier.client(operator), notifier, kind)
    target = only(notifier).id
    [row] = rolf.get(f"/api/v1/notifications/audit?targetId={target}").json["items"]
    assert row["action"] == {"resend": "delivery.resent", "forget": "delivery.forgotten"}[kind]
    assert row["actorId"] == str(operator.user_id)
    assert row["changes"]["state"] == ["uncertain", state]


@pytest.mark.parametrize("kind", ["resend", "forget"])
def test_the_same_request_again_acts_once(notifier, rolf, slow, kind):
    """D7"""
    first, again = (ask(rolf, notifier, kind, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ask(rolf, notifier, kind).status_code == 409


@pytest.mark.parametrize("kind", ["resend", "forget"])
def test_a_sender_that_turns_out_to_live_ends_it(notifier, inbox, rolf, slow, kind):
    """It knows that the mail was taken, so there is nothing to repeat and nothing to wonder about."""
    ask(rolf, notifier, kind)
    settle(notifier, slow)
    row = only(notifier)
    assert (row.state, row.next_at, row.last_error) == ("sent", None, None)
    send(notifier)
    assert inbox.taken == []
    assert ask(rolf, notifier, kind).status_code == 409


@pytest.mark.parametrize("failure", [None, NotTaken(Trouble.TEMPORARY, "451 later")])
def test_a_sender_that_turns_out_to_live_has_no_say_once_another_has_it(notifier, rolf, slow, failure):
    ask(rolf, notifier, "resend")
    second = claim(notifier)
    settle(notifier, slow, failure)
    assert (only(notifier).state, only(notifier).attempts) == ("sending", 2)
    settle(notifier, second, NotTaken(Trouble.TEMPORARY, "451 later"))
    assert (only(notifier).state, only(notifier).last_error) == ("new", "451 later")
    settle(notifier, slow, failure)
    assert only(notifier).state == "new", "what another has tried since is not known by the first"


def test_a_late_success_waits_for_who_decides_at_that_moment(notifier, slow):
    if notifier.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    late = threading.Thread(target=settle, args=(notifier, slow))
    with acting_as(SYSTEM), notifier.database.begin() as session:
        actions.resend(session, slow.id, actor=SYSTEM, now=utcnow())
        late.start()
        wait_until_blocked(notifier, late)
    late.join(10)
    assert only(notifier).state == "sent"
