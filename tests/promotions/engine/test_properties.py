"""What holds of every basket, whatever is in it and whatever campaigns there are."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st

from services.promotions.engine import Basket, CampaignSet, Discount, Left, Line, Reason, Strategy, evaluate
from services.promotions.engine.quantities import settled
from tests.plugin.matrix import generated
from tests.promotions.engine.helpers import NOON, campaign, order_discount, price, units

PRODUCTS = ["jeans", "shirt", "socks", "coat", "hat"]
prices = st.integers(0, 20000).map(lambda cents: Decimal(cents) / 100)
products = st.sets(st.sampled_from(PRODUCTS), min_size=1).map(frozenset)
quantities = st.one_of(st.integers(1, 7), st.integers(1, 5000).map(lambda grams: Decimal(grams) / 1000))
strategies = st.sampled_from(Strategy)
either = st.booleans()


@st.composite
def baskets(draw, locked=either):
    lines = draw(st.lists(st.tuples(st.sampled_from(PRODUCTS), quantities, prices, locked), max_size=6))
    return Basket("NOK", [Line(f"line-{i}", *fields) for i, fields in enumerate(lines)])


@st.composite
def rules(draw, combinable=either):
    """Any campaign; its uid is given to it later."""
    common = {"priority": draw(st.integers(0, 2)), "combinable": draw(combinable)}
    kind = draw(st.sampled_from(["list", *Discount]))
    if kind == "list":
        return common | {"prices": draw(st.dictionaries(st.sampled_from(PRODUCTS), prices, min_size=1))}
    common |= draw(
        st.one_of(
            st.fixed_dictionaries({"percent": st.integers(1, 10000).map(lambda n: Decimal(n) / 100)}),
            st.fixed_dictionaries({"amount": prices.map(lambda price: price + Decimal("0.01"))}),
        )
    )
    common |= {"quantity_threshold": draw(st.integers(0, 6)), "amount_threshold": draw(st.integers(0, 300))}
    common |= {"discount": kind, "max_usage": draw(st.integers(0, 3))}
    if kind is not Discount.ORDER_DISCOUNT:
        common |= {"products": draw(st.none() | products)}
    return common


def sets(**kinds):
    lists = st.lists(rules(**kinds), max_size=5)
    return lists.map(lambda terms: [campaign(f"c{number}", **term) for number, term in enumerate(terms)])


def price_of(line):
    """D69: what a line costs before campaigns, a weight rounded half up."""
    return (line.quantity * line.unit_price).quantize(Decimal("0.01"), ROUND_HALF_UP)


@given(baskets(), sets(), strategies)
@generated(150)
def test_sums_are_exact_and_nothing_is_below_zero(bought, campaigns, strategy):
    """D25, D27: lines add up to the totals, units to lines, parts to units, campaigns to the whole discount."""
    evaluation = evaluate(bought, campaigns, NOON, strategy=strategy)
    assert evaluation.gross == sum(map(price_of, bought.lines), Decimal(0))
    assert evaluation.net == evaluation.gross - evaluation.discount
    for before, line in zip(bought.lines, evaluation.lines, strict=True):
        line_units = list(line.units())
        assert len(line_units) == (before.quantity if isinstance(settled(before.quantity), int) else 1)
        assert sum(unit.discount for unit in line_units) == line.discount
        assert line.net >= 0
        assert not (before.locked and line.discount)
        for unit in line_units:
            assert 0 <= unit.discount <= line.price
            assert sum(amount for _, amount in unit.parts) == unit.discount
            assert all(amount > 0 for _, amount in unit.parts)
    assert sum(outcome.discount for outcome in evaluation.campaigns) == sum(line.discount for line in evaluation.lines)
    assert all(outcome.applied == (outcome.discount > 0) for outcome in evaluation.campaigns)


def _needs_no_units(campaigns):
    """Discounts on the order count all units, whatever they cost (D24)."""
    return [
        replace(rule, quantity_threshold=0) if rule.discount is Discount.ORDER_DISCOUNT else rule for rule in campaigns
    ]


@given(
    baskets(),
    sets().map(_needs_no_units),
    strategies,
    st.lists(st.tuples(st.sampled_from(PRODUCTS), quantities, st.just(Decimal(0)), either), min_size=1, max_size=3),
    st.dictionaries(
        st.sampled_from([f"c{number}" for number in range(5)]),
        st.builds(Left, st.none() | st.integers(0, 1), st.none() | prices),
    ),
)
@generated(250)
def test_a_unit_that_costs_nothing_changes_no_price(bought, campaigns, strategy, free, left):
    """D29: whatever campaigns there are, and whatever is left of them."""
    with_free = replace(bought, lines=[*bought.lines, *(Line(f"free-{i}", *fields) for i, fields in enumerate(free))])
    without = evaluate(bought, campaigns, NOON, strategy=strategy, left=left)
    evaluation = evaluate(with_free, campaigns, NOON, strategy=strategy, left=left)
    assert evaluation.lines[: len(bought.lines)] == without.lines
    assert evaluation.net == without.net


@given(baskets(), sets(), strategies, st.randoms(use_true_random=False))
@generated(100)
def test_the_order_of_lines_and_of_campaigns_changes_nothing(bought, campaigns, strategy, random):
    """D26."""
    lines, others = list(bought.lines), list(campaigns)
    random.shuffle(lines)
    random.shuffle(others)
    evaluation = evaluate(bought, campaigns, NOON, strategy=strategy)
    other = evaluate(replace(bought, lines=lines), others, NOON, strategy=strategy)
    assert units(evaluation) == units(other)
    assert evaluation.campaigns == other.campaigns


@given(baskets(), rules(), st.integers(0, 3), st.integers(0, 100))
@generated(100)
def test_a_higher_threshold_never_gives_more(bought, rule, units_more, amount_more):
    """S1-19, S1-20."""
    if "prices" in rule or rule["discount"] is Discount.CHEAPEST_PRODUCT or rule["max_usage"]:
        rule = {"percent": 10, "quantity_threshold": 2, "amount_threshold": 50}
    harder = dict(rule)
    harder["quantity_threshold"] += units_more
    harder["amount_threshold"] += amount_more
    assert price(bought, campaign("c", **harder)).discount <= price(bought, campaign("c", **rule)).discount


@given(baskets(locked=st.just(False)), rules(), st.sampled_from(PRODUCTS), st.integers(1, 3), prices)
@generated(100)
def test_buying_more_never_misses_a_threshold_that_was_met(bought, rule, product, quantity, cost):
    """S1-19, S1-20: what was missing becomes less."""
    more = replace(bought, lines=[*bought.lines, Line("more", product, quantity, cost)])
    few, many = price(bought, campaign("c", **rule)), price(more, campaign("c", **rule))
    for before in few.campaigns:
        [after] = many.campaigns
        if before.reason is Reason.NOTHING_QUALIFIES:
            continue  # nobody has counted yet
        assert after.missing_quantity <= before.missing_quantity
        assert after.missing_amount <= before.missing_amount


@given(baskets(), sets(combinable=st.just(True)))
@generated(100)
def test_best_price_is_never_worse_for_a_unit_than_any_one_campaign(bought, campaigns):
    """D23, S1-34."""
    best = units(price(bought, *campaigns, strategy=Strategy.BEST_PRICE))
    for rule in campaigns:
        for line, alone in units(price(bought, rule)).items():
            assert all(mine >= theirs for mine, theirs in zip(best[line], alone, strict=True))


@given(baskets(), sets())
@generated(100)
def test_best_price_is_never_worse_than_any_one_campaign_and_one_a_unit(bought, campaigns):
    """D23, D22, S1-34."""
    best = price(bought, *campaigns, strategy=Strategy.BEST_PRICE)
    assert all(best.discount >= price(bought, rule).discount for rule in campaigns)
    assert all(len(unit.parts) <= 1 for line in best.lines for unit in line.units())


@given(baskets(), sets(), strategies)
@generated(60)
def test_nothing_is_combined_with_one_that_prevents_it(bought, campaigns, strategy):
    """S1-31, D22."""
    evaluation = price(bought, *campaigns, strategy=strategy)
    applied = {outcome.uid for outcome in evaluation.campaigns if outcome.applied}
    alone = {rule.uid for rule in campaigns if not rule.combinable}
    assert len(applied) <= 1 or not applied & alone


@given(baskets(), sets(), strategies)
@generated(60)
def test_products_whose_memberships_come_later_count_like_all_others(bought, campaigns, strategy):
    """A set too large to be held whole answers alike."""
    bare = []
    for rule in campaigns:
        selected = rule.discount is not Discount.ORDER_DISCOUNT and rule.prices is None
        bare.append(replace(rule, products=frozenset() if selected else None, prices=rule.prices and {}))
    known = CampaignSet(bare, "NOK")
    for product in PRODUCTS:
        belongs = [
            (rule.uid, rule.prices and rule.prices.get(product))
            for rule in campaigns
            if (product in rule.prices if rule.prices else rule.products is None or product in rule.products)
        ]
        known.set_memberships(product, belongs)
    expected = evaluate(bought, campaigns, NOON, strategy=strategy)
    known.by_order.sort(key=lambda rule: rule.uid, reverse=True)
    assert units(evaluate(bought, known, NOON, strategy=strategy)) == units(expected)


@given(st.lists(st.tuples(st.integers(1, 5), prices), min_size=1, max_size=6), prices)
@generated(100)
def test_an_order_discount_is_shared_to_the_cent(lines, amount):
    """D25: each line is within a cent of its exact share, and lines that cost nothing get nothing."""
    bought = Basket("NOK", [Line(str(i), f"p{i}", *fields) for i, fields in enumerate(lines)])
    evaluation = price(bought, order_discount(amount=amount + Decimal("0.01")))
    gross = sum(line.gross for line in evaluation.lines)
    total = sum(line.discount for line in evaluation.lines)
    assert total == min(gross, int(amount * 100) + 1)
    for line in evaluation.lines:
        assert abs(line.discount * gross - total * line.gross) < gross or gross == 0
        assert line.gross or not line.discount
