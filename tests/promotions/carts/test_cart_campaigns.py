"""Cart campaigns (S4): the document's requests and answers, versions, lists.

Queries of lists are subtests: they change nothing, so they share three campaigns.
"""

import pytest

from chassis.data.audit import AuditRow
from services.promotions.carts.campaign_models import CartCampaign, CartCampaignProduct, LinkedProducts
from tests.promotions.carts.campaign_helpers import (
    CAMPAIGNS,
    CUSTOMER,
    EXAMPLE,
    LINKED,
    OTHER,
    PRODUCT,
    campaign,
    in_hours,
    last_id,
    linked,
    made,
    names,
    plain,
    refused,
)
from tests.promotions.helpers import everything, ok, stored


def snapshot(service):
    """All that is stored of campaigns, and how much of the rest: equal before and after a refused request."""
    columns = CartCampaign.__table__.columns.keys()
    campaigns = [[getattr(row, name) for name in columns] for row in stored(service, CartCampaign, CartCampaign.id)]
    lines = [(row.position, row.product_id) for row in stored(service, CartCampaignProduct)]
    return everything(service), campaigns, sorted(lines)


def test_a_campaign_is_made_and_read_as_the_document_shows_it(rolf):
    """S4-6, S4-10, S4-12, S4-13: the id comes in Location; the read answer is the document's up to ids and times."""
    answer = rolf.post(CAMPAIGNS, json=EXAMPLE)
    assert answer.status_code == 201
    address = answer.headers["Location"]
    assert address == f"{CAMPAIGNS}/{last_id(address)}"
    read = ok(rolf.get(address))
    assert read == EXAMPLE | {
        "id": last_id(address),
        "dbVersion": 0,
        "createDate": read["createDate"],
        "updateDate": read["createDate"],
    }
    assert abs(read["createDate"] - in_hours(0)) < 60_000
    assert plain(answer.json) == read


def test_only_name_start_and_status_are_required(rolf):
    """S4-6, S4-8: without an end it is infinite; the lists are empty."""
    least = {"name": "spring", "startDate": 0, "status": "DISABLED"}
    read = ok(rolf.get(rolf.post(CAMPAIGNS, json=least).headers["Location"]))
    nothing = {"customerId": None, "description": None, "endDate": None, "products": [], "mandatoryProducts": []}
    assert least.items() <= read.items()
    assert nothing.items() <= read.items()
    assert "pricelistUid" not in read


def test_a_product_without_a_mode_means_all_its_variants(rolf):
    """S4-23."""
    address = made(rolf, products=[{"id": "a"}], mandatoryProducts=[{"id": "b"}])
    read = ok(rolf.get(address))
    assert read["products"] == [{"id": "a", "matchMode": "product"}]
    assert read["mandatoryProducts"] == [{"id": "b", "matchMode": "product"}]


def test_two_applications_as_the_document_tells_it(rolf, till, promotions):
    """S4-14, S4-15: both read 0, the first writes, the second gets 412 and changes nothing."""
    address = made(rolf, **EXAMPLE)
    first, second = ok(rolf.get(address)), ok(till.get(address))
    assert first["dbVersion"] == second["dbVersion"] == 0
    written = ok(rolf.put(address, json=first | {"description": "First"}))
    assert (written["dbVersion"], written["description"]) == (1, "First")
    assert written["updateDate"] > first["updateDate"]
    assert written["createDate"] == first["createDate"]
    before = snapshot(promotions)
    refused(till.put(address, json=second | {"description": "Second"}), 412, "Precondition Failed")
    assert snapshot(promotions) == before
    assert ok(rolf.get(address)) == plain(written)
    again = ok(till.put(address, json=written | {"description": "Second"}))
    assert (again["dbVersion"], again["description"]) == (2, "Second")


def test_an_equal_update_counts_too(rolf):
    """S4-14."""
    address = made(rolf)
    read = ok(rolf.get(address))
    for version in (1, 2, 3):
        after = ok(rolf.put(address, json=read))
        assert after["dbVersion"] == version
        assert after["updateDate"] > read["updateDate"]
        assert after | {"dbVersion": 0, "updateDate": 0} == read | {"dbVersion": 0, "updateDate": 0}
        read = after


def test_an_update_may_say_which_version_it_goes_by(rolf, promotions):
    """D6: dbVersion or If-Match, and each that is sent must be right; the document requires neither."""
    address = made(rolf)
    etag = rolf.get(address).headers["ETag"]
    body = campaign(description="x")
    before = snapshot(promotions)
    for version in (1, -1, 99):
        refused(rolf.put(address, json=body | {"dbVersion": version}), 412, "Precondition Failed")
    refused(rolf.put(address, json=body, headers={"If-Match": '"99"'}), 412, "Precondition Failed")
    refused(rolf.put(address, json=body | {"dbVersion": 0}, headers={"If-Match": '"99"'}), 412, "Precondition Failed")
    refused(rolf.delete(address, headers={"If-Match": '"99"'}), 412, "Precondition Failed")
    assert snapshot(promotions) == before
    answer = rolf.put(address, json=body, headers={"If-Match": etag})
    assert ok(answer)["dbVersion"] == 1
    assert answer.headers["ETag"] == rolf.get(address).headers["ETag"] != etag
    assert ok(rolf.put(address, json=body | {"dbVersion": 1}))["dbVersion"] == 2
    assert ok(rolf.put(address, json=body))["dbVersion"] == 3
    assert ok(rolf.put(address, json=body | {"dbVersion": None}))["dbVersion"] == 4


def test_fields_that_the_server_sets_are_ignored(rolf):
    """S4-12, S4-16: on creation and on update."""
    fields = {"id": PRODUCT, "createDate": 1, "updateDate": "x"}
    address = made(rolf, **fields, dbVersion=7)
    read = ok(rolf.get(address))
    assert (read["id"], read["dbVersion"]) == (last_id(address), 0)
    after = ok(rolf.put(address, json=campaign(dbVersion=0, **fields)))
    assert (after["id"], after["createDate"]) == (read["id"], read["createDate"])
    assert after["updateDate"] >= read["updateDate"]


def test_an_update_replaces_the_whole(rolf):
    """S4-14: what is left out is gone."""
    address = made(rolf, **EXAMPLE)
    after = ok(rolf.put(address, json=campaign("other", dbVersion=0, products=[{"id": "z"}])))
    assert (after["customerId"], after["description"], after["endDate"]) == (None, None, None)
    assert (after["products"], after["mandatoryProducts"]) == ([{"id": "z", "matchMode": "product"}], [])


def test_name_and_customer_are_one_key(rolf, rita, promotions):
    """S4-9, D51: null is one customer like any other; another tenant has keys of its own."""
    for customer in (None, "shop-1", "shop-2"):
        made(rolf, customerId=customer)
    made(rita)
    address = made(rolf, "other")
    before = snapshot(promotions)
    for customer in (None, "shop-1"):
        refused(rolf.post(CAMPAIGNS, json=campaign(customerId=customer)), 409, "Conflict")
        refused(rolf.put(address, json=campaign(customerId=customer, dbVersion=0)), 409, "Conflict")
    assert snapshot(promotions) == before
    ok(rolf.put(address, json=campaign(customerId="shop-3", dbVersion=0)))
    ok(rolf.put(address, json=campaign(customerId="shop-3", dbVersion=1)))


EMPTY = "error: {}: field can't be empty"
BAD = {
    "name and customer": [
        ({"name": ""}, EMPTY.format("name")),
        ({"name": "  "}, EMPTY.format("name")),
        ({"name": None}, EMPTY.format("name")),
        ({"name": "x" * 201}, None),
        ({"name": 7}, None),
        ({"customerId": ""}, None),
    ],
    "dates": [
        ({"startDate": None}, EMPTY.format("startDate")),
        ({"startDate": "1593583200000"}, None),
        ({"startDate": 1593583200000.5}, None),
        ({"startDate": -1}, None),
        ({"startDate": True}, None),
        ({"startDate": 10**15}, None),
        ({"startDate": 5, "endDate": 5}, "error: endDate: must be greater than startDate"),
        ({"startDate": 5, "endDate": 4}, "error: endDate: must be greater than startDate"),
    ],
    "products": [
        ({"products": [{}]}, EMPTY.format("products.0.id")),
        ({"products": [{"id": "a", "matchMode": "brand"}]}, None),
        ({"products": [{"id": ""}]}, None),
        ({"products": {"id": "a"}}, None),
        ({"products": [{"id": "a"}] * 1001}, None),
        ({"mandatoryProducts": [{"id": "a", "matchMode": ""}]}, None),
        ({"mandatoryProducts": [{"id": "a", "quantity": 1}]}, None),
    ],
    "others": [
        ({"status": None}, EMPTY.format("status")),
        ({"status": "string"}, None),
        ({"status": "enabled"}, None),
        ({"pricelistUid": "none"}, "error: pricelistUid: There is no price list none."),
        ({"colour": "red"}, None),
        ({"dbVersion": "0"}, None),
    ],
}


@pytest.mark.parametrize("cases", BAD.values(), ids=BAD)
def test_bad_fields_are_named_and_change_nothing(rolf, promotions, subtests, cases):
    """S4-6, S4-7, S4-8, S4-18, D53: the document's error format."""
    address = made(rolf)
    before = snapshot(promotions)
    for changes, message in cases:
        with subtests.test(changes=changes):
            for answer in (
                rolf.post(CAMPAIGNS, json=campaign("other") | changes),
                rolf.put(address, json=campaign("other") | {"dbVersion": 0} | changes),
            ):
                assert refused(answer, 400, "Bad Request", message).startswith("error: ")
    assert snapshot(promotions) == before


def test_a_missing_field_is_said_to_be_empty(rolf):
    """S4-18, with the document's words."""
    message = refused(rolf.post(CAMPAIGNS, json={}), 400, "Bad Request")
    assert {EMPTY.format(name) for name in ("name", "startDate", "status")} == {
        f"error: {part}" for part in message.removeprefix("error: ").split("; ")
    }


def test_a_caller_who_is_not_signed_in_gets_the_documents_error(promotions):
    """S4-1, S4-18."""
    refused(promotions.client(None).get(CAMPAIGNS), 401, "Unauthorized", "Unauthorized")
    refused(promotions.client(None).delete(f"{CAMPAIGNS}/{PRODUCT}"), 401, "Unauthorized", "Unauthorized")


def test_everything_under_the_path_refuses_in_its_shape(rolf):
    """S4-18: also what has no endpoint, and what is no JSON."""
    refused(rolf.get(f"{CAMPAIGNS}/not-an-id"), 404, "Not Found")
    refused(rolf.get(f"{CAMPAIGNS}/{PRODUCT}"), 404, "Not Found")
    refused(rolf.get(f"{LINKED}/not-an-id"), 404, "Not Found")
    refused(rolf.patch(CAMPAIGNS), 405, "Method Not Allowed")
    refused(rolf.post(CAMPAIGNS, data="{", content_type="application/json"), 400, "Bad Request")
    refused(rolf.post(CAMPAIGNS, data="x"), 415, "Unsupported Media Type")


def test_a_campaign_is_deleted_with_its_linked_products(rolf, promotions):
    """S4-17, D8."""
    address, other = made(rolf), made(rolf, "other")
    gone, stays = linked(rolf, address), linked(rolf, other)
    assert rolf.delete(address).status_code == 204
    for url in (address, gone):
        refused(rolf.get(url), 404, "Not Found")
    ok(rolf.get(other))
    ok(rolf.get(stays))
    refused(rolf.delete(address), 404, "Not Found")
    assert [row.id.hex for row in stored(promotions, LinkedProducts)] == [last_id(stays).replace("-", "")]
    events = [(event["type"].split(".")[1], event["sequence"]) for event in promotions.events()[-2:]]
    assert events == [("LinkedProductsDeleted", 2), ("CartCampaignDeleted", 2)]
    made(rolf)


def test_every_change_is_published_and_audited(rolf, promotions):
    """D8."""
    address = made(rolf, **EXAMPLE)
    ok(rolf.put(address, json=EXAMPLE | {"status": "DISABLED", "products": [], "dbVersion": 0}))
    created, replaced = promotions.events()
    assert (created["type"], replaced["type"]) == (
        "promotions.CartCampaignCreated.v1",
        "promotions.CartCampaignReplaced.v1",
    )
    assert replaced["subject"] == last_id(address)
    assert (replaced["data"]["status"], replaced["data"]["dbVersion"]) == ("DISABLED", 1)
    trail = stored(promotions, AuditRow, AuditRow.at)
    assert [row.action for row in trail] == ["cart_campaign.created", "cart_campaign.replaced"]
    assert trail[1].changes == {
        "status": ["ENABLED", "DISABLED"],
        "products": [EXAMPLE["products"], []],
        "dbVersion": [0, 1],
    }


@pytest.fixture
def three(rolf):
    """Three campaigns; the first ends, the third has no products."""
    first = {"endDate": 1596261600000, "products": [{"id": "b", "matchMode": "variant"}, {"id": "a"}]}
    made(rolf, "first", startDate=1593583200000, customerId=CUSTOMER, description="z", **first)
    made(rolf, "second", startDate=1593583200001, status="DISABLED", products=[{"id": "c", "matchMode": "variant"}])
    made(rolf, "third", startDate=1593583199999, mandatoryProducts=[{"id": "m"}])
    return rolf


def test_a_list_is_paged_from_zero(three):
    """S4-2, S4-5: 50 a page by default."""
    page = ok(three.get(CAMPAIGNS))
    assert {key: page[key] for key in page if key != "items"} == {
        "format": "short",
        "last": True,
        "number": 0,
        "size": 50,
        "totalItems": 3,
        "totalPages": 1,
    }
    assert list(page) == ["format", "items", "last", "number", "size", "totalItems", "totalPages"]
    page = ok(three.get(f"{CAMPAIGNS}?size=2&page=0"))
    assert (len(page["items"]), page["last"], page["totalPages"]) == (2, False, 2)
    page = ok(three.get(f"{CAMPAIGNS}?size=2&page=1"))
    assert ([item["name"] for item in page["items"]], page["last"], page["number"]) == (["third"], True, 1)
    page = ok(three.get(f"{CAMPAIGNS}?size=2&page=7"))
    assert (page["items"], page["last"], page["totalItems"]) == ([], True, 3)
    page = ok(three.get(f"{CAMPAIGNS}?name=nothing"))
    assert (page["items"], page["last"], page["totalItems"], page["totalPages"]) == ([], True, 0, 0)


FILTERS = [
    (f"customerId={CUSTOMER}", ["first"]),
    ("name=second", ["second"]),
    ("name=sec", []),
    ("status=ENABLED", ["first", "third"]),
    ("startDate=1593583200000<", ["first", "second"]),
    ("startDate=1593583200000%3C", ["first", "second"]),
    ("startDate=<1593583200000", ["first", "third"]),
    ("startDate=1593583200000", ["first"]),
    ("endDate=<1596261600000", ["first"]),
    ("endDate=<1596261599999", []),
    ("endDate=1596261600000<", ["first"]),
    ("products.id=a", ["first"]),
    ("products.id=m", []),
    ("products.matchMode=variant", ["first", "second"]),
    ("products.id=a&products.matchMode=variant", []),
    ("products.id=b&products.matchMode=variant", ["first"]),
    ("status=ENABLED&startDate=1593583200000<", ["first"]),
]


def test_a_list_is_filtered(three, subtests):
    """S4-3, S4-4: signs include the moment itself; two filters on products are about one product."""
    for query, expected in FILTERS:
        with subtests.test(query=query):
            assert names(three, f"?{query}") == expected


SORTS = [
    ("sort=createDate,desc", ["third", "second", "first"]),
    ("sort=createDate,asc", ["first", "second", "third"]),
    ("sort=name", ["first", "second", "third"]),
    ("sort=startDate,asc", ["third", "first", "second"]),
    ("sort=startDate,DESC", ["second", "first", "third"]),
    ("sort=endDate,asc", ["first", "second", "third"]),
    ("sort=description,desc", ["first", "second", "third"]),
    ("sort=products.id,asc", ["first", "second", "third"]),
    ("sort=products.id,desc", ["second", "first", "third"]),
    ("sort=products.matchMode,desc", ["first", "second", "third"]),
    ("sort=mandatoryProducts.id,asc", ["third", "first", "second"]),
    ("sort=status,desc&sort=startDate,asc", ["third", "first", "second"]),
]


def test_a_list_is_sorted(three, subtests):
    """S4-2: by a field, or by one of what belongs to it; several, one after the other."""
    for query, expected in SORTS:
        with subtests.test(query=query):
            assert names(three, f"?{query}") == expected


REFUSED = [
    "size=0",
    "size=-1",
    "size=x",
    "page=-1",
    "page=99999999",
    "sort=tenant_id,asc",
    "sort=name,upwards",
    "sort=",
    "status=string",
    "startDate=x",
    "startDate=<1<",
    "startDate=9999999999999999<",
    "endDate=>5",
    "products.matchMode=brand",
    "colour=red",
]


@pytest.mark.parametrize("query", REFUSED)
def test_a_list_refuses_a_bad_query(rolf, query):
    """S4-18, D53."""
    assert refused(rolf.get(f"{CAMPAIGNS}?{query}"), 400, "Bad Request").startswith("error: ")


def test_lists_and_ids_hold_nothing_of_others(rolf, rita, promotions):
    """D5: to another tenant a campaign does not exist."""
    address = made(rolf)
    hers = made(rita)
    assert [item["id"] for item in ok(rita.get(CAMPAIGNS))["items"]] == [last_id(hers)]
    before = snapshot(promotions)
    for answer in (
        rita.get(address),
        rita.put(address, json=campaign("x", dbVersion=0)),
        rita.delete(address),
        rita.put(address, json=campaign("x", dbVersion=99)),
    ):
        refused(answer, 404, "Not Found")
    assert snapshot(promotions) == before


def test_a_creation_with_a_key_acts_once(rolf, promotions):
    """D7."""
    headers, body = {"Idempotency-Key": "spring-1"}, campaign()
    first, again = (rolf.post(CAMPAIGNS, json=body, headers=headers) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert len(stored(promotions, CartCampaign)) == 1
    assert OTHER not in first.text
