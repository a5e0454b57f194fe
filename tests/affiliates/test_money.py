"""Amounts know their currency (D9), in whatever a merchant sends and in all that is answered."""

from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from chassis.core.money import CURRENCIES
from tests.affiliates.helpers import (
    CAMPAIGNS,
    CONVERSIONS,
    KEYED,
    activated,
    created,
    everything,
    linked,
    ok,
    order,
    refused,
    reported,
    settled,
    trail,
    without_links_in_memory,
)

FIXED = {"defaultCommissionType": "FIXED", "defaultCommissionValue": "5.00"}
DECIMALS = {0: "86", 2: "86.25", 3: "86.250", 4: "86.2500"}


@pytest.fixture
def click(affiliates, shop):
    """Gives the id of a new click of a campaign that pays 15 per cent, or what is asked."""
    without_links_in_memory(affiliates)

    def follow(**changes) -> str:
        code = linked(shop, activated(shop, **{"defaultCommissionValue": "15"} | changes))
        answer = affiliates.client(None).get(f"/r/{code}")
        return parse_qs(urlsplit(answer.headers["Location"]).query)["clickId"][0]

    return follow


def weighed(shop, service, number, **changes):
    reported(shop, number, **changes)
    settled(service)
    return ok(shop.get(f"{CONVERSIONS}/{number}"))


def balances(shop):
    items = ok(shop.get(f"{KEYED}/ledger/balances"))["items"]
    return {item["currency"]: (item["held"], item["approved"]) for item in items}


def test_commission_in_yen_has_no_decimals(shop, affiliates, click):
    """D9: 15 per cent of JPY 575 are 86, wherever that is told."""
    lines = [{"externalId": "A", "amount": 300}, {"externalId": "B", "amount": "275"}]
    conversion = weighed(shop, affiliates, "A-1", clickId=click(), currency="JPY", orderAmount=575, items=lines)
    assert (conversion["orderAmount"], conversion["commission"], conversion["refundedAmount"]) == ("575", "86", "0")
    assert [line["commission"] for line in conversion["items"]] == ["45", "41"]
    assert balances(shop) == {"JPY": ("86", "0")}
    assert [entry["amount"] for entry in ok(shop.get(f"{KEYED}/ledger"))["items"]] == ["86"]
    (report,) = ok(shop.get(f"{KEYED}/reports"))["items"]
    assert report["commission"] == [{"currency": "JPY", "held": "86", "approved": "0", "reversed": "0"}]
    products = ok(shop.get(f"{KEYED}/reports?by=product"))["items"]
    assert [(row["key"], row["commission"][0]["held"]) for row in products] == [("A", "45"), ("B", "41")]
    (statement,) = ok(shop.get(f"{KEYED}/statements"))["items"]
    assert (statement["opening"], statement["held"]) == ("0", "86")
    assert '"JPY","86","0","0"' in shop.get(f"{KEYED}/reports?format=csv").get_data(as_text=True)
    (event,) = affiliates.events("affiliates.ConversionCredited.v1")
    assert event["data"]["commission"] == "86"
    refunded = ok(shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "refunded", "refundAmount": "100"}))
    assert (refunded["refundedAmount"], refunded["commission"]) == ("100", "71")
    (event,) = affiliates.events("affiliates.CommissionReversed.v1")
    assert (event["data"]["reversed"], event["data"]["remaining"]) == ("15", "71")


def test_what_we_answer_is_accepted_back(shop, currencies):
    """D9: for every currency there is, in orders, products and refunds."""
    for currency in currencies:
        answers_are_accepted_back(shop, currency)


def answers_are_accepted_back(shop, currency):
    first, second = f"{currency}-1", f"{currency}-2"
    amount = Decimal("575.3456").quantize(Decimal(1).scaleb(-CURRENCIES[currency]))
    lines = [{"externalId": "A", "quantity": 2, "amount": str(amount)}]
    ok(shop.post(CONVERSIONS, json=order(first, orderAmount=str(amount), currency=currency, items=lines)), 202)
    conversion = ok(shop.get(f"{CONVERSIONS}/{first}"))
    assert conversion["orderAmount"] == conversion["items"][0]["amount"] == str(amount)
    back = [{name: conversion["items"][0][name] for name in ("externalId", "quantity", "amount")}]
    ok(
        shop.post(
            CONVERSIONS, json=order(second, orderAmount=conversion["orderAmount"], currency=currency, items=back)
        ),
        202,
    )
    refund = {"status": "refunded", "refundAmount": conversion["orderAmount"]}
    assert ok(shop.post(f"{CONVERSIONS}/{first}/status", json=refund))["refundedAmount"] == str(amount)
    fixed = {"commissionType": "FIXED", "commissionValue": str(amount)}
    for changes in ({}, fixed):
        product_is_accepted_back(shop, price=str(amount), currency=currency, **changes)


def product_is_accepted_back(shop, **changes):
    product = {"externalId": f"product {changes['currency']}", "name": "Shoes"} | changes
    ok(shop.post(f"{KEYED}/products", json={"products": [product]}), 202)
    stored = ok(shop.get(f"{KEYED}/products/{product['externalId']}"))
    assert stored["price"] == changes["price"]
    assert ok(shop.post(f"{KEYED}/products", json={"products": [stored]}), 202)["results"][0]["status"] == "updated"


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "575"), ("SEK", "575.35"), ("KWD", "575.346")])
def test_a_product_without_a_currency_is_accepted_back(shop, currency, amount):
    """D9: its price is in the merchant's, here that of the first order."""
    ok(shop.post(CONVERSIONS, json=order("A-1", orderAmount=amount, currency=currency)), 202)
    product_is_accepted_back(shop, price=amount, currency=None)


@pytest.mark.parametrize(
    ("currency", "amount", "stored"),
    [
        ("SEK", "29.9900", "29.99"),
        ("SEK", 29.99, "29.99"),
        ("SEK", 0.30000000000000004, "0.30"),
        ("KWD", "1.500", "1.500"),
        ("KWD", "19.990", "19.990"),
        ("KWD", 1.5, "1.500"),
        ("JPY", "575.00", "575"),
        ("JPY", 575.0000000000001, "575"),
    ],
)
def test_zeros_and_binary_arithmetic_mean_nothing(shop, currency, amount, stored):
    """D9."""
    reported(shop, "A-1", currency=currency, orderAmount=amount, items=[{"externalId": "A", "amount": amount}])
    conversion = ok(shop.get(f"{CONVERSIONS}/A-1"))
    assert (conversion["orderAmount"], conversion["items"][0]["amount"]) == (stored, stored)


@pytest.mark.parametrize(
    ("currency", "amount", "words"),
    [("JPY", "575.34", "no decimals"), ("SEK", "1.001", "at most 2"), ("KWD", "1.0001", "at most 3")],
)
def test_more_decimals_than_the_currency_has_are_refused(shop, affiliates, currency, amount, words):
    """D9: in an order, a line, a refund, a price and a fixed commission."""
    reported(shop, "A-1", currency=currency, orderAmount="1000", items=[{"externalId": "A", "amount": "1000"}])
    before = everything(affiliates)
    inexact = order("A-2", currency=currency, orderAmount=amount)
    assert "orderAmount" in refused(shop.post(CONVERSIONS, json=inexact), 400, words)[0]
    line = order("A-2", currency=currency, orderAmount="2000", items=[{"externalId": "A", "amount": amount}])
    assert "items.0.amount" in refused(shop.post(CONVERSIONS, json=line), 400, words)[0]
    address = f"{CONVERSIONS}/A-1/status"
    refused(shop.post(address, json={"status": "refunded", "refundAmount": amount}), 400, "refundAmount")
    items = [{"externalId": "A", "amount": amount}]
    refused(shop.post(address, json={"status": "refunded", "items": items}), 400, "items.0.amount")
    fixed = {"defaultCommissionType": "FIXED", "defaultCommissionValue": amount}
    refused(shop.post(CAMPAIGNS, json={"title": "Sale"} | fixed), 400, words)  # in the merchant's currency by now
    refused(shop.post(CAMPAIGNS, json={"title": "Sale", "defaultCommissionCurrency": currency} | fixed), 400, words)
    refused(shop.put(f"{KEYED}/settings", json=fixed), 400, words)
    product = {"externalId": "A", "name": "Shoes", "price": amount}
    terms = product | {"price": "1", "commissionType": "FIXED", "commissionValue": amount}
    for product_body in (product, product | {"currency": currency}, terms):
        (result,) = ok(shop.post(f"{KEYED}/products", json={"products": [product_body]}), 202)["results"]
        assert (result["status"], words in result["error"]) == ("rejected", True)
    assert everything(affiliates) == before


@pytest.mark.parametrize("code", ["ZZZ", "XXX", "XAU", "sek", "kr", ""])
def test_unknown_currencies_are_refused_wherever_they_are_written(shop, affiliates, code):
    """D9."""
    ok(shop.put(f"{KEYED}/settings", json={}))
    before = everything(affiliates)
    refused(shop.post(CONVERSIONS, json=order("A-1", currency=code)), 400, "currency")
    refused(shop.put(f"{KEYED}/settings", json={"currency": code}), 400, "currency")
    refused(shop.post(CAMPAIGNS, json={"title": "Sale", "defaultCommissionCurrency": code}), 400, "Currency")
    product = {"externalId": "A", "name": "Shoes", "price": 1, "currency": code}
    (result,) = ok(shop.post(f"{KEYED}/products", json={"products": [product]}), 202)["results"]
    assert result["status"] == "rejected"
    assert everything(affiliates) == before


def test_a_fixed_commission_belongs_to_a_currency(shop, affiliates, click):
    """D9: without any settings to that of the first order; in another it does not apply, and the answer says so."""
    click_id = click(**FIXED)
    assert weighed(shop, affiliates, "A-1", clickId=click_id, currency="EUR")["commission"] == "5.00"
    assert ok(shop.get(f"{KEYED}/settings"))["currency"] == "EUR"
    assert trail(shop)[0]["changes"]["currency"] == [None, "EUR"]
    assert weighed(shop, affiliates, "A-2", clickId=click_id, currency="EUR")["commission"] == "5.00"
    other = weighed(shop, affiliates, "A-3", clickId=click_id, currency="JPY", orderAmount="2999")
    assert (other["status"], other["commission"], other["commissionLevel"]) == ("CREDITED", "0", "campaign")
    assert "fixed commission of 5.00 EUR does not apply to an order in JPY" in other["explanation"]
    assert balances(shop) == {"EUR": ("10.00", "0.00")}
    preview = ok(shop.post(f"{CONVERSIONS}/preview", json=order("A-4", clickId=click_id, currency="USD")))
    assert preview["commission"] == "0.00"
    assert "5.00 EUR does not apply" in preview["explanation"]


def test_a_fixed_commission_may_name_its_currency(shop, affiliates, click):
    """D9: on the campaign and on the product, beside the merchant's."""
    ok(shop.put(f"{KEYED}/settings", json={"currency": "SEK"}))
    click_id = click(**FIXED, defaultCommissionCurrency="JPY")
    assert weighed(shop, affiliates, "A-1", clickId=click_id, currency="JPY", orderAmount="100")["commission"] == "5"
    assert weighed(shop, affiliates, "A-2", clickId=click_id, currency="SEK")["commission"] == "0.00"
    product = {"externalId": "A", "name": "Shoes", "price": "9.999", "currency": "KWD",
               "commissionType": "FIXED", "commissionValue": "1.125"}  # fmt: skip
    ok(shop.post(f"{KEYED}/products", json={"products": [product]}), 202)
    items = [{"externalId": "A", "amount": "10"}, {"externalId": "B", "amount": "5"}]
    in_dinars = weighed(shop, affiliates, "A-3", clickId=click_id, currency="KWD", orderAmount="15", items=items)
    assert [line["commission"] for line in in_dinars["items"]] == ["1.125", "0.000"]
    assert "campaign's fixed commission of 5.00 JPY does not apply" in in_dinars["explanation"]
    in_yen = weighed(shop, affiliates, "A-4", clickId=click_id, currency="JPY", orderAmount="15", items=items)
    assert [line["commission"] for line in in_yen["items"]] == ["0", "5"]
    assert "product A's fixed commission of 1.125 KWD does not apply" in in_yen["explanation"]


def test_percentages_apply_in_every_currency(shop, affiliates, click):
    click_id = click()
    for number, (currency, decimals) in enumerate((("JPY", 0), ("SEK", 2), ("KWD", 3), ("CLF", 4))):
        conversion = weighed(shop, affiliates, f"A-{number}", clickId=click_id, currency=currency, orderAmount="575")
        assert conversion["commission"] == DECIMALS[decimals]
    held = {currency: held for currency, (held, _) in balances(shop).items()}
    assert held == {"JPY": "86", "SEK": "86.25", "KWD": "86.250", "CLF": "86.2500"}


def test_a_currency_that_changes_is_checked_against_what_is_stored(shop, affiliates):
    """D9."""
    settings, products = f"{KEYED}/settings", f"{KEYED}/products"
    ok(shop.put(settings, json={"currency": "SEK"}))
    campaign = created(shop, defaultCommissionType="FIXED", defaultCommissionValue="2.50")
    refused(shop.put(settings, json={"currency": "JPY"}), 400, "currency: The commission of campaign Dashain Sale")
    ok(shop.patch(campaign, json={"defaultCommissionValue": "2"}))
    shoes = {"externalId": "SKU-1", "name": "Shoes", "price": "9.99"}
    ok(shop.post(products, json={"products": [shoes]}), 202)
    refused(shop.put(settings, json={"currency": "JPY"}), 400, "The price of product SKU-1")
    fixed = shoes | {"price": "9", "commissionType": "FIXED", "commissionValue": "0.5"}
    ok(shop.post(products, json={"products": [fixed]}), 202)
    refused(shop.put(settings, json={"currency": "JPY"}), 400, "The commission of product SKU-1")
    ok(shop.post(products, json={"products": [fixed | {"currency": "SEK"}]}), 202)
    assert ok(shop.put(settings, json={"currency": "JPY"}))["currency"] == "JPY"
    refused(shop.patch(campaign, json={"defaultCommissionValue": "2.5"}), 400, "no decimals")
    assert ok(shop.get(f"{products}/SKU-1"))["price"] == "9.00"
    assert ok(shop.put(settings, json={}))["currency"] == "JPY"
    assert ok(shop.put(settings, json={"currency": None}))["currency"] is None


def test_the_first_order_sets_a_currency_only_where_all_fits(shop, affiliates, click):
    """D9: what was stored before is not made wrong by an order."""
    click_id = click(**FIXED | {"defaultCommissionValue": "2.50"})
    conversion = weighed(shop, affiliates, "A-1", clickId=click_id, currency="JPY", orderAmount="100")
    assert conversion["commission"] == "0"
    assert "2.50, which has no currency, does not apply" in conversion["explanation"]
    assert ok(shop.get(f"{KEYED}/settings"))["currency"] is None
    assert weighed(shop, affiliates, "A-2", clickId=click_id, currency="EUR")["commission"] == "2.50"
    assert ok(shop.get(f"{KEYED}/settings"))["currency"] == "EUR"


def test_a_quantity_may_be_written_as_a_decimal(shop):
    """A shop that writes 2.0 means two pieces; half a piece is none."""
    reported(shop, "A-1", items=[{"externalId": "A", "quantity": 2.0, "amount": 10}])
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["items"][0]["quantity"] == 2
    half = order("A-2", items=[{"externalId": "A", "quantity": 0.5, "amount": 10}])
    refused(shop.post(CONVERSIONS, json=half), 400, "quantity")


def test_the_currency_of_a_fixed_commission_stands_in_the_audit_trail(shop):
    """D8, D9: as its value does; that of a price alone is no commission."""
    fixed = {"externalId": "a", "name": "A", "price": 1, "commissionType": "FIXED", "commissionValue": "5"}
    plain = {"externalId": "b", "name": "B", "price": 1}
    for currency in ("EUR", "JPY", "JPY"):
        products = [product_body | {"currency": currency} for product_body in (fixed, plain)]
        ok(shop.post(f"{KEYED}/products", json={"products": products}), 202)
    trail = [row for row in ok(shop.get(f"{CAMPAIGNS}/audit"))["items"] if row["action"] == "product.imported"]
    assert [row["changes"] for row in reversed(trail)] == [
        {"a": [[None, None], ["FIXED", "5", "EUR"]]},
        {"a": [["FIXED", "5", "EUR"], ["FIXED", "5", "JPY"]]},
    ]
