"""A suspended tenant: nothing goes out for it, nothing is lost, and what waits costs senders nothing."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import select, text

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.audience import suspension
from services.notifier.audience.models import DigestItem, Tenant
from services.notifier.audience.suspension import SUSPENDED
from services.notifier.outbound import claims
from tests.notifier.accounts import tenant_event, user_changed
from tests.notifier.helpers import (
    ANNA,
    FJORD,
    NORDIC,
    SYSTEM,
    choose,
    claim,
    deliveries,
    invite_created,
    own_settings,
    queue,
    send,
    settle,
    statements,
    states,
    tenant_created,
    user_added,
    write_digests,
)
from tests.notifier.topics.test_affiliates import MARKET, enrolled
from tests.notifier.webhooks import hooks
from tests.notifier.webhooks.hooks import add, happened
from tests.notifier.webhooks.receivers import Receiver
from tests.plugin import principal

MONDAY = "2026-03-02T15:00:00+01:00"
TUESDAY = "2026-03-03T08:00:01+01:00"
NEXT_WEEK = "2026-03-10T12:00:00+01:00"
SUSPEND, RESUME = tenant_event("Suspended"), tenant_event("Resumed", sequence=3)


def tenant(notifier, tenant_id=FJORD):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return session.get(Tenant, tenant_id)


def test_mails_wait_while_their_tenant_is_suspended_and_go_when_it_is_resumed(notifier, inbox):
    """Those that were queued, and those that came meanwhile."""
    queue(notifier)
    notifier.deliver(SUSPEND, invite_created())
    send(notifier)
    assert (states(notifier), inbox.taken) == (["new"] * 2, [])
    assert {(row.next_at, row.last_error) for row in deliveries(notifier)} == {(None, SUSPENDED)}
    notifier.deliver(RESUME)
    send(notifier)
    assert states(notifier) == ["sent"] * 2
    assert len(set(inbox.message_ids)) == 2


def test_other_tenants_mails_go_out_meanwhile(notifier, inbox):
    """However many wait before them."""
    queue(notifier, claims.LIMIT + 5)
    other = uuid4()
    notifier.deliver(SUSPEND, user_added(ANNA, other, email="a@other.example"), invite_created(other))
    send(notifier)
    assert [to for to, _ in inbox.taken] == ["a@other.example"]


def test_a_postponed_mail_is_looked_at_once(notifier, inbox):
    """Senders ask for what is due, and what is postponed is not due: no row of it is read again."""
    queue(notifier, 3)
    notifier.deliver(SUSPEND)
    send(notifier)
    with statements(notifier) as sent:
        send(notifier)
    assert [statement for statement in sent if "FOR UPDATE" in statement or "UPDATE" in statement] == []


def test_what_is_due_and_what_is_postponed_is_found_by_an_index(notifier):
    """Not by walking over what waits, or over what was sent."""
    now = f"'{utcnow():%Y-%m-%d}'"
    due = f"SELECT id FROM deliveries WHERE state IN ('new', 'sending') AND next_at <= {now} ORDER BY next_at LIMIT 50"
    postponed = "SELECT id FROM deliveries WHERE state IN ('new', 'sending') AND next_at IS NULL"
    with acting_as(SYSTEM), notifier.database.read() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN" if session.get_bind().dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        plans = [str(session.execute(text(f"{explain} {query}")).all()) for query in (due, postponed)]
    assert all("ix_deliveries_claimable" in plan for plan in plans), plans


def test_a_mail_postponed_for_longer_than_a_day_is_still_tried_again(notifier, inbox):
    """The time for which it is tried begins when the tenant is resumed."""
    queue(notifier)
    notifier.deliver(SUSPEND)
    send(notifier)
    with time_machine.travel(utcnow() + timedelta(days=20)):
        notifier.deliver(RESUME)
        inbox.answers["DATA"].append("451 later")
        send(notifier)
        assert states(notifier) == ["new"]
    with time_machine.travel(utcnow() + timedelta(days=20, minutes=5)):
        send(notifier)
    assert states(notifier) == ["sent"]


def test_a_mail_that_is_being_sent_when_its_tenant_is_suspended_is_settled(notifier, inbox):
    queue(notifier)
    claimed = claim(notifier)
    notifier.deliver(SUSPEND)
    settle(notifier, claimed)
    assert states(notifier) == ["sent"]


def test_a_sender_that_vanished_before_a_suspension_is_found_after_it(notifier, inbox):
    queue(notifier)
    claim(notifier)
    notifier.deliver(SUSPEND)
    lease = own_settings(notifier).lease + timedelta(seconds=1)
    with time_machine.travel(utcnow() + lease):
        send(notifier)
        assert (states(notifier), inbox.taken) == (["sending"], [])
        notifier.deliver(RESUME)
        send(notifier)
    assert (states(notifier), len(inbox.taken)) == (["sent"], 1)


def test_a_mail_is_not_postponed_for_ever_by_a_sender_that_was_too_late(notifier, inbox):
    """It saw the tenant suspended, and postpones the mail when it is resumed already."""
    queue(notifier)
    [mail] = deliveries(notifier)
    notifier.deliver(SUSPEND, RESUME)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        assert suspension.postpone_mails(session, FJORD, [mail.id], now=utcnow()) == 0
    send(notifier)
    assert states(notifier) == ["sent"]


def test_a_mail_that_was_claimed_meanwhile_is_not_postponed(notifier, inbox):
    """Another sender has it in hand; it is postponed when it comes back."""
    queue(notifier)
    claimed = claim(notifier)
    notifier.deliver(SUSPEND)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        assert suspension.postpone_mails(session, FJORD, [claimed.id], now=utcnow()) == 0
    assert deliveries(notifier)[0].next_at == claimed.until


@pytest.mark.parametrize(
    ("events", "suspended"),
    [
        ((RESUME, SUSPEND), False),
        ((SUSPEND, RESUME, tenant_event("Suspended", sequence=4)), True),
        ((tenant_created(sequence=5, kind="Changed"), SUSPEND), True),
        ((SUSPEND, tenant_created(sequence=1)), True),
    ],
)
def test_the_newest_event_decides_in_whichever_order_they_come(notifier, events, suspended):
    """And neither kind of event about a tenant hides one of the other."""
    notifier.deliver(*events)
    assert tenant(notifier).suspended is suspended
    if any(event["type"].startswith("identity.TenantC") for event in events):
        assert tenant(notifier).time_zone == "Europe/Oslo"


def test_digests_wait_and_come_in_one_when_the_tenant_is_resumed(notifier, inbox):
    with time_machine.travel(MONDAY, tick=False):
        notifier.deliver(tenant_created(), user_added())
        choose(notifier, topics={"invite": "daily"})
        notifier.deliver(invite_created(campaignName="First"), SUSPEND)
    with time_machine.travel(TUESDAY, tick=False):
        write_digests(notifier)
        notifier.deliver(invite_created(campaignName="Second"))
        assert deliveries(notifier) == []
        with statements(notifier) as sent:
            write_digests(notifier)
        assert len(sent) <= 2, "what is postponed is not looked at again"
    with time_machine.travel(NEXT_WEEK, tick=False):
        write_digests(notifier)
        send(notifier)
        assert inbox.taken == []
        notifier.deliver(RESUME)
        write_digests(notifier)
        send(notifier)
    [message] = inbox.messages
    said = message.get_body(("plain",)).get_content()
    assert "First" in said
    assert "Second" in said


def test_a_postponed_digest_survives_new_preferences_and_zones(notifier):
    """What moves its entries to a new time makes them due once more, and they are postponed again."""
    with time_machine.travel(MONDAY, tick=False):
        notifier.deliver(tenant_created(), user_added())
        choose(notifier, topics={"invite": "daily"})
        notifier.deliver(invite_created(), SUSPEND)
    with time_machine.travel(TUESDAY, tick=False):
        write_digests(notifier)
        notifier.deliver(user_changed(timeZone="Asia/Tokyo"))
    with time_machine.travel(NEXT_WEEK, tick=False):
        write_digests(notifier)
        assert deliveries(notifier) == []
        notifier.deliver(RESUME)
        write_digests(notifier)
    assert len(deliveries(notifier, topic="digest")) == 1
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert all(item.digest_id for item in session.scalars(select(DigestItem)))


@pytest.fixture
def anna(notifier, configure):
    """An admin of the supplier, whose webhooks may lead to this machine."""
    configure(WEBHOOK_LOOPBACK="true")
    return notifier.client(principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC, user_id=ANNA))


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def test_webhooks_wait_and_go_in_their_order_when_the_tenant_is_resumed(notifier, anna, receiver):
    add(anna, receiver.url)
    subject = str(uuid4())
    notifier.deliver(*(happened(number, subject=subject, sequence=number) for number in (1, 2)))
    notifier.deliver(tenant_event("Suspended", NORDIC))
    hooks.send_due(notifier)
    notifier.deliver(happened(3, subject=subject, sequence=3))
    hooks.send_due(notifier)
    assert receiver.taken == []
    notifier.deliver(tenant_event("Resumed", NORDIC, sequence=3))
    hooks.send_due(notifier)
    numbers = [json.loads(body)["data"].get("number") for _, _, body in receiver.taken]
    assert [number for number in numbers if number] == [1, 2, 3]


def test_a_held_webhook_is_not_due(notifier, anna, receiver):
    """So other tenants' endpoints are found without walking over it."""
    webhook = add(anna, receiver.url)
    notifier.deliver(tenant_event("Suspended", NORDIC), happened(1))
    hooks.send_due(notifier)
    with acting_as(SYSTEM), notifier.database.read() as session:
        due = session.execute(text("SELECT due_at FROM webhook_queues")).scalars().all()
    assert due == [None], webhook


def test_a_webhook_that_failed_before_a_long_suspension_is_not_given_up(notifier, anna, receiver):
    """Three days of silence were ours, not the receiver's."""
    receiver.answers = [500]
    add(anna, receiver.url)
    notifier.deliver(happened(1))
    hooks.send_due(notifier)
    notifier.deliver(tenant_event("Suspended", NORDIC))
    with time_machine.travel(utcnow() + timedelta(days=5)):
        hooks.send_due(notifier)
        notifier.deliver(tenant_event("Resumed", NORDIC, sequence=3))
        receiver.answers = [503]
        hooks.send_due(notifier)
        assert "failed" not in hooks.states(notifier)
        assert anna.get("/api/v1/webhooks").json["items"][0]["status"] == "active"
    with time_machine.travel(utcnow() + timedelta(days=5, hours=2)):
        hooks.send_due(notifier)
    assert set(hooks.states(notifier)) == {"delivered"}


def test_a_paused_webhook_stays_paused(notifier, anna, receiver):
    webhook = add(anna, receiver.url)
    anna.post(f"/api/v1/webhooks/{webhook['id']}/pause")
    notifier.deliver(tenant_event("Suspended", NORDIC), happened(1), tenant_event("Resumed", NORDIC, sequence=3))
    hooks.send_due(notifier)
    assert receiver.taken == []


def test_an_affiliate_of_a_suspended_merchant_hears_nothing_meanwhile(notifier, inbox):
    notifier.deliver(tenant_event("Suspended", MARKET), enrolled("Approved"))
    send(notifier)
    assert inbox.taken == []
    notifier.deliver(tenant_event("Resumed", MARKET, sequence=3))
    send(notifier)
    assert len(inbox.taken) == 1
