"""Idle senders of webhooks are woken: by what their own process commits, and by the one thread that looks for all."""

from datetime import timedelta

import pytest
import time_machine

from chassis.core.clock import utcnow
from chassis.core.principal import acting_as
from contracts.roles import Role
from services.notifier.webhooks import sender, waking
from tests.notifier.helpers import NORDIC, SYSTEM, statements
from tests.notifier.webhooks.hooks import WEBHOOKS, add, claim, happened, settle
from tests.plugin import principal


@pytest.fixture
def anna(notifier):
    return notifier.client(principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC))


def rings(notifier):
    return waking.bell_of(notifier.runtime).rings


def look(notifier):
    """Whether the thread that looks for all senders wakes them."""
    before = rings(notifier)
    with acting_as(SYSTEM):
        sender.wake_senders(notifier.runtime)
    return rings(notifier) > before


def test_an_event_that_a_webhook_wants_wakes_the_senders(notifier, anna):
    before = rings(notifier)
    notifier.deliver(happened(1))
    assert rings(notifier) == before
    add(anna)
    notifier.deliver(happened(2))
    assert rings(notifier) == before + 1


def test_what_an_owner_wants_sent_now_wakes_the_senders(notifier, anna):
    """A test message, one that waits for its next attempt, and all of a webhook that is resumed."""
    address = f"{WEBHOOKS}/{add(anna)['id']}"
    before = rings(notifier)
    assert anna.post(f"{address}/test").status_code == 202
    assert rings(notifier) == before + 1
    settle(notifier, claim(notifier), 200)
    event = happened(1)
    notifier.deliver(event)
    settle(notifier, claim(notifier), 500)
    before = rings(notifier)
    assert anna.post(f"{address}/redeliver", json={"eventId": event["id"]}).status_code == 202
    assert rings(notifier) == before + 1
    assert anna.post(f"{address}/pause").status_code == 200
    assert anna.post(f"{address}/resume").status_code == 200
    assert rings(notifier) > before + 1


def test_one_look_wakes_the_senders_when_a_retry_is_due(notifier, anna):
    """And while nothing is due they sleep, and the look is one statement that reads."""
    add(anna)
    assert not look(notifier)
    notifier.deliver(happened(1))
    assert look(notifier)
    settle(notifier, claim(notifier), 500)
    with statements(notifier) as sent:
        assert not look(notifier)
    assert len([statement for statement in sent if statement.startswith("SELECT")]) == 1
    with time_machine.travel(utcnow() + timedelta(hours=1)):
        assert look(notifier)
