"""From events to mails: one for each event and recipient, whatever comes twice and in whichever order."""

import json
import threading
from datetime import timedelta
from itertools import permutations
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import delete, select, text, update
from sqlalchemy import event as sqlalchemy_event

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from chassis.messaging.broker import Message
from chassis.messaging.inbox import InboxRow
from services.notifier.audience.contacts import upsert_contact
from services.notifier.audience.models import Contact
from services.notifier.audience.notices import notify
from services.notifier.audience.reassignment import COVERED, REMOVED
from services.notifier.audience.tenants import lock_tenant
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rows import NOBODY_THERE
from services.notifier.deliveries.rules import Trouble
from services.notifier.outbound.channels.base import NotTaken
from services.notifier.topics.base import Notice
from services.notifier.topics.invites import INVITE
from tests.notifier.helpers import (
    FJORD,
    ROLF,
    SYSTEM,
    claim,
    deliveries,
    invite_created,
    message_posted,
    send,
    settle,
    statements,
    states,
    user_added,
    user_removed,
)

RITA = UUID("8f3c0000-0000-4000-8000-00000000000b")
RITA_ADDED = {"email": "rita@fjord-retail.example", "name": "Rita Berg"}


def contact(notifier, user_id=ROLF):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return session.get(Contact, user_id)


def test_a_newly_invited_retailer_gets_one_mail_with_the_campaigns_name(notifier):
    """S0-27"""
    notifier.deliver(user_added(), event := invite_created())
    [row] = deliveries(notifier)
    assert (row.state, row.topic, row.category, row.template) == ("new", "invite", "must-arrive", "invite")
    assert (row.tenant_id, row.user_id, row.address) == (FJORD, ROLF, "rolf@fjord-retail.example")
    assert "Spring Showroom Push" in row.subject
    assert row.message_id.startswith(f"<{event['id']}.")
    assert row.message_id.endswith("@concord.example>")
    assert (row.attempts, row.sent_at, row.last_error) == (0, None, None)


def test_many_invites_cost_few_statements(notifier):
    """A campaign goes to thousands of retailers: a batch of its events costs the same number, however many they are."""
    costs = []
    for size in (2, 20):
        shops = [uuid4() for _ in range(size)]
        notifier.deliver(*(user_added(uuid4(), shop) for shop in shops[::2]))
        with statements(notifier) as statements_sent:
            notifier.deliver(*(invite_created(shop) for shop in shops))
        costs.append(len(statements_sent))
    assert costs[0] == costs[1]
    assert sorted(states(notifier)) == ["new"] * 11 + ["no_recipient"] * 11


def posted_to(shop):
    """The first message of a thread with a retailer."""
    return message_posted(1, thread=uuid4(), to=shop)


def test_mixed_events_of_a_batch_cost_few_statements(notifier):
    """Invites and messages of several tenants come in turn; each kind is handled together all the same."""
    costs = []
    for size in (2, 20):
        shops = [uuid4() for _ in range(size)]
        notifier.deliver(*(user_added(uuid4(), shop) for shop in shops))
        mixed = [event for shop in shops for event in (invite_created(shop), posted_to(shop))]
        with statements(notifier) as statements_sent:
            notifier.deliver(*mixed)
        costs.append(len(statements_sent))
    assert costs[0] == costs[1]
    assert len(deliveries(notifier)) == 44


def test_events_of_a_batch_take_effect_in_their_order(notifier):
    """Those handled together, too: the first invite finds somebody, the second nobody any more."""
    notifier.deliver(user_added(), invite_created(), user_removed(), invite_created())
    assert [row.last_error for row in deliveries(notifier)] == [REMOVED, NOBODY_THERE]


def test_every_admin_of_the_retailer_gets_one_and_nobody_else(notifier):
    """S0-27"""
    notifier.deliver(
        user_added(),
        user_added(RITA, **RITA_ADDED),
        user_added(uuid4(), tenant_id=uuid4(), email="other@other.example"),
        user_added(uuid4(), role="SupplierAdmin", email="supplier@fjord-retail.example"),
        invite_created(),
    )
    assert [row.address for row in deliveries(notifier)] == ["rolf@fjord-retail.example", "rita@fjord-retail.example"]
    assert len({row.message_id for row in deliveries(notifier)}) == 2


def test_the_same_event_again_writes_nothing(notifier):
    """S0-30: no second email; also when the inbox has forgotten the event."""
    event = invite_created()
    notifier.deliver(user_added(), event)
    notifier.deliver(event, event)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        session.execute(delete(InboxRow).where(InboxRow.consumer == "notifier"))
    notifier.deliver(user_added(RITA, **RITA_ADDED), event)
    assert len(deliveries(notifier)) == 1
    assert notifier.retry_rows() == []


def test_handling_fails_whole_or_not_at_all(notifier):
    bad = invite_created() | {"data": {"campaignName": "no retailer"}}
    notifier.deliver(user_added(), bad)
    [row] = notifier.retry_rows()
    assert row.state == "dead"
    assert "retailerId" in row.error
    assert contact(notifier).active
    assert deliveries(notifier) == []


def test_a_retailer_without_a_user_leaves_a_row_that_says_so(notifier):
    notifier.deliver(invite_created())
    [row] = deliveries(notifier)
    assert (row.state, row.user_id, row.address, row.next_at) == ("no_recipient", None, None, None)
    assert "no user" in row.last_error
    send(notifier)
    assert states(notifier) == ["no_recipient"]


def test_a_later_admin_takes_over_what_waited(notifier):
    notifier.deliver(invite_created(), invite_created(campaignName="Second"))
    before = [row.message_id for row in deliveries(notifier)]
    notifier.deliver(user_added(uuid4(), role="SupplierAdmin"), user_added(uuid4(), tenant_id=uuid4()))
    assert states(notifier) == ["no_recipient", "no_recipient"]
    notifier.deliver(user_added())
    rows = deliveries(notifier)
    assert [(row.state, row.user_id, row.last_error) for row in rows] == [("new", ROLF, None)] * 2
    assert [row.message_id for row in rows] == before
    notifier.deliver(user_added(RITA, **RITA_ADDED))
    assert len(deliveries(notifier)) == 2


def test_what_waited_longer_than_thirty_days_is_let_be(notifier):
    notifier.deliver(invite_created(), invite_created())
    old, _young = deliveries(notifier)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        long_ago = utcnow() - timedelta(days=30, minutes=1)
        session.execute(update(Delivery).where(Delivery.id == old.id).values(created_at=long_ago))
    notifier.deliver(user_added())
    assert [row.state for row in deliveries(notifier)] == ["no_recipient", "new"]


def test_a_mail_that_waited_for_weeks_has_its_full_time_to_be_sent(notifier, configure):
    notifier.deliver(invite_created())
    with time_machine.travel(utcnow() + timedelta(days=20)):
        configure(SMTP_URL="smtp://127.0.0.1:1", SMTP_TIMEOUT=1)
        notifier.deliver(user_added())
        send(notifier)
    assert states(notifier) == ["new"]


ARRIVALS = list(permutations(["rolf added", "rolf removed", "rita added", "invite"]))
"""A user is added and removed, another is added, a campaign is sent: every order in which these can arrive."""


def arrive(notifier, order, after_each):
    """Events about a tenant and two users of their own, in this order; the ids of tenant and users."""
    tenant, rolf, rita = uuid4(), uuid4(), uuid4()
    events = {
        "rolf added": user_added(rolf, tenant),
        "rolf removed": user_removed(rolf, tenant),
        "rita added": user_added(rita, tenant, **RITA_ADDED),
        "invite": invite_created(tenant),
    }
    for name in order:
        notifier.deliver(events[name])
        after_each()
    return tenant, rolf, rita


def test_no_order_of_arrival_loses_or_doubles_a_mail(notifier):
    for order in ARRIVALS:
        tenant, rolf, rita = arrive(notifier, order, lambda: None)
        assert not contact(notifier, rolf).active
        rows = deliveries(notifier, tenant_id=tenant)
        assert [row.user_id for row in rows if row.state == "new"] == [rita], order
        assert {row.state for row in rows} <= {"new", "suppressed"}, order


def test_no_order_loses_a_mail_when_it_is_sent_at_once(notifier, inbox):
    for order in ARRIVALS:
        tenant, _rolf, _rita = arrive(notifier, order, lambda: send(notifier))
        result = {row.state for row in deliveries(notifier, tenant_id=tenant)}
        assert "sent" in result, order
        assert result <= {"sent", "suppressed"}, order
    assert len(set(inbox.message_ids)) == len(inbox.taken)


def test_only_newer_news_about_a_user_counts(notifier):
    notifier.deliver(user_removed(sequence=2), user_added(sequence=1))
    assert not contact(notifier).active
    notifier.deliver(user_added(sequence=3, email="new@fjord-retail.example"))
    notifier.deliver(user_added(sequence=1, email="old@fjord-retail.example"), user_removed(sequence=2))
    assert contact(notifier).email == "new@fjord-retail.example"
    assert contact(notifier).active


def test_a_tombstone_keeps_no_personal_data(notifier):
    notifier.deliver(user_added(), user_removed())
    gone = contact(notifier)
    assert (gone.email, gone.name, gone.role, gone.active, gone.sequence) == (None, None, None, False, 2)


def test_a_removed_user_gets_nothing_further(notifier, inbox):
    notifier.deliver(user_added(), invite_created(), user_removed())
    send(notifier)
    assert inbox.taken == []
    [row] = deliveries(notifier)
    assert (row.state, row.address) == ("no_recipient", None)
    assert "removed" in row.last_error


def test_a_user_removed_while_their_mail_was_in_hand_gets_no_further_attempt(notifier, inbox):
    inbox.answers["RCPT"].append("451 later")
    notifier.deliver(user_added(), invite_created())
    send(notifier)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        session.get(Contact, ROLF).active = False  # as if the removal came while the row was being sent
    with time_machine.travel(utcnow() + timedelta(hours=1)):
        send(notifier)
    assert inbox.taken == []
    assert states(notifier) == ["no_recipient"]


def in_hand_while(notifier, inbox, *events):
    """Rolf's mail is being sent, and not taken, while ``events`` arrive; afterwards everything due is sent."""
    claimed = claim(notifier)
    notifier.deliver(*events)
    settle(notifier, claimed, NotTaken(Trouble.TEMPORARY, "451 later"))
    with time_machine.travel(utcnow() + timedelta(hours=1)):
        send(notifier)
    return [to for to, _message in inbox.taken]


@pytest.mark.parametrize("removed_first", [True, False])
def test_a_mail_in_hand_while_its_user_is_replaced_goes_to_the_new_one(notifier, inbox, removed_first):
    """S0-28: it comes back after the removal and the new user found nothing that waited."""
    notifier.deliver(user_added(), invite_created())
    news = [user_removed(), user_added(RITA, **RITA_ADDED)]
    assert in_hand_while(notifier, inbox, *(news if removed_first else reversed(news))) == ["rita@fjord-retail.example"]
    assert [(row.state, row.user_id) for row in deliveries(notifier)] == [("sent", RITA)]


def test_a_mail_in_hand_whose_colleague_has_one_says_so(notifier, inbox):
    notifier.deliver(user_added(), user_added(RITA, **RITA_ADDED), invite_created())
    assert in_hand_while(notifier, inbox, user_removed()) == ["rita@fjord-retail.example"]
    rows = {row.state: row for row in deliveries(notifier)}
    assert set(rows) == {"sent", "suppressed"}
    assert rows["suppressed"].last_error == COVERED


def test_passing_on_locks_the_tenant_before_the_mail(notifier, inbox):
    """As every consumer does; it waits for one that is adding the successor, and then finds them."""
    if notifier.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    notifier.deliver(user_added(), invite_created())
    claimed = claim(notifier)
    notifier.deliver(user_removed())
    settle(notifier, claimed, NotTaken(Trouble.UNKNOWN, "closed"))
    later = utcnow() + timedelta(hours=1)
    result = []
    thread = threading.Thread(target=lambda: result.append(claim(notifier, later)))
    with acting_as(SYSTEM), notifier.database.begin() as session:
        lock_tenant(session, FJORD)
        thread.start()
        wait_until_blocked(notifier, thread)
        added = {"email": "rita@fjord-retail.example", "name": "Rita", "role": "RetailerAdmin"}
        upsert_contact(session, RITA, FJORD, **added, sequence=1, now=later)
    thread.join(10)
    assert result[0].delivery.user_id == RITA


def test_a_colleague_who_has_the_mail_already_does_not_get_it_again(notifier):
    notifier.deliver(user_added(), user_added(RITA, **RITA_ADDED), invite_created(), user_removed())
    assert {row.user_id: row.state for row in deliveries(notifier)} == {None: "suppressed", RITA: "new"}


def test_an_address_that_changed_meanwhile_is_used(notifier, inbox):
    notifier.deliver(user_added(), invite_created(), user_added(sequence=2, email="rolf@new.example"))
    send(notifier)
    assert [to for to, _message in inbox.taken] == ["rolf@new.example"]
    assert deliveries(notifier)[0].address == "rolf@new.example"


@pytest.mark.parametrize("invite_first", [True, False])
def test_an_invite_and_its_user_handled_at_the_same_moment_meet(notifier, invite_first):
    """Two consumers: the second waits for the first, so neither misses what the other has written."""
    if notifier.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")

    def invite(session):
        now = utcnow()
        context = {"campaign_name": "C", "supplier_name": "S"}
        notify(session, INVITE, [Notice(uuid4(), FJORD, context)], now=now)

    def add(session):
        role = "RetailerAdmin"
        upsert_contact(session, ROLF, FJORD, email="r@x.example", name="R", role=role, sequence=1, now=utcnow())

    first, second = (invite, add) if invite_first else (add, invite)

    def other_consumer():
        with acting_as(SYSTEM), notifier.database.begin() as session:
            second(session)

    thread = threading.Thread(target=other_consumer)
    with acting_as(SYSTEM), notifier.database.begin() as session:
        first(session)
        thread.start()
        wait_until_blocked(notifier, thread)
    thread.join(10)
    assert [(row.state, row.user_id) for row in deliveries(notifier)] == [("new", ROLF)]


def wait_until_blocked(notifier, thread):
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with notifier.database.engine.connect() as connection:
        for _ in range(500):
            if connection.execute(waiting).scalar():
                return
            thread.join(0.01)
            assert thread.is_alive(), "the second consumer did not wait for the first"
    pytest.fail("the second consumer never got to the lock")


def test_control_characters_from_elsewhere_do_no_harm(notifier, inbox):
    notifier.deliver(
        user_added(name="Ro\x00lf\u202e"), invite_created(campaignName="A\x00B\ud800", supplierName="\x1b[31m")
    )
    send(notifier)
    assert states(notifier) == ["sent"]
    with acting_as(SYSTEM), notifier.database.read() as session:
        assert session.scalar(select(Contact.name)) == "Rolf"


def test_consumers_that_share_the_work_do_not_wait_for_each_other_in_a_circle(notifier):
    """Batches about the same retailers in opposite order, at the same moment: none has to be taken apart."""
    shops = [uuid4() for _ in range(12)]
    together = threading.Barrier(2)
    rollbacks = []  # a batch that fails is rolled back, and then handled event by event
    note = rollbacks.append

    def work(order):
        for _ in range(6):
            batch = [Message("", "", json.dumps(invite_created(shop)).encode()) for shop in order]
            together.wait(20)
            notifier.consumer.handle(batch)

    sqlalchemy_event.listen(notifier.database.engine, "rollback", note)
    try:
        threads = [threading.Thread(target=work, args=(order,)) for order in (shops, shops[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sqlalchemy_event.remove(notifier.database.engine, "rollback", note)
    assert rollbacks == []
    assert len(deliveries(notifier)) == 2 * 6 * len(shops)
