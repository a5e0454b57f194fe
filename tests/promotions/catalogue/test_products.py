"""A tenant's products: written in bulk, each row on its own; read one by one and in pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.promotions.catalogue.models import Catalogue, Product, Variant
from tests.plugin.matrix import generated
from tests.promotions.helpers import FJORD, HERS, MINE, everything, fields_of, is_problem, ok, revision, stored

PRODUCTS = f"{MINE}/products"
SOCKS = {
    "productUid": "socks",
    "name": "Wool socks",
    "price": "79.00",
    "brandUid": "devold",
    "productGroupUid": "CLOTHES",
    "categoryUids": ["feet", "winter"],
    "variants": [{"variantUid": "socks-42"}, {"variantUid": "socks-45", "price": "89.50"}],
}
LAMP = {"productUid": "lamp", "name": "Lamp", "price": 129}


def write(client, *rows, method="POST"):
    """The results of an upsert as (uid, status, error)."""
    results = ok(client.open(PRODUCTS, method=method, json={"products": list(rows)}))["results"]
    return [(item["productUid"], item["status"], item.get("error")) for item in results]


def changes(service):
    return [event["data"]["products"] for event in service.events("promotions.ProductsChanged.v1")]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_products_are_made_and_then_written_over(rolf, promotions, method):
    assert write(rolf, SOCKS, LAMP, method=method) == [("socks", "created", None), ("lamp", "created", None)]
    assert ok(rolf.get(f"{PRODUCTS}/socks")) == SOCKS
    assert ok(rolf.get(f"{PRODUCTS}/lamp")) == LAMP | {"price": "129.00", "categoryUids": [], "variants": []}
    [same, gone] = sorted(stored(promotions, Variant), key=lambda row: row.variant_uid)
    cheaper = SOCKS | {"price": "59.00", "categoryUids": ["feet"], "variants": [{"variantUid": "socks-42"}]}
    cheaper |= {"cost": "20.10"}
    assert write(rolf, cheaper, method=method) == [("socks", "updated", None)]
    assert ok(rolf.get(f"{PRODUCTS}/socks")) == cheaper
    assert [row.id for row in stored(promotions, Variant)] == [same.id]
    assert gone.id != same.id


def test_a_product_does_not_have_what_its_row_leaves_out(rolf):
    write(rolf, SOCKS)
    write(rolf, {"productUid": "socks", "name": "Wool socks", "price": "79.00"})
    bare = {"productUid": "socks", "name": "Wool socks", "price": "79.00", "categoryUids": [], "variants": []}
    assert ok(rolf.get(f"{PRODUCTS}/socks")) == bare


BAD_ROWS = [
    7,
    None,
    {},
    LAMP | {"price": "-1"},
    LAMP | {"price": "1.001"},
    LAMP | {"price": True},
    LAMP | {"price": None},
    LAMP | {"name": " "},
    LAMP | {"productUid": "a\nb"},
    LAMP | {"productUid": ".."},
    LAMP | {"productUid": "a\u200b"},
    LAMP | {"productUid": "x" * 101},
    LAMP | {"colour": "red"},
    LAMP | {"variants": [{"variantUid": "lamp"}]},
    LAMP | {"variants": [{"variantUid": "v"}, {"variantUid": "v"}]},
    LAMP | {"categoryUids": "feet"},
]


def test_a_bad_row_rejects_itself_only_and_says_why(rolf, promotions):
    good = [LAMP | {"productUid": f"good-{number}"} for number in range(len(BAD_ROWS))]
    results = write(rolf, *(row for pair in zip(BAD_ROWS, good, strict=True) for row in pair))
    for bad, (_, status, error) in zip(BAD_ROWS, results[::2], strict=True):
        assert status == "rejected", bad
        assert error, bad
    assert results[1::2] == [(row["productUid"], "created", None) for row in good]
    assert len(stored(promotions, Product)) == len(good)


def test_a_uid_is_one_things_only(rolf, rita, promotions):
    """A cart can name a product or a variant; and a row stands in a call once."""
    write(rolf, SOCKS)
    assert [status for _, status, _ in write(rolf, LAMP, LAMP)] == ["created", "rejected"]
    thief = LAMP | {"variants": [{"variantUid": "socks-42"}]}
    assert write(rolf, thief) == [("lamp", "rejected", "socks-42 is of the product socks already.")]
    named_so = LAMP | {"productUid": "socks-45"}
    assert write(rolf, named_so)[0][1] == "rejected"
    first, two = LAMP | {"productUid": "one", "variants": [{"variantUid": "two"}]}, LAMP | {"productUid": "two"}
    assert [status for _, status, _ in write(rolf, first, two)] == ["created", "rejected"]
    # Another tenant's uids are its own affair.
    assert ok(rita.post(f"{HERS}/products", json={"products": [SOCKS]}))["results"][0]["status"] == "created"


def test_every_change_is_published_once_in_the_order_of_the_call(rolf, promotions):
    write(rolf, SOCKS, LAMP)
    write(rolf, SOCKS, LAMP | {"price": "99.00"})
    write(rolf, SOCKS)
    [first, second] = changes(promotions)
    assert [(item["productUid"], item["isNew"]) for item in first] == [("socks", True), ("lamp", True)]
    assert [(item["productUid"], item["price"], item["isNew"]) for item in second] == [("lamp", "99.00", False)]
    assert "cost" not in first[0]
    [catalogue] = [row for row in stored(promotions, Catalogue) if row.tenant_id == FJORD]
    assert [event["sequence"] for event in promotions.events()] == [1, 2]
    assert {event["subject"] for event in promotions.events()} == {str(catalogue.id)}
    assert revision(promotions) == 2


def test_many_large_products_are_published_in_several_events(rolf, promotions):
    """No event is larger than a broker takes, and none of 400 products is missing or out of order."""
    rows = [
        LAMP
        | {
            "productUid": f"p{number:03}",
            "name": "ø" * 200,
            "variants": [{"variantUid": f"p{number:03}-{size}", "price": "1.00"} for size in range(20)],
        }
        for number in range(400)
    ]
    assert {status for _, status, _ in write(rolf, *rows)} == {"created"}
    batches = changes(promotions)
    assert len(batches) > 2
    assert [item["productUid"] for batch in batches for item in batch] == [row["productUid"] for row in rows]


def test_five_thousand_products_go_in_one_call_and_no_more(rolf, promotions):
    rows = [{"productUid": f"p{number}", "name": f"Product {number}", "price": "10.00"} for number in range(5001)]
    before = everything(promotions)
    problem = is_problem(rolf.post(PRODUCTS, json={"products": rows}), 422, "validation_failed")
    assert fields_of(problem) == ["products"]
    assert everything(promotions) == before
    assert {status for _, status, _ in write(rolf, *rows[1:])} == {"created"}
    assert ok(rolf.get(f"{PRODUCTS}?pageSize=1"))["totalItems"] == 5000


def test_a_body_without_rows_is_refused(rolf, promotions):
    before = everything(promotions)
    for body in ({}, {"products": []}, {"products": None}, {"products": {}}, {"rows": []}):
        is_problem(rolf.post(PRODUCTS, json=body), 422, "validation_failed")
    assert everything(promotions) == before


def listed(client, query):
    return [item["productUid"] for item in ok(client.get(f"{PRODUCTS}?{query}"))["items"]]


def test_products_are_found_by_brand_category_group_and_words(rolf, rita):
    write(rolf, SOCKS, LAMP)
    ok(rita.post(f"{HERS}/products", json={"products": [SOCKS]}))
    for query in ("brandUid=devold", "categoryUid=winter", "productGroupUid=CLOTHES", "q=WOOL", "q=sock"):
        assert listed(rolf, query) == ["socks"], query
    for query in ("brandUid=Devold", "categoryUid=summer", "q=100%25"):
        assert listed(rolf, query) == [], query
    assert listed(rolf, "pageSize=1&page=2") == ["socks"]
    is_problem(rolf.get(f"{PRODUCTS}?pageSize=201"), 422, "validation_failed")
    is_problem(rolf.get(f"{PRODUCTS}/none"), 404, "not_found")


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "productUid": st.sampled_from(["a", "b", "c", "d e", ""]),
            "name": st.sampled_from(["One", "Two", ""]),
            "price": st.sampled_from(["1.00", 2, "3.999", -1]),
        },
        optional={"variants": st.lists(st.fixed_dictionaries({"variantUid": st.sampled_from("abxyz")}), max_size=2)},
    ),
    min_size=1,
    max_size=6,
)


@generated(15)
@given(rows=ROWS)
def test_whatever_a_call_holds_every_row_has_its_result_and_no_uid_two_owners(rolf, promotions, rows):
    results = write(rolf, *rows)
    assert [uid for uid, _, _ in results] == [row["productUid"] for row in rows]
    assert all((status == "rejected") == bool(error) for _, status, error in results)
    products = {row.product_uid for row in stored(promotions, Product)}
    variants = [row.variant_uid for row in stored(promotions, Variant)]
    assert {uid for uid, status, _ in results if status != "rejected"} <= products
    assert len(products | set(variants)) == len(products) + len(variants)
