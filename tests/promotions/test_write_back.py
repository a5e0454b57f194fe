"""What a resource answers can be sent back as its update, and changes nothing (D65)."""

from unittest.mock import ANY

import pytest

from tests.promotions.helpers import MINE, ROLF, everything, is_problem, ok, tenant_event
from tests.promotions.sales.helpers import AUGUST, CAMPAIGNS, SELECTION, SOCKS, activate, furnish, made, select

WARNINGS = "Concord-Warnings"


@pytest.fixture
def shop(rolf):
    furnish(rolf)
    ok(rolf.post(f"{MINE}/customergroups", json={"customerGroupUid": "vip", "name": "VIP"}), 201)
    ok(rolf.put(f"{MINE}/stores/store-1", json={"pricelistUid": "pricelist-august-2024"}))
    ok(rolf.put(f"{MINE}/settings", json={"strategy": "best_price", "pricelistUid": "pricelist-august-2024"}))
    made(rolf, AUGUST, campaignUid="listed", campaignCode="Höst 24", priority=3)
    made(rolf, SOCKS, campaignUid="new", customerGroupUid="vip", amountThreshold="12.50", preventCombinations=True)
    made(rolf, SOCKS, campaignUid="everywhere", storeUids=[])
    ok(rolf.put(f"{CAMPAIGNS}/new/selections", json=SELECTION))
    ok(rolf.put(f"{CAMPAIGNS}/new/limits", json={"totalUses": 5, "totalDiscount": "100"}))
    select(rolf, made(rolf, SOCKS, campaignUid="active"), {"brandUids": ["apple"]})
    activate(rolf, f"{CAMPAIGNS}/active")
    activate(rolf, made(rolf, SOCKS, campaignUid="inactive"))
    activate(rolf, f"{CAMPAIGNS}/inactive", "INACTIVE")
    return rolf


RESOURCES = [
    "settings",
    "stores/store-1",
    "stores/sandnes-1",
    "customergroups/vip",
    "pricelists/pricelist-august-2024",
    *(f"campaigns/{uid}" for uid in ("listed", "new", "everywhere", "active", "inactive")),
    "campaigns/new/limits",
    "campaigns/active/limits",
]


@pytest.mark.parametrize("resource", RESOURCES)
def test_an_answer_that_is_written_back_changes_nothing(shop, promotions, resource):
    """D65: every resource that a PUT changes; also with the version that was read (D6)."""
    read = shop.get(f"{MINE}/{resource}")
    before = everything(promotions) | {"campaign_usages": ANY}  # whose rows are locks first
    written = shop.put(f"{MINE}/{resource}", json=ok(read), headers={"If-Match": read.headers["ETag"]})
    assert ok(written) == read.json
    assert "read_only_field" not in written.headers.get(WARNINGS, "")
    assert everything(promotions) == before
    assert shop.get(f"{MINE}/{resource}").headers["ETag"] == read.headers["ETag"]


def test_the_tenants_own_zone_sent_back_goes_on_being_the_tenants_own(rolf, promotions):
    """S1-10: until a zone is chosen here, the tenant's own holds, whatever it will be."""
    ok(rolf.put(f"{MINE}/settings", json=ok(rolf.get(f"{MINE}/settings")) | {"strategy": "best_price"}))
    promotions.deliver(tenant_event(ROLF, 2, "Changed", timeZone="Asia/Kathmandu"))
    assert ok(rolf.get(f"{MINE}/settings"))["timeZone"] == "Asia/Kathmandu"


def test_products_are_written_back(shop, promotions):
    variants = [{"variantUid": "v1"}, {"variantUid": "v2", "price": "9.50"}]
    row = {"productUid": "p", "name": "P", "price": 10, "cost": 4, "brandUid": "b", "categoryUids": ["c"]}
    ok(shop.post(f"{MINE}/products", json={"products": [row | {"variants": variants}]}))
    items = ok(shop.get(f"{MINE}/products?pageSize=200"))["items"]
    before = everything(promotions)
    results = ok(shop.put(f"{MINE}/products", json={"products": items}))["results"]
    assert {item["status"] for item in results} == {"updated"}
    assert everything(promotions) == before


@pytest.mark.parametrize("uid", ["new", "inactive"])
def test_a_field_that_was_changed_after_reading_is_changed(shop, uid):
    address = f"{CAMPAIGNS}/{uid}"
    read = ok(shop.get(address))
    written = shop.put(address, json=read | {"priority": 9})
    assert ok(written) == read | {"priority": 9}
    assert WARNINGS not in written.headers


CHANGED = [
    ("campaigns/new", {"stores": []}),
    ("campaigns/new", {"selection": {"include": {}, "exclude": {}}}),
    ("campaigns/new", {"customerGroup": {"customerGroupUid": "staff", "name": "Staff"}}),
    ("campaigns/listed", {"pricelist": None}),
    ("stores/store-1", {"storeUid": "store-2"}),
    ("customergroups/vip", {"customerGroupUid": "staff"}),
    ("pricelists/pricelist-august-2024", {"products": []}),
    ("pricelists/pricelist-august-2024", {"productCount": 7}),
]


@pytest.mark.parametrize(("resource", "changes"), CHANGED)
def test_a_changed_read_only_field_is_ignored_with_a_warning(shop, promotions, resource, changes):
    address = f"{MINE}/{resource}"
    read = ok(shop.get(address))
    before = everything(promotions)
    written = shop.put(address, json=read | changes)
    assert ok(written) == read
    assert "read_only_field" in written.headers[WARNINGS]
    assert everything(promotions) == before


def test_what_is_written_by_its_uids_is_not_said_to_be_ignored(shop):
    read = ok(shop.get(f"{CAMPAIGNS}/new"))
    written = shop.put(f"{CAMPAIGNS}/new", json=read | {"storeUids": ["sandnes-1"], "customerGroupUid": None})
    assert [store["storeUid"] for store in ok(written)["stores"]] == ["sandnes-1"]
    assert "customerGroup" not in written.json
    assert WARNINGS not in written.headers


def test_a_selection_is_written_back_as_it_is_answered(shop, promotions):
    """D21, D65: read keys are taken as well, with their names or without."""
    read = ok(shop.get(f"{CAMPAIGNS}/new"))["selection"]
    before = everything(promotions)
    for selection in (read, {"include": read["include"] | SELECTION["create"]["include"], "exclude": read["exclude"]}):
        assert ok(shop.put(f"{CAMPAIGNS}/new/selections", json={"create": selection}))["selection"] == read
    assert everything(promotions) == before
    without_brands = {"include": read["include"] | {"brands": []}, "exclude": read["exclude"]}
    changed = ok(shop.put(f"{CAMPAIGNS}/new/selections", json={"create": without_brands}))["selection"]
    assert changed == {"include": read["include"] | {"brands": []}, "exclude": read["exclude"]}


def test_fields_that_nobody_answers_are_refused_as_before(shop, promotions):
    before = everything(promotions)
    for resource in RESOURCES:
        is_problem(shop.put(f"{MINE}/{resource}", json={"colour": "red"}), 422, "validation_failed")
    for field in ("stores", "selection", "pricelist"):
        is_problem(shop.post(CAMPAIGNS, json=SOCKS | {field: None}), 422, "validation_failed")
    assert everything(promotions) == before


@pytest.mark.parametrize("code", ["", None])
def test_no_code_is_written_as_it_is_answered(shop, code):
    """S1-9, D67: ``""`` and null are none; white space alone is refused, and a code is kept as it was written."""
    address = made(shop, SOCKS, campaignUid="coded", campaignCode="  Vår 24 ")
    assert ok(shop.get(address))["campaignCode"] == "Vår 24"
    for blank in (" ", "\t", "\u00a0 "):
        is_problem(shop.put(address, json={"campaignCode": blank}), 422, "validation_failed")
        is_problem(shop.post(CAMPAIGNS, json=SOCKS | {"campaignCode": blank}), 422, "validation_failed")
    assert ok(shop.get(address))["campaignCode"] == "Vår 24"
    assert ok(shop.put(address, json={"campaignCode": code}))["campaignCode"] == ""
