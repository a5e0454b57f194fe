"""The names that are shown follow the tenants' own."""

import pytest

from chassis.core.principal import Principal, acting_as
from services.campaigns import queries, tenant_actions
from tests.campaigns.helpers import (
    ANNA,
    CAMPAIGNS,
    INBOX,
    NORDIC,
    RITA,
    ROLF,
    SPRING,
    draft,
    ids_of,
    invite_of,
    is_problem,
    last_id,
    renamed,
    sent,
)
from tests.plugin import sample_event


def shown(anna, address):
    return [row["retailerName"] for row in anna.get(address).json["invites"]]


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
    for event_type, field in [("CampaignCreated", "supplierName"), ("InviteCreated", "supplierName")]:
        assert campaigns.events(f"campaigns.{event_type}.v1")[0]["data"][field] == "Nordic Heat"
    assert campaigns.events("campaigns.InviteCreated.v1")[0]["data"]["retailerName"] == "Fjord AS"


def test_a_rename_still_under_way_in_its_first_version_counts(campaigns, anna):
    address = sent(anna, ROLF)
    campaigns.deliver(renamed(ROLF.tenant_id, "Fjord AS", 2, "v1"), renamed(NORDIC, "Nordic Heat", 2, "v2"))
    assert [row["retailerName"] for row in anna.get(f"{address}/invites").json["items"]] == ["Fjord AS"]


def test_later_events_say_the_newest_names(campaigns, anna, rolf):
    address, other = sent(anna, ROLF), draft(anna)
    campaigns.deliver(renamed(ROLF.tenant_id, "Fjord AS", 2), renamed(NORDIC, "Nordic Heat", 2))
    anna.put(other, json=SPRING | {"name": "Other"})
    anna.post(f"{other}/send", json={"retailerIds": ids_of(ROLF)})
    rolf.post(f"{invite_of(rolf)}/respond", json={"response": "Accepted"})
    data = {event["type"].split(".")[1]: event["data"] for event in campaigns.events()}
    assert data["CampaignChanged"]["supplierName"] == "Nordic Heat"
    for row in (data["InviteCreated"], data["InviteResponded"]):
        assert (row["supplierName"], row["retailerName"]) == ("Nordic Heat", "Fjord AS")
    assert [row["retailerName"] for row in anna.get(f"{address}/invites").json["items"]] == ["Fjord AS"]


def test_a_new_name_is_a_new_version_of_what_shows_it(campaigns, anna, rolf):
    """D6: a campaign shows its retailers, an invite its supplier; what shows neither keeps its version."""
    invited, other = sent(anna, ROLF), sent(anna, RITA)
    invite = invite_of(rolf)

    def tags():
        return [
            client.get(address).headers["ETag"] for client, address in ((anna, invited), (anna, other), (rolf, invite))
        ]

    assert tags() == ['"2"', '"2"', '"1"']
    campaigns.deliver(renamed(ROLF.tenant_id, "Fjord AS", 2))
    assert tags() == ['"3"', '"2"', '"1"']
    campaigns.deliver(renamed(NORDIC, "Nordic Heat", 2))
    assert tags() == ['"3"', '"2"', '"2"']
    campaigns.deliver(renamed(ROLF.tenant_id, "Fjord AS", 3), renamed(NORDIC, "Nordic Heat", 3))
    assert tags() == ['"3"', '"2"', '"2"'], "news that are no new name"
    is_problem(
        anna.post(f"{invited}/status", json={"status": "ResponsesIn"}, headers={"If-Match": '"2"'}),
        412,
        "stale_version",
    )
    yes = {"response": "Accepted"}
    is_problem(rolf.post(f"{invite}/respond", json=yes, headers={"If-Match": '"1"'}), 412, "stale_version")
    answered = rolf.post(f"{invite}/respond", json=yes, headers={"If-Match": '"2"'})
    assert (answered.status_code, answered.headers["ETag"]) == (200, '"3"')


def test_the_first_news_of_a_name_already_shown_change_no_campaign(campaigns, anna):
    address = sent(anna, ROLF)
    campaigns.deliver(renamed(ROLF.tenant_id, ROLF.tenant_name, 2))
    assert anna.get(address).headers["ETag"] == '"2"'


def test_a_send_that_overlaps_a_rename_shows_the_new_name(campaigns, anna):
    """Neither waits for the other, and it does not matter which of them has read what."""
    if campaigns.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    with acting_as(Principal.system("campaigns")), campaigns.database.begin() as session:
        tenant_actions.rename_tenant(session, ROLF.tenant_id, "Fjord AS", sequence=2)
        tenant_actions.rename_tenant(session, NORDIC, "Nordic Heat", sequence=2)
        address = sent(anna, ROLF)
    assert shown(anna, address) == ["Fjord AS"]
    assert campaigns.client(ROLF).get(INBOX).json["items"][0]["supplierName"] == "Nordic Heat"


def test_a_batch_of_renames_waits_for_no_invite(campaigns, anna, rolf, rita):
    """Retailers who are just answering hold their invites and then take the campaign; no rename does the reverse."""
    if campaigns.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    address = sent(anna, ROLF, RITA)
    rolfs, ritas = last_id(invite_of(rolf)), last_id(invite_of(rita))
    with acting_as(ROLF), campaigns.database.begin() as session:
        queries.lock_invite(session, rolfs)
        with acting_as(RITA), campaigns.database.begin() as another:
            queries.lock_invite(another, ritas)
            campaigns.deliver(
                renamed(ROLF.tenant_id, "Fjord AS", 2), renamed(NORDIC, "Heat", 2), renamed(RITA.tenant_id, "Bygg", 2)
            )
    assert campaigns.retry_rows() == []
    assert sorted(shown(anna, address)) == ["Bygg", "Fjord AS"]


def test_a_suppliers_rename_is_no_change_of_its_campaigns(campaigns, anna):
    """They do not show it, so nobody's If-Match fails; and no event is written."""
    address = draft(anna)
    before, events = anna.get(address), campaigns.events()
    campaigns.deliver(renamed(NORDIC, "Nordic Heat", 2))
    after = anna.get(address)
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])
    assert campaigns.events() == events


@pytest.mark.parametrize("data", [{}, {"tenantId": "x", "name": "y"}, {"tenantId": str(NORDIC), "name": None}])
def test_what_is_no_rename_goes_to_the_dead_letters(campaigns, data):
    campaigns.deliver(sample_event("identity.TenantChanged.v1", data))
    assert [row.state for row in campaigns.retry_rows()] == ["dead"]


def test_unknown_fields_of_an_event_are_read_over(campaigns, anna):
    event = renamed(ANNA.tenant_id, "Nordic Heat", 2)
    event["data"]["motto"] = "Warm"
    campaigns.deliver(event)
    assert campaigns.retry_rows() == []
    assert anna.get(CAMPAIGNS).status_code == 200
