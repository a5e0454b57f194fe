"""Amounts of catalogue and campaigns are as exact as the tenant's currency, at every entrance (D9)."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import pytest

from chassis.core.money import CURRENCIES
from services.promotions.catalogue.models import Product
from services.promotions.sales.models import SalesCampaign
from tests.promotions.helpers import HERS, MINE, ROLF, TILL, everything, fields_of, is_problem, ok, revision, stored
from tests.promotions.sales.helpers import CAMPAIGNS, LISTS, SOCKS

PRODUCTS, SETTINGS = f"{MINE}/products", f"{MINE}/settings"
AMOUNT_OFF = {name: value for name, value in SOCKS.items() if name != "discountPercentage"} | {"storeUids": []}


def in_currency(client, currency):
    ok(client.put(SETTINGS, json={"currency": currency}))
    return client


def write(client, *rows):
    """The results of an upsert as (status, error)."""
    results = ok(client.post(PRODUCTS, json={"products": list(rows)}))["results"]
    return [(item["status"], item.get("error")) for item in results]


def product(uid="lamp", price="1", **more):
    return {"productUid": uid, "name": uid, "price": price} | more


@pytest.mark.parametrize("currency", ["JPY", "SEK", "KWD", "CLF"])
def test_an_upsert_takes_what_the_currency_has_and_rejects_the_rest_by_product(rolf, promotions, currency):
    """JPY 575.34 is in no coin: the row says so, and the others go in. Prices, costs and variants alike."""
    places = CURRENCIES[currency]
    fits, finer = str(Decimal("575").scaleb(-places)), str(Decimal("5753").scaleb(-places - 1))
    rows = [
        product("a", fits, cost=fits, variants=[{"variantUid": "a1", "price": fits}]),
        product("b", finer),
        product("c", fits, cost=finer),
        product("d", fits, variants=[{"variantUid": "d1"}, {"variantUid": "d2", "price": finer}]),
        product("e", float(fits)),
        product("f", f"{fits}{'' if places else '.'}000"),
    ]
    results = write(in_currency(rolf, currency), *rows)
    assert [status for status, _ in results] == ["created", "rejected", "rejected", "rejected", "created", "created"]
    fields = [error.partition(":")[0] for _, error in results[1:4]]
    assert fields == ["price", "cost", "variants.1.price"]
    assert all(currency in error for _, error in results[1:4])
    assert {row.product_uid for row in stored(promotions, Product)} == {"a", "e", "f"}
    shown = [ok(rolf.get(f"{PRODUCTS}/{uid}"))["price"] for uid in "aef"]
    assert shown == [fits] * 3


@pytest.mark.parametrize("currency", ["JPY", "SEK", "KWD"])
def test_every_other_entrance_names_the_field_that_does_not_fit(rolf, promotions, currency):
    """Price lists, amounts off, thresholds and budgets: refused whole, and nothing is written."""
    in_currency(rolf, currency)
    write(rolf, product("a"), product("b"))
    places = CURRENCIES[currency]
    fits, finer = str(Decimal(5).scaleb(-places)), str(Decimal(53).scaleb(-places - 1))
    ok(rolf.post(LISTS, json={"pricelistUid": "l", "name": "L"}), 201)
    address = f"{CAMPAIGNS}/{ok(rolf.post(CAMPAIGNS, json=AMOUNT_OFF | {'discountAmount': fits}), 201)['campaignUid']}"
    before = everything(promotions)
    entries = [{"productUid": "a", "price": fits}, {"productUid": "b", "price": finer}]
    new = AMOUNT_OFF | {"campaignUid": "new"}
    attempts = [
        ("POST", LISTS, {"name": "N", "products": entries}, "products.1.price"),
        ("PUT", f"{LISTS}/l/products", {"add": entries}, "add.1.price"),
        ("POST", CAMPAIGNS, new | {"discountAmount": finer}, "discountAmount"),
        ("POST", CAMPAIGNS, new | {"discountPercent": 5, "amountThreshold": finer}, "amountThreshold"),
        ("PUT", address, {"discountAmount": finer}, "discountAmount"),
        ("PUT", address, {"amountThreshold": float(finer)}, "amountThreshold"),
        ("PUT", f"{address}/limits", {"totalDiscount": finer}, "totalDiscount"),
    ]
    for method, path, body, field in attempts:
        problem = is_problem(rolf.open(path, method=method, json=body), 422, "validation_failed")
        assert fields_of(problem) == [field]
        assert currency in problem["detail"]
    assert everything(promotions) == before
    ok(rolf.put(f"{LISTS}/l/products", json={"add": entries[:1]}))
    ok(rolf.put(address, json={"amountThreshold": fits}))
    assert ok(rolf.put(f"{address}/limits", json={"totalDiscount": fits}))["totalDiscount"] == fits


def test_numbers_are_read_by_their_shortest_form_and_trailing_zeros_mean_nothing(rolf):
    """0.1 + 0.2 is 0.30; "29.9900" is 29.99; what is really finer is refused."""
    numbers = ["0.30000000000000004", '"29.9900"', "29.990", "1e2", '"0.30000000000000004"', "0.301", "-1", '"1e2"']
    rows = [product(f"p{number}", "PRICE") for number in range(len(numbers))]
    body = json.dumps({"products": rows})
    for number in numbers:
        body = body.replace('"PRICE"', number, 1)
    answer = rolf.post(PRODUCTS, data=body, content_type="application/json")
    statuses = [item["status"] for item in ok(answer)["results"]]
    assert statuses == ["created"] * 4 + ["rejected"] * 4
    shown = [ok(rolf.get(f"{PRODUCTS}/p{number}"))["price"] for number in range(4)]
    assert shown == ["0.30", "29.99", "29.99", "100.00"]


@pytest.mark.parametrize("code", ["ZZZ", "XXX", "XAU", "sek", "EURO", "", None, 752])
def test_only_currencies_of_the_standard_are_taken(rolf, promotions, code):
    before = everything(promotions)
    problem = is_problem(rolf.put(SETTINGS, json={"currency": code}), 422, "validation_failed")
    assert fields_of(problem) == ["currency"]
    assert everything(promotions) == before


@pytest.mark.parametrize("places", sorted(set(CURRENCIES.values())))
def test_answered_amounts_are_accepted_back(rolf, promotions, places, currencies):
    """For every currency of ISO 4217."""
    for currency in currencies:
        if CURRENCIES[currency] == places:
            goes_round(in_currency(rolf, currency), promotions, currency, places)


def goes_round(rolf, promotions, currency, places):
    """The finest amount and a large one; nothing is different after they were sent back as they were answered."""
    fine, large = str(Decimal(1).scaleb(-places)), str(Decimal(123456789).scaleb(-places))
    variants = [{"variantUid": f"v-{currency}", "price": large}]
    uid = f"p-{currency}"
    assert write(rolf, product(uid, fine, cost=large, variants=variants)) == [("created", None)]
    body = {"pricelistUid": f"l-{currency}", "name": "L", "products": [{"productUid": uid, "price": large}]}
    listed = ok(rolf.post(LISTS, json=body), 201)
    rule = AMOUNT_OFF | {"campaignUid": f"c-{currency}", "discountAmount": fine, "amountThreshold": large}
    campaign = ok(rolf.post(CAMPAIGNS, json=rule), 201)
    address = f"{CAMPAIGNS}/{campaign['campaignUid']}"
    limits = ok(rolf.put(f"{address}/limits", json={"totalDiscount": large}))
    shown = ok(rolf.get(f"{PRODUCTS}/{uid}"))
    assert (shown["price"], shown["cost"], listed["products"][0]["price"]) == (fine, large, large)
    assert (limits["totalDiscount"], campaign["discountAmount"]) == (large, float(fine))
    before = revision(promotions)
    assert write(rolf, shown) == [("updated", None)]
    assert ok(rolf.put(f"{LISTS}/l-{currency}/products", json={"add": listed["products"]})) == listed
    assert ok(rolf.put(address, json=campaign)) == campaign
    assert ok(rolf.put(f"{address}/limits", json=limits)) == limits
    assert revision(promotions) == before


FINE = [
    ("product", "price", "The product a has 575.34."),
    ("product", "cost", "The product a has 575.34."),
    ("variant", "price", "The variant a1 has 575.34."),
    ("list", "price", "The price list l has 575.34."),
    ("list of variants", "price", "The price list l has 575.34."),
    ("campaign", "discountAmount", "The campaign 3for2socks has 575.34."),
    ("campaign", "amountThreshold", "The campaign 3for2socks has 575.34."),
    ("limits", "totalDiscount", "The campaign 3for2socks has 575.34."),
]


def stock(client, where, name, amount):
    """A shop in which one amount is ``amount``, and all others are whole."""
    row = product("a", "1.00", cost="2.00", variants=[{"variantUid": "a1", "price": "3.00"}])
    if where == "product":
        row[name] = amount
    if where == "variant":
        row["variants"][0]["price"] = amount
    assert write(client, row) == [("created", None)]
    entries = {"list": {"productUid": "a", "price": amount}, "list of variants": {"productUid": "a1", "price": amount}}
    entry = entries.get(where, {"productUid": "a", "price": 4})
    ok(client.post(LISTS, json={"pricelistUid": "l", "name": "L", "products": [entry]}), 201)
    body = (
        AMOUNT_OFF | {"discountAmount": 5, "amountThreshold": "6.00"} | ({name: amount} if where == "campaign" else {})
    )
    ok(client.post(CAMPAIGNS, json=body), 201)
    ok(client.put(f"{CAMPAIGNS}/3for2socks/limits", json={"totalDiscount": amount if where == "limits" else 7}))


@pytest.mark.parametrize(("where", "name", "sentence"), FINE)
def test_a_currency_that_changes_is_checked_against_what_is_stored(rolf, promotions, where, name, sentence):
    """Whatever is stored: a few are named, and nothing has changed. A currency that is as fine is taken."""
    stock(rolf, where, name, "575.34")
    before = everything(promotions)
    for currency in ("JPY", "ISK"):
        problem = is_problem(rolf.put(SETTINGS, json={"currency": currency}), 409, "currency_does_not_fit")
        assert [error["message"] for error in problem["errors"]] == [sentence]
    assert everything(promotions) == before
    assert ok(rolf.get(SETTINGS))["currency"] == "SEK"
    for currency in ("NOK", "KWD", "CLF"):
        assert ok(rolf.put(SETTINGS, json={"currency": currency}))["currency"] == currency


def test_a_currency_without_decimals_is_accepted_when_all_amounts_are_whole(rolf):
    """575.00 is 575: trailing zeros mean nothing. Also back, and another tenant's amounts are its own."""
    stock(rolf, "product", "price", "575.00")
    assert ok(rolf.put(SETTINGS, json={"currency": "JPY"}))["currency"] == "JPY"
    assert ok(rolf.get(f"{PRODUCTS}/a"))["price"] == "575"
    assert ok(rolf.put(SETTINGS, json={"currency": "SEK"}))["currency"] == "SEK"
    assert ok(rolf.get(f"{PRODUCTS}/a"))["price"] == "575.00"


def test_anothers_amounts_do_not_keep_a_currency_from_changing(rolf, rita):
    ok(rita.post(f"{HERS}/products", json={"products": [product("a", "575.34")]}))
    assert ok(rolf.put(SETTINGS, json={"currency": "JPY"}))["currency"] == "JPY"


def test_a_few_of_many_are_named(rolf):
    write(rolf, *(product(f"p{number:02}", "1.50") for number in range(20)))
    problem = is_problem(rolf.put(SETTINGS, json={"currency": "JPY"}), 409, "currency_does_not_fit")
    assert [error["message"] for error in problem["errors"]] == [f"The product p0{n} has 1.5." for n in range(3)]


def at_once(promotions, *requests):
    """Send requests from as many threads that start together; their answers in order."""
    barrier = Barrier(len(requests))

    def send(request):
        number, (method, path, body) = request
        client = promotions.client((ROLF, TILL)[number % 2])
        barrier.wait(10)
        return client.open(path, method=method, json=body)

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, enumerate(requests)))


def test_amounts_and_the_currency_written_at_once_fit_afterwards(rolf, promotions):
    """Whoever comes first: either the amounts are refused or the currency is."""
    for number in range(5):
        in_currency(rolf, "SEK")
        answers = at_once(
            promotions,
            ("PUT", SETTINGS, {"currency": "JPY"}),
            ("POST", PRODUCTS, {"products": [product(f"p{number}", "575.34")]}),
            ("POST", CAMPAIGNS, AMOUNT_OFF | {"campaignUid": f"c{number}", "discountAmount": "0.50"}),
            ("POST", LISTS, {"name": "L", "products": []}),
        )
        changed, upserted, made, listed = answers
        assert changed.status_code in (200, 409)
        assert (made.status_code, listed.status_code) in ((201, 201), (422, 201))
        currency = ok(rolf.get(SETTINGS))["currency"]
        assert (changed.status_code == 200) == (currency == "JPY")
        fine_price = [row for row in stored(promotions, Product) if row.price % 1]
        fine_amount = [row for row in stored(promotions, SalesCampaign) if row.discount_amount % 1]
        assert currency == "SEK" or not (fine_price or fine_amount)
        assert (ok(upserted)["results"][0]["status"] == "created") == bool(fine_price)
        if fine_price:
            ok(rolf.post(PRODUCTS, json={"products": [product(f"p{number}", 1)]}))
        if fine_amount:
            ok(rolf.put(f"{CAMPAIGNS}/c{number}", json={"discountAmount": 1}))
