"""Price lists: made, changed in bulk, read, and kept while something uses them."""

from decimal import Decimal

import pytest

from chassis.data.audit import AuditRow
from services.promotions.catalogue.models import PricelistEntry
from tests.promotions.helpers import HERS, MINE, count, everything, fields_of, is_problem, ok, revision, stored

LISTS = f"{MINE}/pricelists"
AUGUST = f"{LISTS}/pricelist-august-2024"
BODY = {
    "pricelistUid": "pricelist-august-2024",
    "name": "Kampanje - August 2024",
    "products": [{"productUid": "phone", "price": "4990.00"}, {"productUid": "socks", "price": 59}],
}


@pytest.fixture
def shop(rolf):
    rows = [{"productUid": uid, "name": uid, "price": "100.00"} for uid in ("phone", "socks", "lamp", "mug")]
    ok(rolf.post(f"{MINE}/products", json={"products": rows}))
    return rolf


def prices(client, address=AUGUST):
    return {item["productUid"]: item["price"] for item in ok(client.get(f"{address}/products"))["items"]}


def test_a_list_is_made_with_its_products(shop, promotions):
    """S1-3: before any campaign. Money in our own answers is text with the decimals of its currency."""
    created = shop.post(LISTS, json=BODY)
    listed = [{"productUid": "phone", "price": "4990.00"}, {"productUid": "socks", "price": "59.00"}]
    assert ok(created, 201) == BODY | {"products": listed, "productCount": 2}
    assert ok(shop.get(AUGUST)) == created.json
    assert shop.get(AUGUST).headers["ETag"] == created.headers["ETag"]
    short = {name: created.json[name] for name in ("pricelistUid", "name", "productCount")}
    assert ok(shop.get(LISTS))["items"] == [short]
    is_problem(shop.post(LISTS, json=BODY), 409, "pricelist_exists")


def test_a_list_without_a_uid_gets_one_from_its_name(shop):
    """D28, as campaigns do."""
    names = ("Høst & jul", "Høst & jul", "🎄")
    made = [ok(shop.post(LISTS, json={"name": name}), 201)["pricelistUid"] for name in names]
    assert made == ["hostjul", "hostjul-2", "pricelist"]


def test_products_are_put_on_and_taken_off_in_bulk(shop, promotions):
    """S1-14."""
    ok(shop.post(LISTS, json=BODY), 201)
    first = revision(promotions)
    changes = {"add": [{"productUid": "lamp", "price": "80.00"}, {"productUid": "phone", "price": "4500.50"}]}
    changed = ok(shop.put(f"{AUGUST}/products", json=changes | {"remove": ["socks", "mug", "nothing"]}))
    assert (changed["productCount"], prices(shop)) == (2, {"lamp": "80.00", "phone": "4500.50"})
    assert revision(promotions) == first + 1
    data = promotions.events("promotions.PricelistProductsChanged.v1")[-1]["data"]
    assert data["products"] == [
        {"productUid": "lamp", "price": "80.00"},
        {"productUid": "phone", "price": "4500.50"},
        {"productUid": "socks", "price": None},
    ]
    trail = stored(promotions, AuditRow, AuditRow.at, AuditRow.id)[-1]
    was = {"phone": "4990.00", "socks": "59.00"}
    assert trail.changes["products"] == [was, {"lamp": "80.00", "phone": "4500.50"}]


def test_a_change_of_nothing_publishes_nothing(shop, promotions):
    ok(shop.post(LISTS, json=BODY), 201)
    before, tag = everything(promotions), shop.get(AUGUST).headers["ETag"]
    ok(shop.put(f"{AUGUST}/products", json={"add": BODY["products"], "remove": ["mug"]}))
    ok(shop.put(f"{AUGUST}/products", json={}))
    ok(shop.put(AUGUST, json={"name": BODY["name"]}))
    assert (everything(promotions), shop.get(AUGUST).headers["ETag"]) == (before, tag)


BAD = [
    ({"add": [{"productUid": "lamp", "price": "-1"}]}, "add.0.price"),
    ({"add": [{"productUid": "lamp", "price": "1.005"}]}, "add.0.price"),
    ({"add": [{"productUid": "lamp"}]}, "add.0.price"),
    ({"add": [{"productUid": "lamp", "price": 1}, {"productUid": "lamp", "price": 2}]}, "add"),
    ({"add": [{"productUid": "lamp", "price": 1}], "remove": ["lamp"]}, "remove"),
    ({"remove": "lamp"}, "remove"),
    ({"remove": ["x"] * 5001}, "remove"),
    ({"products": []}, "products"),
]


def test_bad_changes_are_refused_and_write_nothing(shop, promotions):
    ok(shop.post(LISTS, json=BODY), 201)
    before = everything(promotions)
    for body, field in BAD:
        assert field in fields_of(is_problem(shop.put(f"{AUGUST}/products", json=body), 422, "validation_failed"))
    assert everything(promotions) == before


def test_stale_lists_are_not_written_over(shop):
    """D6: a change of what is on a list is a change of the list."""
    seen = {"If-Match": shop.post(LISTS, json=BODY).headers["ETag"]}
    ok(shop.put(f"{AUGUST}/products", json={"remove": ["socks"]}))
    for method, path, body in (
        ("PUT", "", {"name": "x"}),
        ("PUT", "/products", {"remove": ["phone"]}),
        ("DELETE", "", None),
    ):
        answer = shop.open(f"{AUGUST}{path}", method=method, headers=seen, **({"json": body} if body else {}))
        is_problem(answer, 412, "stale_version")
    fresh = {"If-Match": shop.get(AUGUST).headers["ETag"]}
    assert ok(shop.put(AUGUST, json={"name": "Sensommer"}, headers=fresh))["name"] == "Sensommer"


def test_a_list_that_is_used_stays(shop, promotions):
    """Bad input: removed while in use → 409; by a store or the settings here, by campaigns in their own test."""
    for number, use in enumerate(("store", "settings")):
        address = f"{LISTS}/list-{number}"
        ok(shop.post(LISTS, json=BODY | {"pricelistUid": f"list-{number}"}), 201)
        if use == "store":
            ok(shop.post(f"{MINE}/stores", json={"storeUid": "s", "name": "S", "pricelistUid": "list-0"}), 201)
        else:
            ok(shop.put(f"{MINE}/settings", json={"pricelistUid": "list-1"}))
        before = everything(promotions)
        is_problem(shop.delete(address), 409, "pricelist_in_use")
        assert everything(promotions) == before
    ok(shop.put(f"{MINE}/settings", json={"pricelistUid": None}))
    assert shop.delete(f"{LISTS}/list-1").status_code == 204
    is_problem(shop.get(f"{LISTS}/list-1"), 404, "not_found")
    assert count(promotions, PricelistEntry) == 2
    assert promotions.events()[-1]["type"] == "promotions.PricelistDeleted.v1"


def test_long_lists_show_a_first_page_and_have_the_rest_in_pages(shop, promotions):
    rows = [{"productUid": f"p{number:03}", "name": "P", "price": 2} for number in range(201)]
    ok(shop.post(f"{MINE}/products", json={"products": rows}))
    entries = [{"productUid": row["productUid"], "price": 1} for row in rows]
    made = ok(shop.post(LISTS, json={"pricelistUid": "long", "name": "Long", "products": entries}), 201)
    assert (made["productCount"], len(made["products"])) == (201, 200)
    page = ok(shop.get(f"{LISTS}/long/products?page=3&pageSize=100"))
    assert (page["totalItems"], [item["productUid"] for item in page["items"]]) == (201, ["p200"])
    assert {row.price for row in stored(promotions, PricelistEntry)} == {Decimal("1.00")}


def test_anothers_lists_are_not_there(shop, rita, promotions):
    ok(shop.post(LISTS, json=BODY), 201)
    before = everything(promotions)
    hers = f"{HERS}/pricelists"
    assert ok(rita.get(hers))["items"] == []
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"name": "x"}),
        ("DELETE", "", None),
        ("GET", "/products", None),
        ("PUT", "/products", {"remove": ["phone"]}),
    ):
        address = f"{hers}/{BODY['pricelistUid']}{path}"
        is_problem(rita.open(address, method=method, **({"json": body} if body else {})), 404, "not_found")
    assert everything(promotions) == before
