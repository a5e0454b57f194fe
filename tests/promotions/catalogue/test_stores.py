"""A tenant's stores and customer groups: made, changed, read, published."""

import pytest

from chassis.data.audit import AuditRow
from tests.promotions.helpers import HERS, MINE, everything, fields_of, is_problem, ok, revision, stored

STORES, GROUPS = f"{MINE}/stores", f"{MINE}/customergroups"
SANDNES = {"storeUid": "sandnes-1", "name": "Sandnes sentrum"}
VIP = {"customerGroupUid": "vip", "name": "Very important"}
NOUNS = [(STORES, SANDNES, "storeUid", "store"), (GROUPS, VIP, "customerGroupUid", "customer_group")]


@pytest.mark.parametrize(("address", "body", "key", "noun"), NOUNS, ids=["stores", "groups"])
def test_a_thing_is_made_once_changed_and_read(rolf, promotions, address, body, key, noun):
    """D6, D8: with a version to refer to, and a trail."""
    created = rolf.post(address, json=body)
    assert ok(created, 201) == body
    is_problem(rolf.post(address, json=body), 409, f"{noun}_exists")
    url, renamed = f"{address}/{body[key]}", body | {"name": "New name"}
    assert rolf.get(url).headers["ETag"] == created.headers["ETag"]
    assert ok(rolf.put(url, json={"name": "New name"}, headers={"If-Match": created.headers["ETag"]})) == renamed
    is_problem(rolf.put(url, json={"name": "x"}, headers={"If-Match": created.headers["ETag"]}), 412, "stale_version")
    assert ok(rolf.get(url)) == renamed
    assert ok(rolf.get(address))["items"] == [renamed]
    before = everything(promotions)
    ok(rolf.put(url, json={"name": "New name"}))
    assert everything(promotions) == before
    events = [event["type"].split(".")[1] for event in promotions.events()]
    assert events == [noun.title().replace("_", "") + verb for verb in ("Created", "Changed")]
    assert [event["sequence"] for event in promotions.events()] == [1, 2]
    changes = [row.changes for row in stored(promotions, AuditRow, AuditRow.at)]
    assert changes[-1] == {"name": [body["name"], "New name"]}


@pytest.mark.parametrize(("address", "body", "key", "noun"), NOUNS, ids=["stores", "groups"])
def test_bad_ones_are_refused_and_write_nothing(rolf, promotions, address, body, key, noun):
    before = everything(promotions)
    for changes, field in (({"name": ""}, "name"), ({key: "a\tb"}, key), ({key: None}, key), ({"x": 1}, "x")):
        problem = is_problem(rolf.post(address, json=body | changes), 422, "validation_failed")
        assert set(fields_of(problem)) == {field}
    is_problem(rolf.post(address, json={}), 422, "validation_failed")
    is_problem(rolf.put(f"{address}/none", json={"name": "x"}), 404, "not_found")
    is_problem(rolf.get(f"{address}/none"), 404, "not_found")
    assert everything(promotions) == before


@pytest.mark.parametrize(("address", "body", "key", "noun"), NOUNS, ids=["stores", "groups"])
def test_uids_are_each_tenants_own(rolf, rita, address, body, key, noun):
    ok(rolf.post(address, json=body), 201)
    hers = address.replace(MINE, HERS)
    assert ok(rita.get(hers))["items"] == []
    is_problem(rita.get(f"{hers}/{body[key]}"), 404, "not_found")
    is_problem(rita.put(f"{hers}/{body[key]}", json={"name": "x"}), 404, "not_found")
    assert ok(rita.post(hers, json=body | {"name": "Hers"}), 201)["name"] == "Hers"
    assert ok(rolf.get(f"{address}/{body[key]}")) == body


def test_a_store_can_have_regular_prices_of_its_own(rolf, rita, promotions):
    """S1-34: store list → chain list → item price; the store's and the chain's are price lists of the tenant."""
    ok(rolf.post(f"{MINE}/pricelists", json={"pricelistUid": "sandnes", "name": "Sandnes"}), 201)
    ok(rita.post(f"{HERS}/pricelists", json={"pricelistUid": "hers", "name": "Hers"}), 201)
    priced = SANDNES | {"pricelistUid": "sandnes"}
    assert ok(rolf.post(STORES, json=priced), 201) == priced
    assert ok(rolf.get(STORES))["items"] == [priced]
    is_problem(rolf.put(f"{STORES}/sandnes-1", json={"pricelistUid": "hers"}), 422, "unknown_pricelist")
    assert ok(rolf.put(f"{STORES}/sandnes-1", json={"pricelistUid": None})) == SANDNES
    assert ok(rolf.put(f"{MINE}/settings", json={"pricelistUid": "sandnes"}))["pricelistUid"] == "sandnes"
    is_problem(rolf.post(STORES, json=priced | {"pricelistUid": "none"}), 422, "unknown_pricelist")
    assert revision(promotions) == 3
