"""Sales campaigns are listed and searched for (S1-38).

Searches are subtests: they change nothing, and a shop takes long to set up.
"""

import pytest

from tests.promotions.helpers import HERS, MINE, is_problem, ok
from tests.promotions.sales.helpers import AUGUST, CAMPAIGNS, SOCKS, STORES, activate, furnish, made

SEARCH = f"{CAMPAIGNS}/search"


@pytest.fixture
def shop(rolf, rita):
    furnish(rolf)
    made(rolf, AUGUST, campaignCode="AUG", priority=2)
    made(rolf, SOCKS, priority=1)
    winter = {"validFrom": "2025-01-01T00:00:00Z", "validTo": "2025-02-01T00:00:00Z", "discountType": "ORDER_DISCOUNT"}
    activate(rolf, made(rolf, SOCKS, **winter, campaignUid="winter", name="Winter 100%", storeUids=[], priority=3))
    ok(rita.post(f"{HERS}/stores", json=STORES[2]), 201)
    ok(rita.post(f"{HERS}/campaigns", json=SOCKS), 201)
    return rolf


def uids(client, body=None, query=""):
    page = ok(client.post(f"{SEARCH}{query}", json=body or {}))
    return [item["campaignUid"] for item in page["items"]]


BODIES = [
    ({}, ["winter", "3for2socks", "backtoschool"]),
    ({"query": "SOCKS"}, ["winter", "3for2socks"]),
    ({"query": "100%"}, ["winter"]),
    ({"query": "0%0"}, []),
    ({"name": "august"}, ["backtoschool"]),
    ({"displayName": "school!"}, ["backtoschool"]),
    ({"campaignCode": "AUG"}, ["backtoschool"]),
    ({"campaignCode": " aug"}, ["backtoschool"]),  # D67
    ({"query": "AuG"}, ["backtoschool"]),
    ({"campaignCode": "au"}, []),
    ({"type": "CAMPAIGN", "discountType": "CHEAPEST_PRODUCT"}, ["3for2socks"]),
    ({"statuses": ["ACTIVE", "INACTIVE"]}, ["winter"]),
    ({"statuses": []}, ["winter", "3for2socks", "backtoschool"]),
    ({"storeUids": ["store-1"]}, ["winter", "3for2socks"]),
    ({"storeUids": ["sandnes-1", "sandnes-2"]}, ["winter", "backtoschool"]),
    ({"validFrom": "2025-01-01T00:00:00Z"}, ["winter"]),
    ({"validTo": "2024-08-20T23:59:59Z"}, ["3for2socks", "backtoschool"]),
    ({"query": "socks", "type": "PRICELIST"}, []),
    ({"sortBy": "campaignUid"}, ["3for2socks", "backtoschool", "winter"]),
    ({"sortBy": "priority", "sortDirection": "DESC"}, ["winter", "backtoschool", "3for2socks"]),
    ({"sortDirection": "ASC"}, ["backtoschool", "3for2socks", "winter"]),
    ({"sortBy": "validFrom", "sortDirection": "DESC", "pageSize": 1}, ["winter"]),
]


def test_campaigns_are_found_by_what_they_are(shop, subtests):
    """S1-38: all that is named must fit; the newest first; nothing of another tenant's."""
    for body, expected in BODIES:
        with subtests.test(body=body):
            assert uids(shop, body) == expected


def test_pages_and_order_stand_in_the_query_or_the_body(shop):
    """S1-38."""
    where = "?pageNumber=2&pageSize=2&sortBy=name&sortDirection=DESC"
    assert uids(shop, {}, where) == ["3for2socks"]
    body = {"pageNumber": 2, "pageSize": 2, "sortBy": "name", "sortDirection": "DESC"}
    page = ok(shop.post(SEARCH, json=body))
    assert [item["campaignUid"] for item in page["items"]] == ["3for2socks"]
    assert {name: page[name] for name in ("page", "pageSize", "totalItems", "totalPages")} == {
        "page": 2,
        "pageSize": 2,
        "totalItems": 3,
        "totalPages": 2,
    }


def test_a_search_without_a_body_finds_everything(shop):
    assert len(ok(shop.post(SEARCH))["items"]) == 3


@pytest.mark.parametrize(
    "body",
    [
        {"pageNumber": 0},
        {"pageSize": 201},
        {"sortBy": "colour"},
        {"sortDirection": "up"},
        {"statuses": ["Active"]},
        {"x": 1},
    ],
)
def test_a_bad_search_is_refused(rolf, body):
    is_problem(rolf.post(SEARCH, json=body), 422, "validation_failed")


def test_words_of_a_search_do_not_stand_in_the_query(rolf):
    is_problem(rolf.post(f"{SEARCH}?query=x"), 422, "validation_failed")


def test_the_list_is_in_pages_the_newest_first(shop):
    page = ok(shop.get(f"{CAMPAIGNS}?pageSize=2"))
    assert [item["campaignUid"] for item in page["items"]] == ["winter", "3for2socks"]
    assert (page["totalItems"], page["totalPages"]) == (3, 2)
    listed = [item["campaignUid"] for item in ok(shop.get(f"{CAMPAIGNS}?status=NEW&type=PRICELIST&query=aug"))["items"]]
    assert listed == ["backtoschool"]
    assert page["items"][0] == ok(shop.get(f"{MINE}/campaigns/winter"))
