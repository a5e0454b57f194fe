"""D29: units that cost nothing when a campaign's turn comes neither qualify for it nor are chosen by it."""

import pytest

from services.promotions.engine import Left, Strategy
from tests.promotions.engine.helpers import (
    basket,
    campaign,
    cheapest,
    line,
    money,
    order_discount,
    outcome,
    price,
    reasons,
    units,
)

STRATEGIES = pytest.mark.parametrize("strategy", list(Strategy))
BAG = line("bag", 1, 0)
ALL = {"socks", "bag"}


@STRATEGIES
def test_a_free_bag_is_not_the_cheapest_product(strategy):
    """3 for 2 on 3 × 100.00 and a bag at 0.00 costs 200.00."""
    evaluation = price(basket(line("socks", 3), BAG), cheapest(products=ALL), strategy=strategy)
    assert (evaluation.net, units(evaluation)) == (200, {"socks": [10000, 0, 0], "bag": [0]})


@STRATEGIES
def test_a_free_bag_is_none_of_the_units_that_max_usage_lets_through(strategy):
    capped = campaign("c", products=ALL, percent=50, max_usage=2)
    assert price(basket(line("socks", 3), BAG), capped, strategy=strategy).net == 200


@STRATEGIES
def test_a_free_bag_takes_no_place_in_several_applications(strategy):
    twice = cheapest(products=ALL, quantity_threshold=2, max_usage=0)
    evaluation = price(basket(line("socks", 4), line("bag", 3, 0)), twice, strategy=strategy)
    assert (evaluation.net, outcome(evaluation, twice.uid).applications) == (200, 2)


@STRATEGIES
def test_a_free_bag_meets_no_threshold(strategy):
    """What is missing is counted in units that cost something too; the basis says how many there were."""
    evaluation = price(basket(line("socks", 2), BAG), cheapest(products=ALL), strategy=strategy)
    missing = outcome(evaluation, "3for2socks")
    assert (evaluation.net, missing.quantity, missing.missing_quantity) == (200, 2, 1)
    only = outcome(price(basket(BAG), cheapest(products=ALL), strategy=strategy), "3for2socks")
    assert (str(only.reason), only.missing_quantity) == ("quantity_missing", 3)
    none = price(basket(BAG), campaign("c", products=ALL), strategy=strategy)
    assert reasons(none) == {"c": "nothing_to_take_off"}


@STRATEGIES
def test_a_free_bag_uses_up_no_budget(strategy):
    left = {"3for2socks": Left(uses=1, discount=money(100))}
    assert price(basket(line("socks", 3), BAG), cheapest(products=ALL), left=left, strategy=strategy).net == 200


@pytest.mark.parametrize("strategy", [Strategy.PRIORITY, Strategy.EXCLUSIVE_FIRST])
def test_units_that_an_earlier_campaign_made_free_do_not_qualify(strategy):
    """Four of which one is free by then are three; the second campaign frees another one."""
    first, second = cheapest("first"), cheapest("second", priority=1)
    evaluation = price(basket(line("socks", 4)), first, second, strategy=strategy)
    assert units(evaluation) == {"socks": [10000, 10000, 0, 0]}
    assert [outcome(evaluation, uid).quantity for uid in ("first", "second")] == [4, 3]
    evaluation = price(basket(line("socks", 3)), first, second, strategy=strategy)
    missing = outcome(evaluation, "second")
    assert (evaluation.net, str(missing.reason), missing.missing_quantity) == (200, "quantity_missing", 1)


@pytest.mark.parametrize("strategy", [Strategy.PRIORITY, Strategy.EXCLUSIVE_FIRST])
def test_a_capped_campaign_skips_units_that_are_free_already(strategy):
    gift, capped = campaign("gift", amount=10, products={"pen"}), campaign("half", percent=50, max_usage=1, priority=1)
    evaluation = price(basket(line("pen", 1, 10), line("socks", 2)), gift, capped, strategy=strategy)
    assert units(evaluation) == {"pen": [1000], "socks": [5000, 0]}
    assert outcome(evaluation, "half").applications == 1


def test_a_campaign_whose_units_are_all_free_already_has_nothing_to_take_off():
    gift, late = campaign("gift", percent=100), campaign("late", priority=1)
    assert reasons(price(basket(line("socks")), gift, late)) == {"gift": "applied", "late": "nothing_to_take_off"}


def test_a_discount_on_the_order_counts_free_units():
    """D24: but takes nothing off them."""
    three = order_discount(quantity_threshold=3)
    evaluation = price(basket(line("socks", 2), BAG), three)
    assert units(evaluation) == {"socks": [1000, 1000], "bag": [0]}


def test_an_amount_threshold_looks_at_prices_before_campaigns():
    """D24: what an earlier campaign made free was still worth what it was."""
    gift, late = campaign("gift", percent=100, products={"pen"}), campaign("late", amount_threshold=110, priority=1)
    evaluation = price(basket(line("pen", 1, 10), line("socks")), gift, late)
    assert units(evaluation) == {"pen": [1000], "socks": [1000]}
