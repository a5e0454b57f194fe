"""How a tenant's promotions work, and our copy of the tenants."""

import pytest

from services.promotions.catalogue.models import Settings
from services.promotions.common.models import Tenant
from tests.promotions.helpers import (
    FJORD,
    HERS,
    MINE,
    RITA,
    ROLF,
    everything,
    fields_of,
    is_problem,
    ok,
    revision,
    stored,
    tenant_event,
)

SETTINGS = f"{MINE}/settings"
DEFAULTS = {"timeZone": "Europe/Oslo", "currency": "SEK", "strategy": "priority"}


def test_until_written_the_defaults_hold(rolf):
    """D23: the strategy is ``priority``; S1-10: the zone is the tenant's own."""
    assert ok(rolf.get(SETTINGS)) == DEFAULTS


def test_a_tenant_whose_event_has_not_arrived_yet_has_settings_too(promotions, start_service):
    promotions.wipe()
    assert ok(promotions.client(ROLF).get(SETTINGS)) == DEFAULTS | {"timeZone": "Europe/Stockholm"}


@pytest.mark.parametrize("strategy", ["priority", "best_price", "exclusive_first"])
def test_settings_are_changed_by_what_a_put_names(rolf, promotions, strategy):
    """D23: all three strategies; D8: who, and from what to what."""
    changes = {"timeZone": "Asia/Kathmandu", "currency": "NPR", "strategy": strategy}
    assert ok(rolf.put(SETTINGS, json=changes)) == changes
    assert ok(rolf.put(SETTINGS, json={"currency": "NOK"})) == changes | {"currency": "NOK"}
    assert ok(rolf.get(SETTINGS)) == changes | {"currency": "NOK"}
    events_about = [event["data"] for event in promotions.events("promotions.SettingsChanged.v1")]
    assert [data["currency"] for data in events_about] == ["NPR", "NOK"]
    assert events_about[-1]["strategy"] == strategy
    assert revision(promotions) == 2


def test_a_change_of_nothing_publishes_nothing(rolf, promotions):
    ok(rolf.put(SETTINGS, json={"currency": "NOK"}))
    before = everything(promotions)
    ok(rolf.put(SETTINGS, json={"currency": "NOK"}))
    ok(rolf.put(SETTINGS, json={}))
    assert everything(promotions) == before
    assert revision(promotions) == 1


def test_stale_settings_are_not_written_over(rolf):
    """D6."""
    seen = {"If-Match": rolf.get(SETTINGS).headers["ETag"]}
    changed = rolf.put(SETTINGS, json={"currency": "NOK"}, headers=seen)
    assert changed.headers["ETag"] != seen["If-Match"]
    is_problem(rolf.put(SETTINGS, json={"currency": "DKK"}, headers=seen), 412, "stale_version")
    assert ok(rolf.get(SETTINGS))["currency"] == "NOK"


BAD = [
    ({"timeZone": "Oslo"}, "timeZone"),
    ({"timeZone": None}, "timeZone"),
    ({"currency": "nok"}, "currency"),
    ({"currency": "EURO"}, "currency"),
    ({"strategy": "cheapest"}, "strategy"),
    ({"strategy": ""}, "strategy"),
    ({"colour": "red"}, "colour"),
]


def test_bad_settings_change_nothing(rolf, promotions):
    before = everything(promotions)
    for body, field in BAD:
        problem = is_problem(rolf.put(SETTINGS, json=body), 422, "validation_failed")
        assert fields_of(problem) == [field]
    assert everything(promotions) == before


def test_the_chains_price_list_must_exist(rolf, promotions):
    before = everything(promotions)
    problem = is_problem(rolf.put(SETTINGS, json={"pricelistUid": "none"}), 422, "unknown_pricelist")
    assert fields_of(problem) == ["pricelistUid"]
    assert everything(promotions) == before


def test_a_tenant_is_named_by_id_or_slug_and_only_by_its_own(rolf, rita):
    """D5: another's id or slug, and nobody's, are the same 404."""
    for address in (MINE, f"/v2/tenants/{str(FJORD).upper()}", "/v2/tenants/fjord-retail"):
        assert ok(rolf.get(f"{address}/settings")) == DEFAULTS
    ok(rita.put(f"{HERS}/settings", json={"currency": "DKK"}))
    for address in (HERS, "/v2/tenants/bergen-bygg", "/v2/tenants/nobody", f"/v2/tenants/{FJORD.int}"):
        is_problem(rolf.get(f"{address}/settings"), 404, "not_found")
        is_problem(rolf.put(f"{address}/settings", json={"currency": "NOK"}), 404, "not_found")
    assert ok(rita.get(f"{HERS}/settings"))["currency"] == "DKK"
    assert ok(rolf.get(SETTINGS)) == DEFAULTS


def test_our_copy_of_a_tenant_follows_the_newest_event(promotions, rolf):
    promotions.deliver(tenant_event(ROLF, 3, "Changed", slug="fjord", timeZone="Asia/Kathmandu", features=[]))
    promotions.deliver(tenant_event(ROLF, 2, "Changed", version="v1", slug=None, timeZone="Europe/Paris"))
    copies = {row.id: row for row in stored(promotions, Tenant)}
    assert (copies[FJORD].slug, copies[FJORD].features, copies[FJORD].sequence) == ("fjord", [], 3)
    assert copies[RITA.tenant_id].slug == "bergen-bygg"
    assert ok(rolf.get(SETTINGS))["timeZone"] == "Asia/Kathmandu"


def test_the_first_two_writers_share_one_row(promotions, rolf, till):
    ok(rolf.put(SETTINGS, json={"currency": "NOK"}))
    ok(till.put(SETTINGS, json={"strategy": "best_price"}))
    assert len(stored(promotions, Settings)) == 1
