"""A tenant that has ended: what was answered stays for the other side, everything else of it goes."""

import threading

import pytest

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from privacy.tenant_data import TenantData, change_where, delete_where
from services.campaigns.models import Invite
from tests.campaigns.helpers import ANNA, CAMPAIGNS, INBOX, RITA, ROLF, counts, draft, invite_of, renamed, sent, stored
from tests.plugin.endings import end, go_through, may_remain, tables_with, wait_until_blocked
from tests.plugin.search import rows_with

SYSTEM = Principal.system("campaigns")


def answer(client, note="Gladly."):
    answered = client.post(f"{invite_of(client)}/respond", json={"response": "Accepted", "note": note})
    assert answered.status_code == 200, answered.json


def test_of_a_supplier_remains_what_a_retailer_has_answered(campaigns, anna, rolf, rita):
    sent(anna, ROLF, RITA, name="Answered", targetingCriteria='{"plan": "secret"}')
    answer(rolf)
    sent(anna, RITA, name="Unanswered")
    draft(anna, name="Draft")
    end(campaigns, ANNA.tenant_id)
    assert tables_with(campaigns, ANNA.tenant_id) == {"campaigns", "invites", "audit"}
    assert tables_with(campaigns, ANNA.tenant_id) <= may_remain(campaigns)
    shown = rolf.get(INBOX).json["items"]
    assert [(one["campaignName"], one["supplierName"], one["status"], one["note"]) for one in shown] == [
        ("Answered", "former company", "Accepted", "Gladly.")
    ]
    assert rita.get(INBOX).json["items"] == []
    engine = campaigns.database.engine
    for text in ("Nordic Heating", '"plan"', "Unanswered", "Draft"):
        assert {table for table, _ in rows_with(engine, text)} <= {"audit", "outbox"}, text


def test_a_retailers_answers_stay_and_nobody_waits_for_the_others(campaigns, anna, rolf, rita):
    first = sent(anna, ROLF, RITA, name="First")
    answer(rolf)
    second = sent(anna, ROLF, RITA, name="Second")
    tags = [anna.get(address).headers["ETag"] for address in (first, second)]
    end(campaigns, ROLF.tenant_id)
    assert tables_with(campaigns, ROLF.tenant_id) <= may_remain(campaigns)
    assert counts(anna.get(first).json) == (2, 1, 0, 1)
    assert counts(anna.get(second).json) == (1, 0, 0, 1)
    assert {invite["retailerName"] for invite in anna.get(first).json["invites"]} == {"former company", "Bergen Bygg"}
    assert [anna.get(address).headers["ETag"] for address in (first, second)] != tags
    listed = anna.get(CAMPAIGNS).json["items"]
    assert {campaign["name"]: campaign["inviteCount"] for campaign in listed} == {"First": 2, "Second": 1}
    go_through(campaigns)
    assert counts(anna.get(second).json) == (1, 0, 0, 1), "once"


def test_what_two_shared_goes_with_the_second(campaigns, anna, rolf):
    sent(anna, ROLF)
    answer(rolf)
    end(campaigns, ANNA.tenant_id)
    end(campaigns, ROLF.tenant_id)
    for tenant in (ANNA, ROLF):
        assert tables_with(campaigns, tenant.tenant_id) - {"tenant_names"} <= {"audit"}


def test_a_name_that_had_changed_goes_and_no_late_event_brings_it_back(campaigns, anna, rolf):
    campaigns.deliver(renamed(ANNA.tenant_id, "Nordic Warmth", 5))
    sent(anna, ROLF)
    answer(rolf)
    end(campaigns, ANNA.tenant_id)
    assert rolf.get(INBOX).json["items"][0]["supplierName"] == "former company"
    campaigns.deliver(renamed(ANNA.tenant_id, "Nordic Cold", 6))
    go_through(campaigns)
    assert rolf.get(INBOX).json["items"][0]["supplierName"] == "former company"
    for name in ("Nordic Warmth", "Nordic Cold"):
        assert {table for table, _ in rows_with(campaigns.database.engine, name)} <= {"outbox"}


def test_it_goes_in_pieces(campaigns, anna, rolf, rita, monkeypatch):
    monkeypatch.setattr("privacy.tenant_data.AT_ONCE", 1)
    monkeypatch.setattr("services.campaigns.tenant_actions.AT_ONCE", 1)
    for name in ("One", "Two", "Three"):
        sent(anna, ROLF, RITA, name=name)
        answer(rolf)
    sent(anna, ROLF, RITA, name="Four")
    end(campaigns, ROLF.tenant_id)
    end(campaigns, ANNA.tenant_id)
    assert tables_with(campaigns, ANNA.tenant_id) - {"audit"} <= {"tenant_names"}
    assert rita.get(INBOX).json["items"] == []


def take_step(campaigns, step, results):
    with acting_as(SYSTEM), campaigns.database.begin() as session:
        results.append(step(session, TenantData(Invite, "Invites."), ANNA.tenant_id, utcnow()))


def while_answered(campaigns, step):
    """Take a step that waits for an invite which is being answered; returns what the step returned."""
    results = []
    thread = threading.Thread(target=take_step, args=(campaigns, step, results))
    with acting_as(SYSTEM), campaigns.database.begin() as session:
        answered = session.get(Invite, stored(campaigns, Invite)[0].id, with_for_update=True)
        answered.respond("Accepted", "Gladly.", utcnow())
        session.flush()
        thread.start()
        wait_until_blocked(campaigns, thread)
    thread.join(10)
    return results


def is_pending(_tenant_id):
    return Invite.status == "Pending"


@pytest.mark.parametrize("step", [delete_where(is_pending), change_where(is_pending, status="Declined")])
def test_an_invite_that_is_answered_at_that_moment_stays_as_answered(campaigns, anna, step):
    sent(anna, ROLF)
    assert while_answered(campaigns, step) == [False]
    assert [(invite.status, invite.note) for invite in stored(campaigns, Invite)] == [("Accepted", "Gladly.")]


def test_one_that_is_answered_meanwhile_does_not_end_the_step(campaigns, anna, monkeypatch):
    """Of two invites, one at a time: the first does not count, and the second goes."""
    monkeypatch.setattr("privacy.tenant_data.AT_ONCE", 1)
    sent(anna, ROLF, RITA)
    assert while_answered(campaigns, delete_where(is_pending)) == [True]
    assert [invite.status for invite in stored(campaigns, Invite)] == ["Accepted"]
