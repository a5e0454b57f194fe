"""Every rule about what a campaign gives, by example."""

from datetime import timedelta
from decimal import Decimal

import pytest

from services.promotions.engine import CampaignSet, Discount, InexactAmount, Left, Strategy, evaluate
from tests.promotions.engine.helpers import (
    END,
    NOON,
    START,
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


def test_a_price_list_sets_prices_within_its_dates_only():
    """S1-2, S1-33."""
    august = campaign("august", prices={"jeans": "79.50"})
    bought = basket(line("jeans", 2), line("shirt"))
    assert units(price(bought, august)) == {"jeans": [2050, 2050], "shirt": [0]}
    assert price(bought, august, at=END + timedelta(seconds=1)).discount == 0


def test_a_price_list_counts_only_where_it_is_lower():
    """S1-34."""
    dear = campaign("dear", prices={"jeans": 120, "shirt": 100, "socks": 40})
    evaluation = price(basket(line("jeans"), line("shirt"), line("socks")), dear)
    assert units(evaluation) == {"jeans": [0], "shirt": [0], "socks": [6000]}
    assert reasons(price(basket(line("jeans")), dear)) == {"dear": "nothing_to_take_off"}


def test_a_qualified_product_discount_is_for_every_qualifying_unit():
    """S1-16."""
    evaluation = price(basket(line("jeans", 3), line("shirt")), campaign("c", products={"jeans"}))
    assert units(evaluation) == {"jeans": [1000, 1000, 1000], "shirt": [0]}
    assert outcome(evaluation, "c").applications == 3


def test_a_cheapest_product_discount_is_for_the_cheapest_only():
    """S1-17: without a threshold it applies once (D26)."""
    half = campaign("half", Discount.CHEAPEST_PRODUCT, percent=50)
    evaluation = price(basket(line("jeans", 2, 90), line("shirt", 1, 60), line("coat", 1, 300)), half)
    assert units(evaluation) == {"jeans": [0, 0], "shirt": [3000], "coat": [0]}


def test_an_order_discount_is_for_the_whole_order():
    """S1-18."""
    evaluation = price(basket(line("jeans", 1, 200), line("shirt", 2, 50)), order_discount(percent=20))
    assert (evaluation.gross, evaluation.discount, evaluation.net) == (300, 60, 240)
    assert units(evaluation) == {"jeans": [4000], "shirt": [1000, 1000]}


@pytest.mark.parametrize(
    ("bought", "max_usage", "free"),
    [(2, 1, 0), (3, 1, 1), (6, 1, 1), (6, 0, 2), (8, 0, 2), (9, 0, 3)],
)
def test_three_for_two(bought, max_usage, free):
    """S1-22, S1-21, D26: 2 units → nothing; 3 → cheapest free; 6 → still one free; with maxUsage 0, 6 → two free."""
    evaluation = price(basket(line("socks", bought, 50)), cheapest(max_usage=max_usage))
    assert evaluation.discount == 50 * free
    assert outcome(evaluation, "3for2socks").applications == free


def test_three_for_two_frees_the_cheapest_overall():
    """D26: whatever the scan order, and over lines."""
    socks = cheapest(products={"a", "b", "c"}, max_usage=0)
    evaluation = price(basket(line("a", 2, 90), line("b", 2, 30), line("c", 2, 60)), socks)
    assert units(evaluation) == {"a": [0, 0], "b": [3000, 3000], "c": [0, 0]}


@pytest.mark.parametrize(("bought", "applies"), [(2, False), (3, True), (4, True)])
def test_a_quantity_threshold_is_at_least(bought, applies):
    """S1-19, S1-20, D24, D25: inclusive, and once it is met every qualifying unit is discounted."""
    evaluation = price(
        basket(line("jeans", bought), line("shirt", 9)), campaign("c", products={"jeans"}, quantity_threshold=3)
    )
    assert evaluation.discount == (10 * bought if applies else 0)


@pytest.mark.parametrize(("amount", "applies"), [("299.99", False), ("300", True), ("300.01", True)])
def test_an_amount_threshold_is_at_least(amount, applies):
    """S1-20, D24: of the order total, also for a campaign on some products."""
    evaluation = price(
        basket(line("jeans"), line("shirt", 1, money(amount) - 100)),
        campaign("c", products={"jeans"}, amount_threshold=300),
    )
    assert evaluation.discount == (10 if applies else 0)


def test_both_thresholds_must_hold():
    """S1-20."""
    both = campaign("c", quantity_threshold=2, amount_threshold=300)
    missing = outcome(price(basket(line("jeans")), both), "c")
    assert (missing.missing_quantity, missing.missing_amount) == (1, 20000)
    assert missing.sentence(2) == "needs 1 more unit and 200.00 more"
    assert price(basket(line("jeans", 2)), both).discount == 0
    assert price(basket(line("coat", 1, 400)), both).discount == 0
    assert price(basket(line("jeans", 3)), both).discount == 30


def test_what_is_missing_is_said():
    """D24."""
    few = campaign("few", quantity_threshold=3)
    little = order_discount("little", amount_threshold="320")
    evaluation = price(basket(line("jeans", 2)), few, little)
    assert reasons(evaluation) == {"few": "quantity_missing", "little": "amount_missing"}
    wire = {outcome["campaignUid"]: outcome for outcome in evaluation.to_wire()["campaigns"]}
    assert wire["few"]["missing"] == {"quantity": 1}
    assert wire["few"]["detail"] == "needs 1 more unit"
    assert wire["little"]["missing"] == {"amount": "120.00"}
    assert wire["little"]["detail"] == "needs 120.00 more"
    assert wire["little"]["basis"] == {
        "quantityOf": "all_units",
        "quantity": 2,
        "amountOf": "order_total_before_campaigns",
        "amount": "200.00",
    }
    assert wire["few"]["basis"]["quantityOf"] == "qualifying_units"


def test_an_order_discount_counts_all_units():
    """D24."""
    four = order_discount(quantity_threshold=4)
    assert price(basket(line("jeans", 3), line("shirt")), four).discount == 40
    assert price(basket(line("jeans", 3)), four).discount == 0


def test_thresholds_look_at_the_order_before_campaigns():
    """D24: what one campaign took off does not take the other away."""
    first = campaign("first", percent=50)
    second = order_discount("second", amount=10, amount_threshold=200, priority=1)
    assert price(basket(line("jeans", 2)), first, second).discount == 110


def test_max_usage_caps_the_units_of_a_product_discount():
    """S1-21: an application is one threshold's worth of units, the cheapest first."""
    capped = campaign("c", percent=10, quantity_threshold=2, max_usage=2)
    evaluation = price(basket(line("coat", 3, 300), line("shirt", 3, 50)), capped)
    assert units(evaluation) == {"coat": [3000, 0, 0], "shirt": [500, 500, 500]}
    assert outcome(evaluation, "c").applications == 2


def test_exclude_beats_include():
    """S1-23, S1-24, S1-26: phones without Apple's, resolved to products."""
    phones = campaign("phones", products={"galaxy", "iphone"}, excluded=frozenset({"iphone"}))
    evaluation = price(basket(line("galaxy"), line("iphone")), phones)
    assert units(evaluation) == {"galaxy": [1000], "iphone": [0]}
    off_list = campaign("list", prices={"galaxy": 50, "iphone": 50}, excluded=frozenset({"iphone"}))
    assert price(basket(line("galaxy"), line("iphone")), off_list).discount == 50


def test_an_empty_include_is_everything():
    """S1-25."""
    evaluation = price(basket(line("jeans"), line("service")), campaign("all", excluded=frozenset({"service"})))
    assert units(evaluation) == {"jeans": [1000], "service": [0]}


def test_a_lower_priority_number_comes_first():
    """S1-29, D23: each takes off what the ones before have left."""
    ten, twenty = campaign("ten", priority=2), campaign("twenty", amount=20, priority=1)
    evaluation = price(basket(line("jeans")), ten, twenty)
    assert evaluation.net == 72
    [run] = evaluation.lines[0].runs
    assert run.parts == (("twenty", 2000), ("ten", 800))


def test_equal_priorities_go_by_benefit_and_then_by_uid():
    """D23."""
    small, large = campaign("a", percent=10), campaign("b", amount=50)
    assert [outcome.uid for outcome in price(basket(line("jeans")), small, large).campaigns] == ["b", "a"]
    twin, other = campaign("twin"), campaign("other")
    assert [outcome.uid for outcome in price(basket(line("jeans")), twin, other).campaigns] == ["other", "twin"]


def test_a_code_must_be_given():
    """S1-30."""
    coded = campaign("c", code="SAVE10")
    assert reasons(price(basket(line("jeans")), coded)) == {"c": "code_not_given"}
    assert price(basket(line("jeans"), codes=frozenset({"SAVE10"})), coded).discount == 10
    assert price(basket(line("jeans"), codes=["SAVE20"]), coded).discount == 0


def test_codes_that_were_not_given_are_not_listed_without_end():
    """S1-30."""
    coded = [order_discount(f"c{number:03}", code=f"CODE{number}") for number in range(200)]
    evaluation = price(basket(line("jeans"), codes=frozenset({"CODE150"})), *coded)
    assert len(evaluation.campaigns) == 51
    assert reasons(evaluation)["c150"] == "applied"


def test_a_campaign_that_prevents_combinations_is_skipped_once_another_has_applied():
    """S1-31, D22."""
    first, alone, third = campaign("first"), campaign("alone", combinable=False, priority=1), campaign("z", priority=2)
    evaluation = price(basket(line("jeans")), first, alone, third)
    assert reasons(evaluation) == {"first": "applied", "alone": "not_combinable", "z": "applied"}


def test_a_campaign_that_prevents_combinations_ends_the_evaluation_when_it_applies_first():
    """S1-31, D22: also when it touches other products; one that does not apply ends nothing."""
    alone, other = campaign("alone", combinable=False, products={"jeans"}), campaign("other", priority=1)
    evaluation = price(basket(line("jeans"), line("shirt")), alone, other)
    assert reasons(evaluation) == {"alone": "applied", "other": "excluded"}
    assert reasons(price(basket(line("shirt")), alone, other)) == {"other": "applied"}


def test_exclusive_first_lets_it_go_before_lower_priorities():
    """D23."""
    first, alone = campaign("first", percent=50), campaign("alone", combinable=False, priority=9)
    evaluation = price(basket(line("jeans")), first, alone, strategy=Strategy.EXCLUSIVE_FIRST)
    assert reasons(evaluation) == {"first": "excluded", "alone": "applied"}
    assert evaluation.strategy == "exclusive_first"


def test_best_price_gives_each_unit_its_best_campaign():
    """D23, S1-34: only one a unit."""
    ten, off, order = (
        campaign("ten", percent=10),
        campaign("off", amount=15, products={"shirt"}),
        order_discount(percent=12),
    )
    evaluation = price(
        basket(line("jeans", 1, 200), line("shirt", 2, 100)), ten, off, order, strategy=Strategy.BEST_PRICE
    )
    assert units(evaluation) == {"jeans": [2400], "shirt": [1500, 1500]}
    assert reasons(evaluation) == {"ten": "better_campaign", "off": "applied", "order": "applied"}
    assert outcome(evaluation, "order").discount == 2400
    assert outcome(evaluation, "ten").applications == 0


def test_best_price_within_one_line():
    """D23, D26: the free unit keeps its campaign, the others have theirs."""
    evaluation = price(basket(line("socks", 3)), cheapest(), campaign("ten"), strategy=Strategy.BEST_PRICE)
    assert units(evaluation) == {"socks": [10000, 1000, 1000]}


def test_best_price_takes_one_that_cannot_be_combined_where_it_gives_more():
    """D22, D23."""
    ten, alone = campaign("ten"), campaign("alone", percent=30, combinable=False, products={"jeans"})
    evaluation = price(basket(line("jeans"), line("shirt")), ten, alone, strategy=Strategy.BEST_PRICE)
    assert (evaluation.discount, reasons(evaluation)) == (30, {"ten": "excluded", "alone": "applied"})
    evaluation = price(basket(line("jeans"), line("shirt", 4)), ten, alone, strategy=Strategy.BEST_PRICE)
    assert (evaluation.discount, reasons(evaluation)) == (50, {"ten": "applied", "alone": "better_campaign"})


def test_no_effect_in_other_stores():
    """S1-32, S1-1."""
    here = campaign("c", stores=frozenset({"sandnes-1"}))
    assert price(basket(line("jeans"), store="sandnes-1"), here).discount == 10
    assert reasons(price(basket(line("jeans"), store="oslo"), here)) == {"c": "other_store"}


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (START - timedelta(microseconds=1), "not_started"),
        (START, "applied"),
        (END, "applied"),
        (END + timedelta(microseconds=1), "ended"),
        (START.replace(year=1), "not_started"),
        (START.replace(year=9999), "ended"),
    ],
)
def test_dates_include_both_ends(at, reason):
    """S1-33, D3."""
    assert reasons(price(basket(line("jeans")), campaign("c"), at=at)) == {"c": reason}


def test_locked_lines_keep_their_price_and_count_for_the_order_only():
    """S1-35: they are part of the order total and of its units, but qualify for nothing."""
    order = order_discount(percent=10, quantity_threshold=3, amount_threshold=300)
    three = cheapest(products=None, priority=1)
    evaluation = price(basket(line("jeans", 2, locked=True), line("shirt")), order, three)
    assert units(evaluation) == {"jeans": [0, 0], "shirt": [1000]}
    assert outcome(evaluation, "3for2socks").missing_quantity == 2
    only = price(basket(line("jeans", 3, locked=True)), campaign("c"), order)
    assert reasons(only) == {"c": "nothing_qualifies", "order": "nothing_qualifies"}


@pytest.mark.parametrize(
    "rules",
    [
        {"discount": Discount.ORDER_DISCOUNT, "products": {"jeans"}},
        {"discount": Discount.ORDER_DISCOUNT, "excluded": frozenset({"jeans"})},
        {"percent": 10, "amount": 5},
        {"discount": Discount.CHEAPEST_PRODUCT, "prices": {"jeans": 5}},
        {"percent": 101},
        {"percent": 0},
        {"amount": 0},
    ],
)
def test_campaigns_that_cannot_be(rules):
    """S1-36, S1-6, S1-5."""
    with pytest.raises(ValueError, match=r"^c: "):
        campaign("c", **rules)


def test_a_customer_group_must_fit():
    """S1-37."""
    members = campaign("c", customer_group="members")
    assert price(basket(line("jeans"), customer_group="members"), members).discount == 10
    assert reasons(price(basket(line("jeans"), customer_group="staff"), members)) == {"c": "other_customer_group"}
    assert reasons(price(basket(line("jeans")), members)) == {"c": "other_customer_group"}


def test_an_amount_is_per_unit_and_never_takes_a_price_below_zero():
    """D25."""
    evaluation = price(basket(line("socks", 2, 30), line("jeans")), campaign("c", amount=50))
    assert units(evaluation) == {"socks": [3000, 3000], "jeans": [5000]}
    again = price(basket(line("socks", 2, 30)), campaign("a", amount=20), campaign("b", amount=20))
    assert (again.net, units(again)) == (0, {"socks": [3000, 3000]})


def test_an_order_amount_is_split_to_the_cent_by_largest_remainder():
    """D25: and a line that costs nothing gets nothing."""
    evaluation = price(
        basket(line("a", 1, 10), line("b", 1, 10), line("c", 1, 10), line("free", 1, 0)), order_discount(amount="10.00")
    )
    assert units(evaluation) == {"a": [334], "b": [333], "c": [333], "free": [0]}
    assert price(basket(line("a", 1, 3)), order_discount(amount=10)).net == 0


def test_an_order_share_is_split_over_the_units_of_a_line():
    evaluation = price(basket(line("a", 3, 10)), order_discount(amount="10.00"))
    assert units(evaluation) == {"a": [334, 333, 333]}


def test_rounding_is_half_up_per_unit_and_once_for_an_order():
    """D27: 12.5 % of 0.20 is 0.025, so 0.03 a unit; of four units on the order, 0.10."""
    sweets = basket(line("sweets", 4, "0.20"))
    assert price(sweets, campaign("c", percent="12.5")).discount == Decimal("0.12")
    assert price(sweets, order_discount(percent="12.5")).discount == Decimal("0.10")


def test_currencies_have_their_own_minor_unit():
    """D27."""
    yen = price(basket(line("jeans", 1, 155), currency="JPY", decimals=0), campaign("c"))
    assert (yen.discount, yen.to_wire()["totals"]["net"]) == (16, "139")
    dinar = price(basket(line("jeans", 1, "1.005"), currency="KWD", decimals=3), campaign("c"))
    assert dinar.to_wire()["totals"] == {"gross": "1.005", "discount": "0.101", "net": "0.904"}
    unit = price(basket(line("jeans", 1, "1.0005"), currency="CLF", decimals=4), campaign("c"))
    assert unit.to_wire()["totals"] == {"gross": "1.0005", "discount": "0.1001", "net": "0.9004"}
    with pytest.raises(InexactAmount):
        price(basket(line("jeans", 1, "10.005")), campaign("c"))


def test_campaigns_and_baskets_are_in_the_same_currency():
    """D9: an order of whole yen is not priced by campaigns in hundredths."""
    known = CampaignSet([campaign("c")], "JPY", 0)
    for other in (basket(line("jeans")), basket(line("jeans"), currency="JPY")):
        with pytest.raises(ValueError, match="for a basket in"):
            evaluate(other, known, NOON)


@pytest.mark.parametrize("strategy", Strategy)
def test_a_campaign_gives_no_more_than_is_left_of_it(strategy):
    """All orders together: no use left, or not enough of a budget for what it would give here."""
    jeans = basket(line("jeans"))
    assert reasons(price(jeans, campaign("c"), left={"c": Left(uses=0)}, strategy=strategy)) == {"c": "used_up"}
    short, enough = Left(uses=1, discount=money("9.99")), Left(uses=1, discount=money("10.00"))
    assert reasons(price(jeans, campaign("c"), left={"c": short}, strategy=strategy)) == {"c": "budget_spent"}
    assert reasons(price(jeans, campaign("c"), left={"c": enough}, strategy=strategy)) == {"c": "applied"}


def test_a_dry_run_is_evaluated_as_though_it_were_active():
    tried = campaign("tried", products={"jeans"})
    assert price(basket(line("jeans")), dry_run=tried).discount == 10
    assert reasons(price(basket(line("shirt")), dry_run=tried)) == {"tried": "nothing_qualifies"}
    assert price(basket(line("jeans")), campaign("tried", percent=50), dry_run=tried).discount == 10
    listed = campaign("listed", prices={"jeans": 60})
    assert price(basket(line("jeans")), dry_run=listed).discount == 40


def test_campaigns_that_do_not_touch_the_basket_are_not_considered():
    evaluation = price(basket(line("shirt")), campaign("c", products={"jeans"}), campaign("l", prices={"jeans": 5}))
    assert evaluation.campaigns == []


@pytest.mark.parametrize(
    "lines",
    [
        [line("a", 0)],
        [line("a", -1)],
        [line("a", 1.5)],
        [line("a", 2.0)],
        [line("a", Decimal("0.0005"))],
        [line("a", Decimal("NaN"))],
        [line("a", 1, -1)],
        [line("a", id="1"), line("b", id="1")],
    ],
)
def test_baskets_that_cannot_be(lines):
    with pytest.raises(ValueError, match="line"):
        basket(*lines)


def test_the_wire_says_what_each_unit_cost_and_why():
    """S1-22 as an answer has it."""
    wire = price(basket(line("socks", 3, "49.90")), cheapest()).to_wire()
    taken = {"discount": "49.90", "campaigns": [{"campaignUid": "3for2socks", "amount": "49.90"}]}
    untouched = {"discount": "0.00", "campaigns": []}
    assert wire["at"] == "2024-08-10T12:00:00Z"
    assert wire["at"] == NOON.isoformat().replace("+00:00", "Z")
    assert wire["lines"] == [
        {
            "lineId": "socks",
            "productUid": "socks",
            "quantity": 3,
            "unitPrice": "49.90",
            "gross": "149.70",
            "discount": "49.90",
            "net": "99.80",
            "units": [taken, untouched, untouched],
        }
    ]
    assert wire["totals"] == {"gross": "149.70", "discount": "49.90", "net": "99.80"}
    [applied] = wire["campaigns"]
    assert (applied["status"], applied["reason"], applied["applications"]) == ("applied", "applied", 1)
    assert "missing" not in applied
