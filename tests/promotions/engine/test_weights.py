"""Goods by weight (D69), and how quantities are read."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.promotions.engine import Evaluation, Line, Strategy, quantities
from tests.promotions.engine.helpers import (
    basket,
    campaign,
    cheapest,
    line,
    money,
    order_discount,
    outcome,
    price,
    units,
)

HAM = line("ham", Decimal("0.335"), "199.90")  # 66.9665


def test_a_weighed_line_costs_its_weight_rounded_half_up():
    evaluation = price(basket(HAM), campaign("c"))
    [ham] = evaluation.to_wire()["lines"]
    assert (ham["quantity"], ham["unitPrice"], ham["gross"], ham["discount"]) == (0.335, "199.90", "66.97", "6.70")
    assert len(ham["units"]) == 1
    half = price(basket(line("ham", Decimal("0.5"), "0.01")))
    assert half.gross == money("0.01")


def test_a_weighed_line_is_one_unit_for_thresholds():
    three = campaign("c", quantity_threshold=3)
    heavy = line("ham", Decimal("7.5"), 10)
    assert outcome(price(basket(heavy, line("jeans")), three), "c").missing_quantity == 1
    assert price(basket(heavy, line("jeans", 2)), three).discount == money("27.5")
    assert outcome(price(basket(heavy), order_discount("o", quantity_threshold=3)), "o").missing_quantity == 2


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_weighed_line_is_one_unit_for_the_cheapest_product(strategy):
    """What counts is the price of the line, not of a kilogram."""
    evaluation = price(basket(HAM, line("jeans", 2)), cheapest(products=None), strategy=strategy)
    assert units(evaluation) == {"ham": [6697], "jeans": [0, 0]}


def test_a_fixed_amount_is_per_line_and_a_price_list_per_kilogram():
    assert price(basket(HAM), campaign("c", amount=5)).discount == 5
    listed = campaign("l", prices={"ham": 100})
    assert price(basket(HAM), listed).net == money("33.50")
    assert price(basket(HAM), dry_run=listed).net == money("33.50")


def test_a_whole_weight_is_units():
    """``2.0`` is two units: JSON does not tell them apart."""
    evaluation = price(basket(line("ham", Decimal("2.000"), 10)), campaign("c"))
    assert units(evaluation) == {"ham": [100, 100]}
    assert evaluation.to_wire()["lines"][0]["quantity"] == 2


def test_an_evaluation_can_be_read_again():
    evaluation = price(basket(HAM, line("jeans")), campaign("c"), order_discount(priority=1))
    assert Evaluation.from_record(evaluation.to_record()).to_wire() == evaluation.to_wire()


@pytest.mark.parametrize(
    ("given_as", "quantity"),
    [
        *[(2, 2), (2.0, 2), ("2", 2), ("2.000", 2), (1e0, 1), (0.1 + 0.2, Decimal("0.3")), ("0.750", Decimal("0.75"))],
        *[(-1, -1), (-1.0, -1), ("-1", -1), (2.9999999999, 3), (-0.0, 0), (10**400, 10**400)],
    ],
)
def test_quantities_are_numbers_or_decimal_strings(given_as, quantity):
    read = quantities.read(given_as)
    assert (read, type(read)) == (quantity, type(quantity))


@pytest.mark.parametrize("value", [True, None, [], "", " 2", "2.", ".5", "1e0", "+1", "२", "NaN", float("inf"), 1e300])
def test_nothing_else_is_a_quantity(value):
    assert quantities.read(value) is None


@pytest.mark.parametrize("value", [1.2345, "1.2345", "0.30000000000000004", 0.0001])
def test_a_quantity_has_at_most_three_decimals(value):
    with pytest.raises(quantities.InexactQuantity):
        quantities.read(value)


@given(st.integers(-(10**7), 10**7))
def test_what_is_written_is_read(thousandths):
    quantity = quantities.settled(Decimal(thousandths) / 1000)
    assert quantities.read(quantities.to_number(quantity)) == quantity
    assert quantities.read(str(quantity) if "E" not in str(quantity) else format(quantity, "f")) == quantity


def test_baskets_take_decimals():
    assert Line("1", "ham", Decimal("0.335"), Decimal(1)).quantity == money("0.335")
