"""A variant's uid in selections and price lists means that variant only (D68), stored, resolved and evaluated."""

import pytest

from services.promotions.tills import bundles
from tests.promotions.helpers import MINE, ok
from tests.promotions.sales.helpers import LISTS, activate, made, select

JEANS = {
    "productUid": "jeans",
    "name": "Jeans",
    "price": 100,
    "brandUid": "b",
    "categoryUids": ["c"],
    "variants": [{"variantUid": "jeans-31"}, {"variantUid": "jeans-32"}, {"variantUid": "jeans-33", "price": 120}],
}
BELT = {"productUid": "belt", "name": "Belt", "price": 50, "brandUid": "b"}
ALL = ("jeans", "jeans-31", "jeans-32", "jeans-33", "belt")
TEN = {
    "campaignUid": "ten",
    "name": "Ten",
    "displayName": "Ten off",
    "validFrom": "2024-01-01T00:00:00Z",
    "validTo": "2999-01-01T00:00:00Z",
    "type": "CAMPAIGN",
    "discountType": "QUALIFIED_PRODUCT",
    "storeUids": [],
    "discountPercent": 10,
}


@pytest.fixture
def shop(rolf):
    ok(rolf.post(f"{MINE}/stores", json={"storeUid": "oslo-1", "name": "Oslo"}), 201)
    ok(rolf.post(f"{MINE}/products", json={"products": [JEANS, BELT]}))
    return rolf


def order(uids, **more):
    lines = [{"lineId": uid, "productUid": uid, "quantity": 1} for uid in uids]
    return {"storeUid": "oslo-1", "lines": lines} | more


def discounts(client, uids=ALL, **more):
    """What is taken off each product or variant in an order of one each, where anything is."""
    answer = ok(client.post(f"{MINE}/orders/evaluate", json=order(uids, **more)))
    return {line["lineId"]: line["discount"] for line in answer["lines"] if float(line["discount"])}


def prices(client, uids=ALL):
    answer = ok(client.post(f"{MINE}/orders/evaluate", json=order(uids)))
    return {line["lineId"]: line["unitPrice"] for line in answer["lines"]}


def bundle_campaigns(client):
    """What the till's bundle says of campaigns."""
    signed = ok(client.get(f"{MINE}/stores/oslo-1/bundle"))["signed"]
    [key] = ok(client.get(f"{MINE}/bundle-keys"))["keys"]
    return bundles.verify(signed, key)["campaigns"]


SELECTIONS = [
    # For brand b without one variant of it.
    ({"brandUids": ["b"]}, {"productUids": ["jeans-32"]}, {"jeans", "jeans-31", "jeans-33", "belt"}),
    ({}, {"productUids": ["jeans-32", "belt"]}, {"jeans", "jeans-31", "jeans-33"}),
    ({"productUids": ["jeans-32"]}, {}, {"jeans-32"}),
    ({"productUids": ["jeans-32", "belt"]}, {}, {"jeans-32", "belt"}),
    ({"productUids": ["jeans-32"], "categoryUids": ["c"]}, {}, {"jeans", "jeans-31", "jeans-32", "jeans-33"}),
    ({"productUids": ["jeans-32", "belt"]}, {"categoryUids": ["c"]}, {"belt"}),  # S1-24: exclude beats include
    ({"productUids": ["jeans-32"]}, {"productUids": ["jeans-32"]}, set()),
    ({"productUids": ["jeans-32"]}, {"productUids": ["jeans"]}, set()),
    ({"productUids": ["jeans"]}, {"productUids": ["jeans-31", "jeans-33"]}, {"jeans", "jeans-32"}),
]


@pytest.mark.parametrize(("include", "exclude", "expected"), SELECTIONS)
def test_a_selection_means_that_variant_only(shop, promotions, include, exclude, expected):
    """D68, S1-23, S1-24: in both lists; in an evaluation, in a dry run before and after, and in the till's bundle."""
    address = made(shop, TEN)
    select(shop, address, include, exclude)
    dry_run = {"dryRun": {"campaignUid": "ten"}}
    assert set(discounts(shop, **dry_run)) == expected
    activate(shop, address)
    off = {"jeans-33": "12.00", "belt": "5.00"}
    assert discounts(shop) == {uid: off.get(uid, "10.00") for uid in expected}
    assert set(discounts(shop, **dry_run)) == expected
    data = promotions.events("promotions.SalesCampaignActivated.v1")[-1]["data"]
    whole = {"jeans"} & expected and {"jeans"} | {uid for uid in expected if not uid.startswith("jeans-")}
    assert data["productCount"] == len(whole or expected)
    [campaign] = bundle_campaigns(shop)
    assert set(campaign["products"]) == expected


def test_a_variant_is_shown_by_its_uid_and_its_products_name(shop):
    address = made(shop, TEN)
    shown = select(shop, address, {"productUids": ["jeans-32"]})
    assert shown["include"]["products"] == [{"productUid": "jeans-32", "name": "Jeans"}]


def test_an_excluded_variant_stays_excluded_when_it_comes_later(shop):
    """S1-27: a product that comes later is not in; nor is a variant that was excluded before there was one."""
    address = made(shop, TEN)
    select(shop, address, {"brandUids": ["b"]}, {"productUids": ["jeans-34", "jeans-31"]})
    activate(shop, address)
    with_34 = JEANS | {"variants": [*JEANS["variants"][1:], {"variantUid": "jeans-34"}]}
    ok(shop.post(f"{MINE}/products", json={"products": [with_34]}))
    again = with_34 | {"variants": [*with_34["variants"], {"variantUid": "jeans-31"}]}
    ok(shop.post(f"{MINE}/products", json={"products": [again]}))
    assert set(discounts(shop, (*ALL, "jeans-34"))) == {"jeans", "jeans-32", "jeans-33", "belt"}


def test_a_variant_on_a_price_list(shop):
    """D68, S1-14: beside its product or alone; put on, given another price and taken off as products are."""
    entries = [{"productUid": "jeans-32", "price": "70.00"}]
    made_list = ok(shop.post(LISTS, json={"pricelistUid": "l", "name": "L", "products": entries}), 201)
    assert (made_list["products"], made_list["productCount"]) == (entries, 1)
    body = {name: value for name, value in TEN.items() if name != "discountPercent"}
    activate(shop, made(shop, body | {"type": "PRICELIST", "pricelistUid": "l"}))
    assert discounts(shop) == {"jeans-32": "30.00"}
    both = [{"productUid": "jeans", "price": 90}, {"productUid": "jeans-32", "price": 65}]
    changed = ok(shop.put(f"{LISTS}/l/products", json={"add": both}))
    assert changed["productCount"] == 2
    listed = ok(shop.get(f"{LISTS}/l/products?pageSize=1&page=2"))
    assert (listed["totalItems"], listed["items"]) == (2, [{"productUid": "jeans-32", "price": "65.00"}])
    assert discounts(shop) == {"jeans": "10.00", "jeans-31": "10.00", "jeans-32": "35.00", "jeans-33": "30.00"}
    assert discounts(shop, dryRun={"campaignUid": "ten"})["jeans-32"] == "35.00"
    [campaign] = bundle_campaigns(shop)
    assert campaign["prices"]["jeans-32"] == "65.00"
    assert campaign["prices"]["jeans-33"] == "90.00"
    assert ok(shop.put(f"{LISTS}/l/products", json={"remove": ["jeans-32"]}))["productCount"] == 1
    assert discounts(shop)["jeans-32"] == "10.00"


def test_a_variant_that_is_gone_can_be_taken_off_a_list(shop):
    entries = [{"productUid": "jeans-31", "price": 70}, {"productUid": "jeans", "price": 80}]
    ok(shop.post(LISTS, json={"pricelistUid": "l", "name": "L", "products": entries}), 201)
    ok(shop.post(f"{MINE}/products", json={"products": [JEANS | {"variants": []}]}))
    assert ok(shop.put(f"{LISTS}/l/products", json={"remove": ["jeans-31"]}))["productCount"] == 1
    assert shop.delete(f"{LISTS}/l").status_code == 204


def test_a_variants_price_on_the_stores_or_the_chains_list_is_its_regular_one(shop):
    """S1-34, D68: what is said of the variant itself comes before what is said of its product."""
    for uid, price in (("chain", 80), ("store", 60)):
        body = {"pricelistUid": uid, "name": uid, "products": [{"productUid": "jeans-33", "price": price}]}
        ok(shop.post(LISTS, json=body), 201)
    assert prices(shop, ["jeans-33"]) == {"jeans-33": "120.00"}
    ok(shop.put(f"{MINE}/settings", json={"pricelistUid": "chain"}))
    assert prices(shop, ["jeans-33", "jeans-32"]) == {"jeans-33": "80.00", "jeans-32": "100.00"}
    ok(shop.put(f"{MINE}/stores/oslo-1", json={"pricelistUid": "store"}))
    assert prices(shop, ["jeans-33"]) == {"jeans-33": "60.00"}
