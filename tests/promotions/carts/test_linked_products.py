"""Linked products (S4): the document's requests and answers, versions, lists.

Queries of lists are subtests: they change nothing, so they share three pairs.
"""

import pytest

from services.promotions.carts.campaign_models import LinkedProducts
from tests.promotions.carts.campaign_helpers import (
    CUSTOMER,
    LINKED,
    OTHER,
    PRODUCT,
    last_id,
    link,
    linked,
    made,
    plain,
    refused,
)
from tests.promotions.helpers import everything, ok, stored


def snapshot(service):
    columns = LinkedProducts.__table__.columns.keys()
    return everything(service), [[getattr(row, name) for name in columns] for row in stored(service, LinkedProducts)]


@pytest.fixture
def campaign(rolf):
    return made(rolf)


def test_linked_products_are_made_and_read_as_the_document_shows_them(rolf, campaign):
    """S4-10, S4-12, S4-13, S4-19, S4-20."""
    body = {
        "baseProduct": {"id": PRODUCT, "matchMode": "variant"},
        "customerId": CUSTOMER,
        "linkedProduct": {"id": OTHER, "matchMode": "product", "quantitySelector": "alignedLessOrEqual"},
        "marketingCampaignId": last_id(campaign),
    }
    answer = rolf.post(LINKED, json=body)
    assert answer.status_code == 201
    address = answer.headers["Location"]
    assert address == f"{LINKED}/{last_id(address)}"
    read = ok(rolf.get(address))
    server_set = {"id": last_id(address), "dbVersion": 0, "createDate": read["createDate"]}
    assert read == body | server_set | {"updateDate": read["createDate"]}
    assert plain(answer.json) == read


def test_without_a_mode_or_selector_the_usual_ones_hold(rolf, campaign):
    """S4-22, S4-23, D53."""
    read = ok(rolf.get(linked(rolf, campaign)))
    assert read["baseProduct"] == {"id": "base", "matchMode": "product"}
    assert read["linkedProduct"] == {
        "id": "extra",
        "matchMode": "product",
        "quantitySelector": "alignedLessOrEqual",
    }


def test_versions_hold_as_they_do_for_campaigns(rolf, campaign, promotions):
    """S4-14, S4-15, S4-16, S4-19, D6."""
    address = linked(rolf, campaign)
    read = ok(rolf.get(address))
    change = read | {"customerId": "shop-1", "createDate": 1, "updateDate": 1, "id": "x"}
    written = ok(rolf.put(address, json=change))
    assert (written["dbVersion"], written["customerId"], written["id"]) == (1, "shop-1", read["id"])
    assert written["updateDate"] > read["updateDate"]
    assert written["createDate"] == read["createDate"]
    before = snapshot(promotions)
    refused(rolf.put(address, json=change), 412, "Precondition Failed")
    refused(rolf.put(address, json=change, headers={"If-Match": '"1"'}), 412, "Precondition Failed")
    refused(rolf.delete(address, headers={"If-Match": '"0"'}), 412, "Precondition Failed")
    assert snapshot(promotions) == before
    ok(rolf.put(address, json=link(last_id(campaign)), headers={"If-Match": '"1"'}))
    assert ok(rolf.get(address))["customerId"] is None
    assert ok(rolf.put(address, json=link(last_id(campaign))))["dbVersion"] == 3


def test_linked_products_are_deleted(rolf, campaign, promotions):
    """S4-17, S4-19."""
    address = linked(rolf, campaign)
    assert rolf.delete(address).status_code == 204
    refused(rolf.get(address), 404, "Not Found")
    assert promotions.events()[-1]["type"] == "promotions.LinkedProductsDeleted.v1"
    assert stored(promotions, LinkedProducts) == []


EMPTY = "error: {}: field can't be empty"
BAD = [
    ({"baseProduct": None}, EMPTY.format("baseProduct")),
    ({"linkedProduct": None}, EMPTY.format("linkedProduct")),
    ({"marketingCampaignId": None}, EMPTY.format("marketingCampaignId")),
    ({"baseProduct": {}}, EMPTY.format("baseProduct.id")),
    ({"linkedProduct": {"quantitySelector": "any"}}, EMPTY.format("linkedProduct.id")),
    ({"marketingCampaignId": PRODUCT}, "error: marketingCampaignId: there is no such campaign"),
    ({"marketingCampaignId": "x"}, None),
    ({"baseProduct": {"id": "a", "matchMode": "brand"}}, None),
    ({"baseProduct": {"id": "a", "quantitySelector": "any"}}, None),
    ({"linkedProduct": {"id": "a", "quantitySelector": "twice"}}, None),
    ({"linkedProduct": {"id": "base"}}, "error: linkedProduct.id: must be another product than baseProduct"),
    ({"customerId": ""}, None),
    ({"colour": "red"}, None),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[str(changes)[:40] for changes, _ in BAD])
def test_bad_fields_are_named_and_change_nothing(rolf, campaign, promotions, changes, message):
    """S4-18, S4-20, D53."""
    address = linked(rolf, campaign)
    before = snapshot(promotions)
    body = link(last_id(campaign)) | changes
    for answer in (rolf.post(LINKED, json=body), rolf.put(address, json=body | {"dbVersion": 0})):
        assert refused(answer, 400, "Bad Request", message).startswith("error: ")
    assert snapshot(promotions) == before


def test_a_missing_field_is_said_to_be_empty(rolf):
    """S4-18, S4-20."""
    message = refused(rolf.post(LINKED, json={}), 400, "Bad Request").removeprefix("error: ")
    messages = {f"{name}: field can't be empty" for name in ("baseProduct", "linkedProduct", "marketingCampaignId")}
    assert set(message.split("; ")) == messages


@pytest.fixture
def three(rolf, campaign):
    """Three pairs; the third is of another campaign."""
    other = made(rolf, "other")
    linked(rolf, campaign, base="a", linked="x", customerId=CUSTOMER)
    linked(rolf, campaign, base="c", linkedProduct={"id": "y", "quantitySelector": "any"})
    variant = {"id": "b", "matchMode": "variant"}
    linked(rolf, other, baseProduct=variant, linkedProduct={"id": "z", "quantitySelector": "alignedEqual"})
    return rolf, last_id(other)


def bases(client, query):
    return [item["baseProduct"]["id"] for item in ok(client.get(f"{LINKED}?{query}"))["items"]]


LISTS = [
    ("", ["a", "c", "b"]),
    (f"customerId={CUSTOMER}", ["a"]),
    ("baseProduct.id=c", ["c"]),
    ("baseProduct.matchMode=variant", ["b"]),
    ("linkedProduct.id=x", ["a"]),
    ("linkedProduct.quantitySelector=any", ["c"]),
    ("linkedProduct.quantitySelector=alignedLessOrEqual", ["a"]),
    ("sort=createDate,desc", ["b", "c", "a"]),
    ("sort=baseProduct.id,asc", ["a", "b", "c"]),
    ("sort=linkedProduct.quantitySelector,asc", ["b", "a", "c"]),
    ("size=1&page=1&sort=linkedProduct.id,desc", ["c"]),
]


def test_a_list_is_filtered_and_sorted(three, subtests):
    """S4-2, S4-19."""
    for query, expected in LISTS:
        with subtests.test(query=query):
            assert bases(three[0], query) == expected


def test_a_list_is_filtered_by_campaign_and_paged(three):
    """S4-5, S4-19."""
    client, other = three
    page = ok(client.get(f"{LINKED}?marketingCampaignId={other}"))
    assert [item["marketingCampaignId"] for item in page["items"]] == [other]
    shape = {key: page[key] for key in page if key != "items"}
    assert shape == {"format": "short", "last": True, "number": 0, "size": 50, "totalItems": 1, "totalPages": 1}
    for query in ("marketingCampaignId=x", "linkedProduct.quantitySelector=twice", "sort=products.id,asc", "x=1"):
        refused(client.get(f"{LINKED}?{query}"), 400, "Bad Request")


def test_another_tenants_do_not_exist(rolf, rita, campaign, promotions):
    """D5: neither they nor the campaign they could be of."""
    address = linked(rolf, campaign)
    assert ok(rita.get(LINKED))["items"] == []
    before = snapshot(promotions)
    body = link(last_id(campaign), dbVersion=0)
    for answer in (rita.get(address), rita.put(address, json=body), rita.delete(address)):
        refused(answer, 404, "Not Found")
    refused(rita.post(LINKED, json=body), 400, "Bad Request", "error: marketingCampaignId: there is no such campaign")
    assert snapshot(promotions) == before
