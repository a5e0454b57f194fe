"""Price lists take uids that the catalogue does not have, warn of them, and their prices count once it has (D68)."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident

import pytest
from sqlalchemy import event

from services.promotions.catalogue.models import PricelistEntry, PricelistVariant
from tests.promotions.helpers import HERS, MINE, ROLF, count, everything, fields_of, is_problem, ok, revision
from tests.promotions.sales.helpers import CAMPAIGNS, LISTS, activate, made
from tests.promotions.sales.test_variants import TEN, bundle_campaigns, discounts, prices

LIST = f"{LISTS}/l"
HEADER = "Concord-Warnings"
JEANS = {"productUid": "jeans", "name": "Jeans", "price": 100}
COAT = {"productUid": "coat", "name": "Coat", "price": 100}
BOTH = [{"productUid": "coat", "price": "80.00"}, {"productUid": "jeans", "price": "90.00"}]
OF_LIST = {name: value for name, value in TEN.items() if name != "discountPercent"} | {
    "campaignUid": "listed",
    "type": "PRICELIST",
    "pricelistUid": "l",
}


@pytest.fixture
def shop(rolf):
    ok(rolf.post(f"{MINE}/stores", json={"storeUid": "oslo-1", "name": "Oslo"}), 201)
    write(rolf, JEANS)
    return rolf


def write(client, *rows):
    return [item["status"] for item in ok(client.post(f"{MINE}/products", json={"products": rows}))["results"]]


def make_list(client, entries=BOTH):
    return client.post(LISTS, json={"pricelistUid": "l", "name": "L", "products": entries})


def change(client, add=(), remove=()):
    return client.put(f"{LIST}/products", json={"add": add, "remove": remove})


def listed(client):
    """What stands on the list, and that every answer counts it so."""
    page = ok(client.get(f"{LIST}/products?pageSize=200"))
    whole = ok(client.get(LIST))
    assert whole["products"] == page["items"]
    assert whole["productCount"] == page["totalItems"] == len(page["items"])
    return {item["productUid"]: item["price"] for item in page["items"]}


def warned(client, uid="listed"):
    warnings = ok(client.get(f"{CAMPAIGNS}/{uid}/warnings"))["warnings"]
    return {warning["code"]: (warning["count"], warning["uids"]) for warning in warnings}


def test_a_new_list_takes_unknown_products_with_a_warning(shop, promotions):
    created = make_list(shop)
    assert (ok(created, 201)["products"], created.json["productCount"]) == (BOTH, 2)
    assert created.headers[HEADER] == "unknown_product"
    assert listed(shop) == {"coat": "80.00", "jeans": "90.00"}
    second = ok(shop.get(f"{LIST}/products?page=2&pageSize=1"))
    assert (second["totalItems"], second["items"]) == (2, BOTH[1:])
    assert promotions.events("promotions.PricelistProductsChanged.v1")[-1]["data"]["products"] == BOTH


def test_a_list_of_known_products_has_no_warning(shop):
    assert HEADER not in make_list(shop, BOTH[1:]).headers
    assert HEADER not in change(shop, [{"productUid": "jeans", "price": 85}]).headers


def test_they_are_put_on_repriced_and_taken_off(shop):
    ok(make_list(shop, BOTH[1:]), 201)
    for price in ("80.00", "70.50"):
        answer = change(shop, [{"productUid": "coat", "price": price}])
        assert answer.headers[HEADER] == "unknown_product"
        assert ok(answer)["productCount"] == 2
        assert listed(shop) == {"coat": price, "jeans": "90.00"}
    assert ok(change(shop, remove=["coat"]))["productCount"] == 1
    assert listed(shop) == {"jeans": "90.00"}


def test_products_of_another_tenant_are_unknown(shop, rita):
    ok(rita.post(f"{HERS}/products", json={"products": [COAT]}))
    assert make_list(shop).headers[HEADER] == "unknown_product"
    ok(rita.post(f"{HERS}/pricelists", json={"pricelistUid": "h", "name": "H", "products": BOTH}), 201)
    write(shop, COAT)
    theirs = ok(rita.get(f"{HERS}/pricelists/h"))["products"]
    assert (listed(shop)["coat"], theirs) == ("80.00", BOTH)


def test_another_tenants_price_stays_theirs_when_the_product_comes_here(shop, rita, promotions):
    ok(make_list(shop), 201)
    ok(rita.post(f"{HERS}/pricelists", json={"pricelistUid": "h", "name": "H", "products": BOTH}), 201)
    write(shop, COAT)
    assert count(promotions, PricelistVariant) == 2
    assert ok(rita.get(f"{HERS}/pricelists/h"))["products"] == BOTH


def test_an_answer_that_is_written_back_changes_nothing(shop, promotions):
    """D65, with what the catalogue has and what it does not have."""
    ok(make_list(shop), 201)
    before, tag = everything(promotions), shop.get(LIST).headers["ETag"]
    answer = change(shop, ok(shop.get(f"{LIST}/products"))["items"])
    assert (ok(answer)["products"], answer.headers[HEADER]) == (BOTH, "unknown_product")
    assert (everything(promotions), answer.headers["ETag"]) == (before, tag)


@pytest.mark.parametrize("price", ["80.005", "-1"])
def test_their_prices_are_checked_as_others_are(shop, promotions, price):
    """D9."""
    ok(make_list(shop, BOTH[1:]), 201)
    before = everything(promotions)
    entries = [{"productUid": "coat", "price": price}]
    assert fields_of(is_problem(change(shop, entries), 422, "validation_failed")) == ["add.0.price"]
    refused = shop.post(LISTS, json={"name": "M", "products": entries})
    assert fields_of(is_problem(refused, 422, "validation_failed")) == ["products.0.price"]
    assert everything(promotions) == before


def test_a_currency_is_refused_when_prices_of_unknown_products_do_not_fit(shop):
    """D9."""
    ok(make_list(shop, [{"productUid": "coat", "price": "80.50"}]), 201)
    is_problem(shop.put(f"{MINE}/settings", json={"currency": "JPY"}), 409, "currency_does_not_fit")


def test_a_price_counts_as_soon_as_the_product_comes(shop, promotions):
    """S1-14, in evaluations, dry runs and the till's bundle; for the product's variants too."""
    ok(make_list(shop), 201)
    activate(shop, made(shop, OF_LIST))
    order = {"storeUid": "oslo-1", "lines": [{"lineId": "1", "productUid": "coat", "quantity": 1}]}
    is_problem(shop.post(f"{MINE}/orders/evaluate", json=order), 422, "unknown_product")
    assert discounts(shop, ["jeans"]) == {"jeans": "10.00"}
    [campaign] = bundle_campaigns(shop)
    assert campaign["prices"] == {"jeans": "90.00"}
    before = revision(promotions)
    write(shop, COAT | {"variants": [{"variantUid": "coat-blue"}]})
    assert revision(promotions) == before + 1
    assert discounts(shop, ["coat", "coat-blue"]) == {"coat": "20.00", "coat-blue": "20.00"}
    assert set(discounts(shop, ["coat"], dryRun={"campaignUid": "listed"})) == {"coat"}
    [campaign] = bundle_campaigns(shop)
    assert campaign["prices"] == {"jeans": "90.00", "coat": "80.00", "coat-blue": "80.00"}
    assert listed(shop) == {"coat": "80.00", "jeans": "90.00"}


def test_a_price_counts_as_soon_as_the_variant_comes(shop):
    """It means that variant only."""
    ok(make_list(shop, [{"productUid": "jeans-31", "price": 70}]), 201)
    activate(shop, made(shop, OF_LIST))
    assert discounts(shop, ["jeans"]) == {}
    write(shop, JEANS | {"variants": [{"variantUid": "jeans-31"}, {"variantUid": "jeans-32"}]})
    assert discounts(shop, ["jeans", "jeans-31", "jeans-32"]) == {"jeans-31": "30.00"}
    [campaign] = bundle_campaigns(shop)
    assert campaign["prices"] == {"jeans-31": "70.00"}


def test_a_regular_price_counts_as_soon_as_the_product_comes(shop):
    """S1-34: the store's list, the chain's."""
    ok(make_list(shop), 201)
    ok(shop.post(LISTS, json={"pricelistUid": "s", "name": "S", "products": [{"productUid": "hat", "price": 5}]}), 201)
    ok(shop.put(f"{MINE}/settings", json={"pricelistUid": "l"}))
    ok(shop.put(f"{MINE}/stores/oslo-1", json={"pricelistUid": "s"}))
    write(shop, COAT, COAT | {"productUid": "hat"})
    assert prices(shop, ["coat", "hat"]) == {"coat": "80.00", "hat": "5.00"}


def test_a_price_that_is_set_again_when_the_product_is_there_is_the_only_one(shop, promotions):
    ok(make_list(shop), 201)
    activate(shop, made(shop, OF_LIST))
    write(shop, COAT)
    answer = change(shop, [{"productUid": "coat", "price": 60}])
    assert HEADER not in answer.headers
    assert listed(shop) == {"coat": "60.00", "jeans": "90.00"}
    assert (count(promotions, PricelistEntry), count(promotions, PricelistVariant)) == (2, 0)
    assert discounts(shop, ["coat"]) == {"coat": "40.00"}
    ok(change(shop, remove=["coat"]))
    assert listed(shop) == {"jeans": "90.00"}
    assert discounts(shop, ["coat"]) == {}


def test_a_variants_price_is_the_products_when_its_uid_becomes_one(shop, promotions):
    """Products are never deleted; a variant's uid is free again when its product loses it."""
    write(shop, JEANS | {"variants": [{"variantUid": "coat"}]})
    assert HEADER not in make_list(shop).headers
    activate(shop, made(shop, OF_LIST))
    assert discounts(shop, ["coat"]) == {"coat": "20.00"}
    write(shop, JEANS)
    assert warned(shop)["unknown_product"] == (1, ["coat"])
    assert listed(shop) == {"coat": "80.00", "jeans": "90.00"}
    write(shop, COAT)
    assert discounts(shop, ["coat"]) == {"coat": "20.00"}
    assert listed(shop) == {"coat": "80.00", "jeans": "90.00"}
    assert (count(promotions, PricelistEntry), count(promotions, PricelistVariant)) == (2, 0)


def test_a_product_that_is_rejected_takes_no_price(shop, promotions):
    """Its uid is a variant's, or its price is too fine."""
    write(shop, JEANS | {"variants": [{"variantUid": "coat"}]})
    ok(make_list(shop, [*BOTH, {"productUid": "hat", "price": 1}]), 201)
    before = everything(promotions)
    assert write(shop, COAT, COAT | {"productUid": "hat", "price": "1.005"}) == ["rejected", "rejected"]
    assert everything(promotions) == before
    assert listed(shop) == {"coat": "80.00", "hat": "1.00", "jeans": "90.00"}


def test_a_list_with_unknown_products_is_deleted_whole(shop, promotions):
    ok(make_list(shop), 201)
    assert shop.delete(LIST).status_code == 204
    assert (count(promotions, PricelistEntry), count(promotions, PricelistVariant)) == (0, 0)
    write(shop, COAT)
    assert count(promotions, PricelistEntry) == 0


def test_a_campaigns_warnings_name_unknown_products_on_its_list(shop):
    """D68, S1-12: for whoever asks, and in the header of the activation."""
    ok(make_list(shop, BOTH[:1]), 201)
    address = made(shop, OF_LIST)
    assert warned(shop) == {"empty_selection": (1, []), "unknown_product": (1, ["coat"])}
    ok(change(shop, BOTH[1:]))
    assert warned(shop) == {"unknown_product": (1, ["coat"])}
    activated = shop.put(address, json={"status": "ACTIVE"})
    assert (ok(activated)["status"], activated.headers[HEADER]) == ("ACTIVE", "unknown_product")
    write(shop, COAT)
    assert warned(shop) == {}


def at_once(promotions, *requests):
    """The statuses of requests from as many threads that start together."""
    barrier = Barrier(len(requests))

    def send(request):
        method, address, body = request
        client = promotions.client(ROLF)
        barrier.wait(10)
        return client.open(address, method=method, json=body).status_code

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def test_products_and_their_prices_written_at_once_come_together(shop, promotions):
    """Whoever comes first, the price counts, and it is the only one on the list."""
    ok(make_list(shop, []), 201)
    activate(shop, made(shop, OF_LIST))
    uids = [f"p{number}" for number in range(12)]
    for uid in uids:
        entry, row = {"add": [{"productUid": uid, "price": 80}]}, {"products": [COAT | {"productUid": uid}]}
        sent = at_once(promotions, ("PUT", f"{LIST}/products", entry), ("POST", f"{MINE}/products", row))
        assert sent == [200, 200]
    assert discounts(shop, uids) == dict.fromkeys(uids, "20.00")
    assert listed(shop) == dict.fromkeys(uids, "80.00")
    assert (count(promotions, PricelistEntry), count(promotions, PricelistVariant)) == (len(uids), 0)


def test_a_list_deleted_while_its_products_come_is_gone_whole(shop, promotions):
    for number in range(8):
        uid = f"p{number}"
        ok(make_list(shop, [{"productUid": uid, "price": 80}]), 201)
        row = {"products": [COAT | {"productUid": uid}]}
        assert at_once(promotions, ("DELETE", LIST, None), ("POST", f"{MINE}/products", row)) == [204, 200]
    assert (count(promotions, PricelistEntry), count(promotions, PricelistVariant)) == (0, 0)


def test_many_take_as_many_statements_as_few(shop, promotions):
    """Put on a list, and when their products come; fewer than are copied in."""

    def statements(send):
        seen, mine = [], get_ident()
        note = lambda *args: seen.append(args[2]) if get_ident() == mine else None  # noqa: E731
        event.listen(promotions.database.engine, "before_cursor_execute", note)
        ok(send())
        event.remove(promotions.database.engine, "before_cursor_execute", note)
        return len(seen)

    ok(make_list(shop, []), 201)
    taken, come = [], []
    for first, after in ((0, 2), (2, 50)):
        uids = [f"p{number}" for number in range(first, after)]
        taken.append(statements(lambda uids=uids: change(shop, [{"productUid": uid, "price": 1} for uid in uids])))
        rows = {"products": [COAT | {"productUid": uid} for uid in uids]}
        come.append(statements(lambda rows=rows: shop.post(f"{MINE}/products", json=rows)))
    assert (taken[0], come[0]) == (taken[1], come[1])
    assert set(listed(shop).values()) == {"1.00"}
