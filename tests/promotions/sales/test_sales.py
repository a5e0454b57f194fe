"""Sales campaigns (S1): made, changed and read as the vendor's document shows.

Bad requests of one kind are subtests: they change nothing, and a shop takes long to set up.
"""

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.data.audit import AuditRow
from tests.plugin.matrix import generated
from tests.promotions.helpers import HERS, MINE, everything, fields_of, is_problem, ok, revision, stored
from tests.promotions.sales.helpers import (
    AUGUST,
    AUGUST_ANSWER,
    CAMPAIGNS,
    LISTS,
    NOTHING,
    SELECTION,
    SOCKS,
    STORES,
    activate,
    furnish,
    made,
)


@pytest.fixture
def shop(rolf):
    return furnish(rolf)


def test_the_documents_price_list_campaign(shop):
    """S1-2, S1-4, S1-5, S1-8, S1-9, S1-10, S1-11: the example request word for word, and its answer."""
    created = shop.post(CAMPAIGNS, json=AUGUST)
    assert ok(created, 201) == AUGUST_ANSWER
    assert list(created.json) == list(AUGUST_ANSWER)
    assert ok(shop.get(f"{CAMPAIGNS}/backtoschool")) == AUGUST_ANSWER
    assert ok(shop.put(f"{CAMPAIGNS}/backtoschool", json={"status": "ACTIVE"})) == AUGUST_ANSWER | {"status": "ACTIVE"}


def test_the_documents_three_for_two(shop):
    """S1-4, S1-7, S1-8, S1-9, S1-22, S1-28, D20, D21: create, select, activate, all of it word for word."""
    created = ok(shop.post(CAMPAIGNS, json=SOCKS), 201)
    assert created == AUGUST_ANSWER | {
        "name": "3 for 2 - Socks",
        "displayName": "Socks: 3 for 2",
        "type": "CAMPAIGN",
        "discountType": "CHEAPEST_PRODUCT",
        "stores": [{"name": "Store 1", "storeUid": "store-1"}],
        "pricelist": None,
        "discountPercent": 100,
        "quantityThreshold": 3,
        "maxUsage": 1,
        "campaignUid": "3for2socks",
    }
    selected = ok(shop.put(f"{CAMPAIGNS}/3for2socks/selections", json=SELECTION))
    side = {
        "brands": [{"brandUid": "string", "name": "string"}],
        "categories": [{"categoryUid": "string", "name": "string"}],
        "productGroups": [{"productGroupUid": "string", "name": "string"}],
        "products": [{"productUid": "string", "name": "string"}],
    }
    assert selected == created | {"selection": {"include": side, "exclude": side}}
    assert ok(shop.put(f"{CAMPAIGNS}/3for2socks", json={"status": "ACTIVE"})) == selected | {"status": "ACTIVE"}


def test_all_that_is_optional(shop):
    """S1-7, S1-16, S1-17, S1-18, S1-37: kept and answered; money as numbers, whichever way it was written."""
    ok(shop.post(f"{MINE}/customergroups", json={"customerGroupUid": "vip", "name": "Very important"}), 201)
    optional = {
        "priority": 7,
        "campaignCode": "SPRING",
        "preventCombinations": True,
        "quantityThreshold": 2,
        "maxUsage": 4,
        "customerGroupUid": "vip",
    }
    for kind in ("QUALIFIED_PRODUCT", "CHEAPEST_PRODUCT", "ORDER_DISCOUNT"):
        body = SOCKS | optional | {"campaignUid": kind.lower(), "discountType": kind, "amountThreshold": "299.50"}
        del body["discountPercentage"]
        campaign = ok(shop.post(CAMPAIGNS, json=body | {"discountAmount": 12.5}), 201)
        for name in ("priority", "campaignCode", "preventCombinations", "quantityThreshold", "maxUsage"):
            assert campaign[name] == optional[name]
        assert (campaign["discountType"], campaign["amountThreshold"], campaign["discountAmount"]) == (
            kind,
            299.5,
            12.5,
        )
        assert campaign["customerGroup"] == {"customerGroupUid": "vip", "name": "Very important"}


def test_no_stores_are_all_stores(shop):
    """S1-1: given stores or all of them."""
    assert ok(shop.post(CAMPAIGNS, json=SOCKS | {"storeUids": []}), 201)["stores"] == []
    items = ok(shop.post(f"{CAMPAIGNS}/search", json={"storeUids": ["sandnes-1"]}))["items"]
    assert [item["campaignUid"] for item in items] == ["3for2socks"]


REQUIRED = ("name", "displayName", "validFrom", "validTo", "type", "discountType", "storeUids")


def test_what_is_required_is_named_where_it_is_missing(shop, promotions, subtests):
    """S1-4: for both types."""
    before = everything(promotions)
    for body, field in product((AUGUST, SOCKS), REQUIRED):
        with subtests.test(type=body["type"], field=field):
            less = {name: value for name, value in body.items() if name != field}
            problem = is_problem(shop.post(CAMPAIGNS, json=less), 422, "validation_failed")
            assert fields_of(problem) == [field]
    assert everything(promotions) == before


BAD = {
    "price list": [
        ({"pricelistUid": None}, "pricelistUid"),  # S1-5
        ({"discountType": "CHEAPEST_PRODUCT"}, "discountType"),  # S1-5
        ({"discountType": "ORDER_DISCOUNT"}, "discountType"),  # S1-5
        ({"discountAmount": 5}, "discountAmount"),  # S1-2
        ({"discountPercent": 5}, "discountPercent"),  # S1-2
        ({"quantityThreshold": 3}, "quantityThreshold"),  # S1-2
        ({"amountThreshold": 3}, "amountThreshold"),  # S1-2
        ({"maxUsage": 1}, "maxUsage"),  # S1-2
    ],
    "discount": [
        ({"discountAmount": 10}, "discountAmount"),  # S1-6: both
        ({"discountPercentage": 0}, "discountAmount"),  # S1-6: neither
        ({"discountPercentage": None}, "discountAmount"),  # S1-6: neither
        ({"discountPercentage": 100, "discountPercent": 50}, "discountPercentage"),  # D20
        ({"pricelistUid": "pricelist-august-2024"}, "pricelistUid"),
        ({"discountPercentage": 100.5}, "discountPercentage"),
        ({"discountPercentage": 33.333}, "discountPercentage"),
        ({"discountPercentage": -1}, "discountPercentage"),
        ({"discountPercentage": 1e300}, "discountPercentage"),
        ({"discountPercentage": None, "discountPercent": 10**29}, "discountPercent"),
    ],
    "window": [
        ({"validTo": "2024-08-04T08:00:00Z"}, "validTo"),  # D3: an equal end
        ({"validTo": "2024-08-04T09:59:59+02:00"}, "validTo"),  # D3
        ({"validFrom": "2024-08-04"}, "validFrom"),
        ({"validFrom": "2024-08-04T08:00:00"}, "validFrom"),
        ({"validTo": "9999-12-31T23:59:59Z"}, "validTo"),
        ({"validFrom": "1800-01-01T00:00:00Z"}, "validFrom"),
    ],
    "numbers": [
        ({"quantityThreshold": -1}, "quantityThreshold"),
        ({"quantityThreshold": 2.5}, "quantityThreshold"),
        ({"quantityThreshold": 2**31}, "quantityThreshold"),
        ({"amountThreshold": "1.001"}, "amountThreshold"),
        ({"maxUsage": -1}, "maxUsage"),
        ({"priority": -1}, "priority"),
        ({"priority": True}, "priority"),
        ({"preventCombinations": "yes"}, "preventCombinations"),
    ],
    "texts": [
        ({"type": "RULE"}, "type"),
        ({"discountType": "FREE"}, "discountType"),
        ({"storeUids": "store-1"}, "storeUids"),
        ({"name": " "}, "name"),
        ({"displayName": "x" * 201}, "displayName"),
        ({"campaignUid": "search"}, "campaignUid"),
        ({"campaignUid": " .. "}, "campaignUid"),
        ({"campaignCode": "  "}, "campaignCode"),  # D67
        ({"campaignCode": "\u200b"}, "campaignCode"),
        ({"campaignCode": "A\nB"}, "campaignCode"),
        ({"campaignCode": "A\u202eB"}, "campaignCode"),
        ({"campaignCode": "x" * 51}, "campaignCode"),
        ({"status": "ACTIVE"}, "status"),
        ({"colour": "red"}, "colour"),
    ],
}


@pytest.mark.parametrize("group", BAD)
def test_bad_campaigns_are_refused_and_write_nothing(shop, promotions, subtests, group):
    """S1-2, S1-5, S1-6, D3, D20; the same when a good one is changed into a bad one."""
    body = AUGUST if group == "price list" else SOCKS
    address = made(shop, body, campaignUid="good")
    before = everything(promotions)
    for changes, field in BAD[group]:
        with subtests.test(changes=changes):
            problem = is_problem(shop.post(CAMPAIGNS, json=body | changes), 422, "validation_failed")
            assert set(fields_of(problem)) == {field}
            if "status" not in changes:
                problem = is_problem(shop.put(address, json=changes), 422, "validation_failed")
                assert field in fields_of(problem)
    assert everything(promotions) == before


UNKNOWN = [
    ({"storeUids": ["store-1", "none", "hers"]}, "unknown_store", ["storeUids.1", "storeUids.2"]),
    ({"customerGroupUid": "none"}, "unknown_customer_group", ["customerGroupUid"]),
    (AUGUST | {"pricelistUid": "none"}, "unknown_pricelist", ["pricelistUid"]),
]


@pytest.mark.parametrize(("changes", "code", "fields"), UNKNOWN, ids=lambda value: value if type(value) is str else "")
def test_unknown_uids_are_named(shop, rita, promotions, changes, code, fields):
    """S1-3: the price list must exist first; another tenant's store is not there either."""
    ok(rita.post(f"{HERS}/stores", json={"storeUid": "hers", "name": "Hers"}), 201)
    address = made(shop)
    before = everything(promotions)
    body = SOCKS | {"campaignUid": "new"} | changes
    if "pricelistUid" in changes:
        del body["discountPercentage"], body["quantityThreshold"], body["maxUsage"]
    assert fields_of(is_problem(shop.post(CAMPAIGNS, json=body), 422, code)) == fields
    assert fields_of(is_problem(shop.put(address, json=changes), 422, code)) == fields
    assert everything(promotions) == before


def test_a_neutral_spelling_of_the_percentage_contradicts_nothing(shop):
    """D20, S1-9: 0 and null in one spelling leave the word to the other."""
    for number, neutral in enumerate((0, None)):
        for spelling in ("discountPercent", "discountPercentage"):
            percents = {"discountPercent": 100, "discountPercentage": 100} | {spelling: neutral}
            body = SOCKS | percents | {"campaignUid": f"{spelling.lower()}{number}"}
            assert ok(shop.post(CAMPAIGNS, json=body), 201)["discountPercent"] == 100


def test_zeros_and_nulls_are_as_good_as_nothing(shop):
    """S1-6, S1-9: what an answer shows as neutral can be sent back as it is."""
    neutral = dict.fromkeys(("discountAmount", "discountPercent", "quantityThreshold", "amountThreshold"), 0)
    assert ok(shop.post(CAMPAIGNS, json=AUGUST | neutral), 201) == AUGUST_ANSWER
    nulls = dict.fromkeys(("discountAmount", "priority", "campaignCode", "preventCombinations", "maxUsage"))
    body = {name: value for name, value in SOCKS.items() if name != "discountPercentage"} | nulls
    campaign = ok(shop.post(CAMPAIGNS, json=body | {"discountPercent": 100}), 201)
    assert (campaign["discountPercent"], campaign["discountAmount"], campaign["maxUsage"]) == (100, 0, 0)
    assert (campaign["priority"], campaign["campaignCode"], campaign["preventCombinations"]) == (0, "", False)


def test_either_spelling_of_the_percentage_or_both_alike(shop):
    """D20."""
    body = {name: value for name, value in SOCKS.items() if name not in ("discountPercentage", "campaignUid")}
    both = {"discountPercent": 50.0, "discountPercentage": "50"}
    for spelling in ({"discountPercent": 50}, {"discountPercentage": 50}, both):
        campaign = ok(shop.post(CAMPAIGNS, json=body | spelling), 201)
        assert campaign["discountPercent"] == 50
        assert "discountPercentage" not in campaign
    changed = ok(shop.put(f"{CAMPAIGNS}/{campaign['campaignUid']}", json={"discountPercentage": 25}))
    assert changed["discountPercent"] == 25


def test_a_uid_is_made_from_the_name_on_the_receipt_and_never_twice(shop, rita):
    """S1-8, D28."""
    names = ["Back to school!", "Back to school!", "BACK-TO-SCHOOL", "Påskesalg: 20 %", "🐣", "Search"]
    uids = [ok(shop.post(CAMPAIGNS, json=AUGUST | {"displayName": name}), 201)["campaignUid"] for name in names]
    assert uids == ["backtoschool", "backtoschool-2", "backtoschool-3", "paskesalg20", "campaign", "search-2"]
    is_problem(shop.post(CAMPAIGNS, json=AUGUST | {"campaignUid": "backtoschool"}), 409, "campaign_exists")
    ok(rita.post(f"{HERS}/stores", json=STORES[2]), 201)
    body = SOCKS | {"campaignUid": "backtoschool"}
    assert ok(rita.post(f"{HERS}/campaigns", json=body), 201)["campaignUid"] == "backtoschool"


def test_times_come_back_in_the_tenants_zone_and_mean_the_same_moment(shop):
    """S1-10: also on both sides of a change of the clocks, and after the tenant's zone has changed."""
    body = SOCKS | {"validFrom": "2024-10-27T00:30:00Z", "validTo": "2024-10-27T01:30:00Z"}
    address = made(shop, body)
    campaign = ok(shop.get(address))
    assert (campaign["validFrom"], campaign["validTo"]) == ("2024-10-27T02:30:00+02:00", "2024-10-27T02:30:00+01:00")
    ok(shop.put(f"{MINE}/settings", json={"timeZone": "Asia/Kathmandu"}))
    assert ok(shop.get(address))["validFrom"] == "2024-10-27T06:15:00+05:45"


MOMENTS = st.datetimes(datetime(1970, 1, 3), datetime(9999, 12, 28), timezones=st.just(UTC))  # noqa: DTZ001
ZONES = ["Pacific/Kiritimati", "America/St_Johns", "Etc/GMT+12", "UTC"]


@generated(15)
@given(moments=st.lists(MOMENTS, min_size=2, max_size=2, unique=True).map(sorted), zone=st.sampled_from(ZONES))
def test_whatever_the_moment_and_the_zone_it_is_the_same_moment(rolf, moments, zone):
    """S1-10."""
    ok(rolf.put(f"{MINE}/settings", json={"timeZone": zone}))
    times = {"validFrom": moments[0].isoformat(), "validTo": moments[1].isoformat()}
    body = {name: value for name, value in SOCKS.items() if name != "campaignUid"} | {"storeUids": []}
    campaign = ok(rolf.post(CAMPAIGNS, json=body | times), 201)
    assert [datetime.fromisoformat(campaign[name]) for name in ("validFrom", "validTo")] == moments


def test_details_change_while_a_campaign_is_not_active(shop, promotions):
    """D4, D8: before it was ever active and after; with an event, and field by field in the audit trail."""
    address = made(shop)
    changed = ok(shop.put(address, json={"name": "Socks again", "storeUids": ["sandnes-2"], "priority": 3}))
    assert (changed["name"], changed["priority"], changed["displayName"]) == ("Socks again", 3, "Socks: 3 for 2")
    assert changed["stores"] == [{"name": "Apple Store Sandnes Kvadrat", "storeUid": "sandnes-2"}]
    row = stored(promotions, AuditRow, AuditRow.at, AuditRow.id)[-1]
    assert (row.action, row.target_type) == ("sales_campaign.changed", "sales_campaign")
    assert row.changes == {
        "name": ["3 for 2 - Socks", "Socks again"],
        "priority": [0, 3],
        "storeUids": [["store-1"], ["sandnes-2"]],
    }
    data = promotions.events("promotions.SalesCampaignChanged.v1")[-1]["data"]
    assert (data["name"], data["storeUids"], data["status"]) == ("Socks again", ["sandnes-2"], "NEW")
    before = everything(promotions)
    ok(shop.put(address, json={"name": "Socks again", "campaignUid": "3for2socks", "status": "NEW"}))
    ok(shop.put(address, json={}))
    assert everything(promotions) == before
    is_problem(shop.put(address, json={"campaignUid": "other"}), 422, "validation_failed")


def test_an_active_campaign_keeps_its_details(shop, promotions):
    """S1-13: and so does what it is for; what is as it was already is no change."""
    address = made(shop)
    activate(shop, address)
    before = everything(promotions)
    bodies = [
        {"name": "Other"},
        {"storeUids": []},
        {"validTo": "2025-01-01T00:00:00Z"},
        {"status": "INACTIVE", "discountPercent": 50},
    ]
    for body in bodies:
        is_problem(shop.put(address, json=body), 409, "campaign_active")
    is_problem(shop.put(f"{address}/selections", json=SELECTION), 409, "campaign_active")
    ok(shop.put(address, json={"name": SOCKS["name"], "storeUids": ["store-1"], "status": "ACTIVE"}))
    assert everything(promotions) == before
    assert ok(shop.get(address))["status"] == "ACTIVE"
    activate(shop, address, "INACTIVE")
    for body in bodies[:3]:
        ok(shop.put(address, json=body))


def test_the_price_list_of_an_active_campaign_can_change(shop, promotions):
    """S1-14: products are added and removed, which counts at once; the list itself stays while a campaign names it."""
    address = made(shop, AUGUST)
    is_problem(shop.delete(f"{LISTS}/pricelist-august-2024"), 409, "pricelist_in_use")
    activate(shop, address)
    first = revision(promotions)
    changes = {"add": [{"productUid": "galaxy", "price": 70}], "remove": ["iphone"]}
    pricelist = ok(shop.put(f"{LISTS}/pricelist-august-2024/products", json=changes))
    assert [entry["productUid"] for entry in pricelist["products"]] == ["galaxy"]
    assert revision(promotions) == first + 1
    is_problem(shop.delete(f"{LISTS}/pricelist-august-2024"), 409, "pricelist_in_use")


STEPS = {"NEW": {"ACTIVE"}, "ACTIVE": {"INACTIVE"}, "INACTIVE": {"ACTIVE"}}


def test_a_campaign_is_activated_deactivated_and_activated_again(shop, promotions):
    """S1-11, S1-12, S1-15, D28: no other way; the same status again changes nothing."""
    for status, path in (("NEW", []), ("ACTIVE", ["ACTIVE"]), ("INACTIVE", ["ACTIVE", "INACTIVE"])):
        address = made(shop, SOCKS, campaignUid=f"is-{status}")
        for step in path:
            activate(shop, address, step)
        before = everything(promotions)
        for following in {"NEW", "ACTIVE", "INACTIVE"} - STEPS[status] - {status}:
            is_problem(shop.put(address, json={"status": following}), 409, "invalid_transition")
        assert activate(shop, address, status)["status"] == status
        is_problem(shop.put(address, json={"status": "active"}), 422, "validation_failed")
        assert everything(promotions) == before
        for following in STEPS[status]:
            assert activate(shop, address, following)["status"] == following


def test_details_and_status_change_together(shop, promotions):
    """Details first, then the status: both are published, in that order."""
    address = made(shop)
    campaign = ok(shop.put(address, json={"status": "ACTIVE", "maxUsage": 2}))
    assert (campaign["status"], campaign["maxUsage"]) == ("ACTIVE", 2)
    types = [event["type"].split(".")[1] for event in promotions.events()][-3:]
    assert types == ["SalesCampaignCreated", "SalesCampaignChanged", "SalesCampaignActivated"]
    assert [event["sequence"] for event in promotions.events()][-3:] == [1, 2, 3]


def test_only_what_evaluations_could_show_raises_the_catalogues_revision(shop, promotions):
    """S1-11: a campaign that is not active is in no evaluation."""
    first = revision(promotions)
    address = made(shop)
    ok(shop.put(address, json={"name": "Other"}))
    ok(shop.put(f"{address}/selections", json=SELECTION))
    assert revision(promotions) == first
    activate(shop, address)
    assert revision(promotions) == first + 1
    activate(shop, address, "INACTIVE")
    assert revision(promotions) == first + 2


def test_stale_campaigns_are_not_written_over(shop):
    """D6: and a client of the document, which sends no If-Match, needs none."""
    created = shop.post(CAMPAIGNS, json=SOCKS)
    address, headers = f"{CAMPAIGNS}/3for2socks", {"If-Match": created.headers["ETag"]}
    assert shop.get(address).headers["ETag"] == created.headers["ETag"]
    selected = shop.put(f"{address}/selections", json=SELECTION, headers=headers)
    assert ok(selected)
    for path, body in (("", {"status": "ACTIVE"}), ("", {"name": "x"}), ("/selections", SELECTION)):
        is_problem(shop.put(f"{address}{path}", json=body, headers=headers), 412, "stale_version")
    fresh = {"If-Match": selected.headers["ETag"]}
    activated = shop.put(address, json={"status": "ACTIVE"}, headers=fresh)
    assert ok(activated)["status"] == "ACTIVE"
    assert activated.headers["ETag"] == shop.get(address).headers["ETag"] != fresh["If-Match"]


def test_a_campaign_with_a_key_is_made_once(shop):
    """D7."""
    headers = {"Idempotency-Key": "c-1"}
    first, again = (shop.post(CAMPAIGNS, json=AUGUST, headers=headers) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    assert ok(shop.get(CAMPAIGNS))["totalItems"] == 1


def test_a_tenant_reads_its_own_trail(shop, rita):
    """D8."""
    activate(shop, made(shop))
    page = ok(shop.get(f"{MINE}/audit?pageSize=2"))
    assert [item["action"] for item in page["items"]] == ["sales_campaign.activated", "sales_campaign.created"]
    assert page["items"][0]["changes"]["status"] == ["NEW", "ACTIVE"]
    assert page["items"][0]["actorName"] == "Rolf"
    target = page["items"][0]["targetId"]
    assert ok(shop.get(f"{MINE}/audit?targetId={target}"))["totalItems"] == 2
    assert ok(rita.get(f"{HERS}/audit"))["items"] == []
    assert ok(rita.get(f"{HERS}/audit?targetId={target}"))["items"] == []


def test_the_answer_to_an_empty_selection_shows_every_list(shop):
    """S1-9."""
    address = made(shop)
    ok(shop.put(f"{address}/selections", json=SELECTION))
    campaign = ok(shop.post(f"{address}/selections", json={"create": {}}))
    assert campaign["selection"] == {"include": NOTHING, "exclude": NOTHING}
