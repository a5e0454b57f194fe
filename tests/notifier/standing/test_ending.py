"""A tenant that has ended: what is its own goes, in bounded pieces; what others see stays."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import func, select

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.audience.models import Contact, Digest, DigestItem, Preferences, ReadMark, Tenant
from services.notifier.common.models import Base
from services.notifier.deliveries.models import Delivery
from services.notifier.event_log import actions as event_log
from services.notifier.event_log.models import EventViewer, LoggedEvent
from services.notifier.standing import actions, tasks
from services.notifier.webhooks import messages
from services.notifier.webhooks.models import Webhook, WebhookAttempt, WebhookMessage, WebhookQueue
from tests.notifier.accounts import tenant_event
from tests.notifier.helpers import (
    ANNA,
    FJORD,
    NORDIC,
    SYSTEM,
    anna_added,
    choose,
    deliveries,
    invite_created,
    message_posted,
    send,
    tenant_created,
    thread_read,
    tier_assigned,
    user_added,
    write_digests,
)
from tests.notifier.webhooks import hooks
from tests.notifier.webhooks.hooks import add
from tests.notifier.webhooks.receivers import Receiver
from tests.plugin import principal

OWNED = (
    Contact, Delivery, Digest, DigestItem, EventViewer, ReadMark, Webhook, WebhookAttempt, WebhookMessage, WebhookQueue,
)  # fmt: skip
ENDED = tenant_event("Ended", sequence=9)


def rows_of(notifier, tenant_id=FJORD):
    """How many rows a tenant has in each table that has some."""
    with acting_as(SYSTEM), notifier.database.read() as session:
        counts = {
            model.__tablename__: session.scalar(
                select(func.count()).select_from(model).where(model.tenant_id == tenant_id)
            )
            for model in OWNED
        }
    return {table: count for table, count in counts.items() if count}


def count(notifier, model):
    with acting_as(SYSTEM), notifier.database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def forget(notifier):
    with acting_as(SYSTEM):
        rounds = 1
        while tasks.forget_ended_tenants(notifier.runtime):
            rounds += 1
    return rounds


@pytest.fixture
def full(notifier, inbox):
    """A retailer with something in every table, and its supplier with some of the same events."""
    rolf = notifier.client(principal(Role.RETAILER_ADMIN, tenant_id=FJORD))
    with Receiver() as receiver:
        with time_machine.travel("2026-03-02T15:00:00+01:00", tick=False):
            notifier.deliver(tenant_created(tenantids=str(FJORD)), user_added(), anna_added())
            add(rolf, receiver.url)
            choose(notifier, topics={"tier": "daily"})
            notifier.deliver(invite_created(), tier_assigned(), message_posted(), message_posted(3, to=NORDIC))
            notifier.deliver(thread_read(3))
        with time_machine.travel("2026-03-03T08:00:01+01:00", tick=False):
            write_digests(notifier)
            send(notifier)
            hooks.send_due(notifier)
            notifier.deliver(tier_assigned())
    assert set(rows_of(notifier)) == {model.__tablename__ for model in OWNED}, "every table has something of it"
    assert count(notifier, Preferences) == 1
    return notifier


def test_every_table_of_a_tenant_is_looked_after():
    """A new table that belongs to tenants has to be thought of here."""
    with_tenant = {table.name for table in Base.metadata.sorted_tables if "tenant_id" in table.c}
    assert with_tenant == {model.__tablename__ for model in OWNED} | {"preferences"}


def test_what_is_the_tenants_own_goes_and_what_others_see_stays(full):
    before = rows_of(full, NORDIC)
    own_events = count(full, LoggedEvent)
    full.deliver(ENDED)
    forget(full)
    assert rows_of(full) == {}
    assert count(full, Preferences) == 0
    assert rows_of(full, NORDIC) == before
    assert 0 < count(full, LoggedEvent) < own_events, "events of both stay for the other"
    seen = full.client(principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC, user_id=ANNA)).get("/api/v1/events").json
    assert "campaigns.InviteCreated.v1" in {item["type"] for item in seen["items"]}
    assert deliveries(full, user_id=ANNA)


def test_nothing_is_sent_for_it_while_it_is_being_deleted(full, inbox):
    taken = len(inbox.taken)
    full.deliver(ENDED, invite_created(), tenant_event("Resumed", sequence=10))
    send(full)
    assert len(inbox.taken) == taken


def test_what_comes_late_goes_too(full):
    """A consumer may be behind; the tenant's own row stays for a while to know it by."""
    full.deliver(ENDED)
    forget(full)
    full.deliver(user_added(uuid4(), FJORD, email="late@x.example"), invite_created(), message_posted(7))
    forget(full)
    assert rows_of(full) == {}
    with acting_as(SYSTEM), full.database.read() as session:
        assert session.get(Tenant, FJORD).ended_at
    with time_machine.travel(utcnow() + actions.LATE_EVENTS + timedelta(minutes=1)):
        forget(full)
    with acting_as(SYSTEM), full.database.read() as session:
        assert session.get(Tenant, FJORD) is None


def test_it_goes_in_bounded_pieces(full, monkeypatch):
    monkeypatch.setattr(actions, "AT_ONCE", 1)
    monkeypatch.setattr(event_log, "TRIM", 1)
    monkeypatch.setattr(messages, "TRIM", 1)
    full.deliver(ENDED)
    biggest = max(rows_of(full).values())
    assert forget(full) > biggest, "a row of each table at a time"
    assert rows_of(full) == {}


def test_a_tenant_that_is_only_suspended_keeps_everything(full):
    full.deliver(tenant_event("Suspended"))
    before = rows_of(full)
    forget(full)
    assert rows_of(full) == before
