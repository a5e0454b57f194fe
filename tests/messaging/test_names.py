"""The names that are shown follow the tenants' own."""

import pytest

from tests.messaging.helpers import ANNA, NORDIC, ROLF, THREADS, begun, listed, renamed, write
from tests.plugin import sample_event


def names(client):
    return [(item["supplierName"], item["retailerName"]) for item in client.get(THREADS).json["items"]]


def test_new_names_are_shown_to_both(messaging, anna, rolf):
    begun(anna)
    messaging.deliver(renamed(ROLF.tenant_id, "Fjord AS", 2), renamed(NORDIC, "Nordic Heat", 2))
    assert names(anna) == names(rolf) == [("Nordic Heat", "Fjord AS")]


def test_a_rename_still_under_way_in_its_first_version_counts(messaging, anna):
    begun(anna)
    messaging.deliver(renamed(ROLF.tenant_id, "Fjord AS", 2, "v1"), renamed(NORDIC, "Nordic Heat", 2, "v2"))
    assert names(anna) == [("Nordic Heat", "Fjord AS")]


def test_events_carry_the_new_names(messaging, anna, rolf):
    address = begun(anna)
    messaging.deliver(renamed(ROLF.tenant_id, "Fjord AS", 2))
    write(rolf, address)
    assert messaging.events()[-1]["data"]["retailerName"] == "Fjord AS"


def test_an_older_or_repeated_event_changes_nothing(messaging, anna):
    begun(anna)
    newest = renamed(ROLF.tenant_id, "Third", 3)
    messaging.deliver(newest)
    messaging.deliver(renamed(ROLF.tenant_id, "Second", 2), newest)
    messaging.deliver(renamed(ROLF.tenant_id, "Again third", 3))
    assert names(anna) == [("Nordic Heating", "Third")]
    messaging.deliver(renamed(ROLF.tenant_id, "Fourth", 4))
    assert names(anna) == [("Nordic Heating", "Fourth")]


def test_a_name_known_to_be_newer_counts_when_a_thread_is_opened(messaging, anna):
    """An answer of prm may be older than the event."""
    messaging.deliver(renamed(ROLF.tenant_id, "Fjord AS", 2), renamed(NORDIC, "Nordic Heat", 2))
    begun(anna)
    assert names(anna) == [("Nordic Heat", "Fjord AS")]
    assert messaging.events()[0]["data"]["retailerName"] == "Fjord AS"


def test_a_rename_is_a_change_of_what_both_see_but_no_message(messaging, anna, rolf):
    """Who keeps a copy hears of it; the order of the list and the events stay as they are."""
    begun(anna, subject="First")
    begun(anna, subject="Second")
    since = max(item["updatedAt"] for item in rolf.get(THREADS).json["items"])
    events = messaging.events()
    messaging.deliver(renamed(NORDIC, "Nordic Heat", 2))
    assert listed(anna) == ["Second", "First"]
    assert listed(rolf, f"?updatedSince={since}") == ["Second", "First"]
    assert messaging.events() == events


@pytest.mark.parametrize("data", [{}, {"tenantId": "x", "name": "y"}, {"tenantId": str(NORDIC), "name": None}])
def test_what_is_no_rename_goes_to_the_dead_letters(messaging, data):
    messaging.deliver(sample_event("identity.TenantChanged.v1", data))
    assert [row.state for row in messaging.retry_rows()] == ["dead"]


def test_unknown_fields_of_an_event_are_read_over(messaging, anna):
    event = renamed(ANNA.tenant_id, "Nordic Heat", 2)
    event["data"]["motto"] = "Warm"
    messaging.deliver(event)
    assert messaging.retry_rows() == []
