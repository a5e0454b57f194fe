"""The names that are shown follow the tenants' own."""

import pytest

from chassis.testing import sample_event
from services.campaigns.models import Campaign
from tests.campaigns.helpers import ANNA, CAMPAIGNS, INBOX, NORDIC, RITA, ROLF, draft, invite_of, renamed, sent, stored


def shown(anna, address):
    return [each["retailerName"] for each in anna.get(address).json["invites"]]


def test_a_retailers_new_name_is_shown(campaigns, anna):
    address = sent(anna, ROLF, RITA)
    campaigns.deliver(renamed(ROLF.tenant_id, "Fjord AS", 2))
    assert sorted(shown(anna, address)) == ["Bergen Bygg", "Fjord AS"]


def test_a_suppliers_new_name_is_shown(campaigns, anna, rolf):
    sent(anna, ROLF)
    campaigns.deliver(renamed(NORDIC, "Nordic Heat", 2))
    assert rolf.get(INBOX).json["items"][0]["supplierName"] == "Nordic Heat"
    rolf.post(f"{invite_of(rolf)}/respond", json={"response": "Accepted"})
    assert campaigns.events()[-1]["data"]["supplierName"] == "Nordic Heat"


def test_an_older_or_repeated_event_changes_nothing(campaigns, anna):
    address = sent(anna, ROLF)
    newest = renamed(ROLF.tenant_id, "Third", 3)
    campaigns.deliver(newest)
    campaigns.deliver(renamed(ROLF.tenant_id, "Second", 2), newest)
    campaigns.deliver(renamed(ROLF.tenant_id, "Again third", 3))
    assert shown(anna, address) == ["Third"]
    campaigns.deliver(renamed(ROLF.tenant_id, "Fourth", 4))
    assert shown(anna, address) == ["Fourth"]


def test_a_name_known_to_be_newer_counts_when_something_is_made(campaigns, anna, rolf):
    """An answer of prm or a token may be older than the event."""
    campaigns.deliver(renamed(ROLF.tenant_id, "Fjord AS", 2), renamed(NORDIC, "Nordic Heat", 2))
    address = sent(anna, ROLF)
    assert shown(anna, address) == ["Fjord AS"]
    assert campaigns.events("campaigns.InviteCreated.v1")[0]["data"]["retailerName"] == "Fjord AS"
    assert stored(campaigns, Campaign)[0].supplier_name == "Nordic Heat"


def test_a_rename_is_no_change_of_the_campaign(campaigns, anna):
    """Nobody's If-Match fails because somebody got a new name, and no event is written."""
    address = draft(anna)
    before, events = anna.get(address), campaigns.events()
    campaigns.deliver(renamed(NORDIC, "Nordic Heat", 2))
    after = anna.get(address)
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])
    assert campaigns.events() == events


@pytest.mark.parametrize("data", [{}, {"tenantId": "x", "name": "y"}, {"tenantId": str(NORDIC), "name": None}])
def test_what_is_no_rename_goes_to_the_dead_letters(campaigns, data):
    campaigns.deliver(sample_event("identity.TenantChanged.v1", data))
    assert [row.state for row in campaigns.parked()] == ["dead"]


def test_unknown_fields_of_an_event_are_read_over(campaigns, anna):
    event = renamed(ANNA.tenant_id, "Nordic Heat", 2)
    event["data"]["motto"] = "Warm"
    campaigns.deliver(event)
    assert campaigns.parked() == []
    assert anna.get(CAMPAIGNS).status_code == 200
