"""Money of every currency, and numbers as tills write them: what one line says never refuses the whole order."""

from decimal import Decimal

import pytest

from chassis.core import money
from services.promotions.catalogue.models import Product, Settings
from services.promotions.sales.models import SalesCampaign
from tests.promotions.evaluations.shop import Shop, order
from tests.promotions.helpers import MINE, everything, fields_of, is_problem, ok, stored

ONE_OF_EACH = list({places: currency for currency, places in money.CURRENCIES.items()}.values())
"""A currency for each number of decimals that there is."""
EVALUATE = f"{MINE}/orders/evaluate"


@pytest.fixture
def shop(promotions):
    shop = Shop(promotions)
    shop.store()
    shop.product("ham", 20)
    shop.product("jeans", 30)
    return shop


@pytest.fixture
def priced_in(shop, rolf):
    """Set the tenant's currency."""

    def change(currency):
        ok(rolf.put(f"{MINE}/settings", json={}))
        shop.change(Settings, {}, currency=currency)

    return change


def evaluated(client, *lines, **more):
    return ok(client.post(EVALUATE, json=order(*lines, **more)))


def amounts_of(value):
    """Every decimal string in an answer."""
    if isinstance(value, dict):
        return [amount for name, member in value.items() if name != "lineId" for amount in amounts_of(member)]
    if isinstance(value, list):
        return [amount for member in value for amount in amounts_of(member)]
    return [value] if isinstance(value, str) and value.replace(".", "", 1).lstrip("-").isdigit() else []


def require_decimals(currency, *answers):
    for amount in amounts_of(list(answers)):
        assert len(amount.partition(".")[2]) == money.CURRENCIES[currency], (currency, amount)


def finest_of(currency):
    return format(Decimal(12345).scaleb(-money.CURRENCIES[currency]), "f")


def test_answered_amounts_are_accepted_back_in_every_currency(shop, till, priced_in, currencies):
    """D9: prices with the currency's decimals, discounts rounded to them, and both can be sent again."""
    shop.campaign("seventh", products=["jeans", "ham"], discount_percent=Decimal("14.29"))
    for currency in currencies:
        priced_in(currency)
        first = evaluated(till, ("jeans", 1, finest_of(currency)), ("ham", 2), currency=currency)
        assert first["lines"][0]["unitPrice"] == finest_of(currency)
        sent = [(line["productUid"], line["quantity"], line["unitPrice"]) for line in first["lines"]]
        again = evaluated(till, *sent, currency=currency)
        assert (again["lines"], again["totals"]) == (first["lines"], first["totals"]), currency
        require_decimals(currency, first["lines"], first["totals"], first["campaigns"])


@pytest.mark.parametrize("currency", ONE_OF_EACH)
def test_returns_reservations_and_limits_have_the_currencys_decimals(shop, rolf, priced_in, currency):
    """D9."""
    shop.campaign("seventh", products=["jeans", "ham"], discount_percent=Decimal("14.29"))
    priced_in(currency)
    finest = finest_of(currency)
    address = f"{MINE}/campaigns/seventh/limits"
    limits = ok(rolf.put(address, json={"totalDiscount": finest}))
    assert limits["leftDiscount"] == finest
    answer = evaluated(rolf, ("jeans", 1, finest))
    evaluation = {"evaluationId": answer["evaluationId"]}
    reserved = ok(rolf.post(f"{MINE}/orders/a/reservation", json=evaluation))
    ok(rolf.post(f"{MINE}/orders/a/reservation/commit"))
    used = ok(rolf.get(address))
    assert used["committedDiscount"] == reserved["campaigns"][0]["discount"] == answer["totals"]["discount"]
    assert Decimal(used["leftDiscount"]) == Decimal(finest) - Decimal(answer["totals"]["discount"])
    assert ok(rolf.put(address, json={"totalDiscount": used["totalDiscount"]})) == used
    asked = order()
    origin = evaluation | {"lineId": "1"}
    asked["lines"] = [{"lineId": "1", "productUid": "jeans", "quantity": -1, "returnOf": origin}]
    back = ok(rolf.post(EVALUATE, json=asked))
    lines = {"lines": [{"lineId": "1", "quantity": 1}]}
    refund = ok(rolf.post(f"{MINE}/orders/evaluations/{answer['evaluationId']}/returns", json=lines))
    assert back["totals"]["returned"] == refund["refund"] == answer["totals"]["net"]
    require_decimals(currency, reserved["campaigns"], used, back["lines"], back["totals"], refund)


@pytest.mark.parametrize("currency", ONE_OF_EACH)
def test_a_limit_finer_than_the_currency_is_refused(shop, rolf, priced_in, currency):
    """D9: and one that was set while the currency was another one is shown as it is."""
    shop.campaign("ten", products=["jeans"], total_discount_limit=Decimal("3.5"))
    priced_in(currency)
    address = f"{MINE}/campaigns/ten/limits"
    assert Decimal(ok(rolf.get(address))["totalDiscount"]) == Decimal("3.5")
    before = everything(shop.service)
    finer = finest_of(currency) + ("5" if "." in finest_of(currency) else ".5")
    problem = is_problem(rolf.put(address, json={"totalDiscount": finer}), 422, "validation_failed")
    assert fields_of(problem) == ["totalDiscount"]
    assert everything(shop.service) == before


def test_usage_is_exact_in_four_decimals(shop, rolf, priced_in):
    """D9: 0.0001 is a coin of CLF; what is used and left of a budget is right to it."""
    priced_in("CLF")
    shop.campaign("seventh", products=["jeans"], discount_percent=Decimal("14.29"))
    ok(rolf.put(f"{MINE}/campaigns/seventh/limits", json={"totalDiscount": "0.0037"}))
    evaluation = evaluated(rolf, ("jeans", 1, "0.0125"))
    assert evaluation["totals"]["discount"] == "0.0018"
    for number in range(2):
        ok(rolf.post(f"{MINE}/orders/{number}/reservation", json={"evaluationId": evaluation["evaluationId"]}))
        ok(rolf.post(f"{MINE}/orders/{number}/reservation/commit"))
    limits = ok(rolf.get(f"{MINE}/campaigns/seventh/limits"))
    assert (limits["committedDiscount"], limits["leftDiscount"]) == ("0.0036", "0.0001")
    third = rolf.post(f"{MINE}/orders/3/reservation", json={"evaluationId": evaluation["evaluationId"]})
    is_problem(third, 409, "limit_reached")
    assert evaluated(rolf, ("jeans", 1, "0.0125"))["campaigns"][0]["reason"] == "budget_spent"
    ok(rolf.post(f"{MINE}/orders/0/reservation/release"))
    assert ok(rolf.get(f"{MINE}/campaigns/seventh/limits"))["leftDiscount"] == "0.0019"


@pytest.mark.parametrize(
    ("currency", "price", "shown"),
    [
        ("SEK", "29.9900", "29.99"),
        ("SEK", "1.500", "1.50"),
        ("SEK", 1.5, "1.50"),
        ("SEK", 0.1 + 0.2, "0.30"),
        ("SEK", 1e0, "1.00"),
        ("JPY", "575.00", "575"),
        ("JPY", 575.0, "575"),
        ("JPY", 574.9999999999, "575"),
        ("KWD", "19.990", "19.990"),
        ("KWD", 19.99, "19.990"),
        ("CLF", "0.0125", "0.0125"),
    ],
)
def test_a_price_that_fits_its_currency_is_taken(shop, till, priced_in, currency, price, shown):
    """D9: trailing zeros mean nothing, and a number within 1e-9 of a minor unit counts as that."""
    priced_in(currency)
    assert evaluated(till, ("jeans", 1, price))["lines"][0]["unitPrice"] == shown


def test_prices_finer_than_the_currency_are_named(shop, till, priced_in):
    priced_in("JPY")
    before = everything(shop.service)
    asked = order(("jeans", 1, "575.34"), ("ham", 1, 20), ("ham", 1, 0.5))
    problem = is_problem(till.post(EVALUATE, json=asked), 422, "validation_failed")
    assert problem["errors"] == [
        {"field": f"lines.{number}.unitPrice", "message": "JPY has no decimals."} for number in (0, 2)
    ]
    assert everything(shop.service) == before


def test_a_catalogue_price_finer_than_the_currency_is_rounded_with_a_warning(shop, till, priced_in):
    """It was written while the currency was another one; the order is not refused for it."""
    shop.change(Product, {"product_uid": "ham"}, price=Decimal("575.50"))
    priced_in("JPY")
    answer = evaluated(till, ("ham", 2), ("jeans", 1), ("ham", 1, 500))
    assert [line["unitPrice"] for line in answer["lines"]] == ["576", "30", "500"]
    [warning] = answer["warnings"]
    assert (warning["code"], warning["lineId"], warning["productUid"]) == ("price_rounded", "1", "ham")
    assert ok(till.get(f"{MINE}/orders/evaluations/{answer['evaluationId']}")) == answer
    assert "warnings" not in evaluated(till, ("jeans", 1))


def test_a_budget_finer_than_the_currency_refuses_no_order(shop, till, priced_in):
    """It was set while the currency was another one: as many whole yen as there are in it."""
    shop.campaign("ten", products=["jeans"], total_discount_limit=Decimal("3.5"))
    priced_in("JPY")
    assert evaluated(till, ("jeans", 1))["totals"]["discount"] == "3"
    assert evaluated(till, ("jeans", 2))["campaigns"][0]["reason"] == "budget_spent"
    assert stored(shop.service, SalesCampaign)[0].total_discount_limit == Decimal("3.5")


@pytest.mark.parametrize(("quantity", "shown"), [(2.0, 2), ("2", 2), ("2.000", 2), (1e0, 1)])
def test_whole_quantities_however_they_are_written(shop, till, quantity, shown):
    """D69: numbers or decimal strings; one such line refuses nothing."""
    answer = evaluated(till, ("jeans", quantity), ("ham", 1))
    assert [line["quantity"] for line in answer["lines"]] == [shown, 1]
    assert len(answer["lines"][0]["units"]) == shown
    back = {"lines": [{"lineId": "1", "units": [0.0]}, {"lineId": "2", "quantity": "1.0"}]}
    assert len(ok(till.post(f"{MINE}/orders/evaluations/{answer['evaluationId']}/returns", json=back))["units"]) == 2
    reserved = {"evaluationId": answer["evaluationId"], "seconds": 60.0}
    ok(till.post(f"{MINE}/orders/a/reservation", json=reserved))


def test_whole_numbers_of_limits_may_be_written_with_a_point(shop, rolf):
    shop.campaign("ten", products=["jeans"])
    assert ok(rolf.put(f"{MINE}/campaigns/ten/limits", json={"totalUses": 5.0}))["totalUses"] == 5
    for uses in (5.5, "5", True):
        is_problem(rolf.put(f"{MINE}/campaigns/ten/limits", json={"totalUses": uses}), 422, "validation_failed")


def test_goods_by_weight(shop, till):
    """D69: one unit, at its weight times the price."""
    shop.campaign("3for2", products=["ham", "jeans"], discount_type="CHEAPEST_PRODUCT", quantity_threshold=3)
    answer = evaluated(till, ("ham", 0.335, "19.99"), ("jeans", 2))
    assert answer["lines"][0] == {
        "lineId": "1",
        "productUid": "ham",
        "quantity": 0.335,
        "unitPrice": "19.99",
        "gross": "6.70",
        "discount": "0.67",
        "net": "6.03",
        "units": [{"discount": "0.67", "campaigns": [{"campaignUid": "3for2", "amount": "0.67"}]}],
    }
    assert answer["totals"] == {"gross": "66.70", "discount": "0.67", "net": "66.03"}
    assert ok(till.get(f"{MINE}/orders/evaluations/{answer['evaluationId']}")) == answer
    assert evaluated(till, ("ham", "0.335", "19.99"), ("jeans", 2))["lines"] == answer["lines"]
