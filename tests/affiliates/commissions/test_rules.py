"""Rules of commission and of the ledger, without a database."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.errors import Conflict, Invalid
from services.affiliates.commissions import ledger_rules as ledger
from services.affiliates.commissions.ledger_rules import Account, OrderState, OrderStatus
from services.affiliates.commissions.rules import Item, Level, commission_of, default_terms, split
from services.affiliates.common.terms import Kind, Terms

CENT = Decimal("0.01")
CENTS = st.decimals(Decimal(0), Decimal(100_000), places=2)
PERCENT = Terms(Kind.PERCENTAGE, Decimal(12))


def percent(value):
    return Terms(Kind.PERCENTAGE, Decimal(value))


def fixed(value):
    return Terms(Kind.FIXED, Decimal(value), "EUR")


def test_the_first_level_that_defines_one_decides():
    """S2-14: campaign default, then the merchant's, then the platform's."""
    first, second, third = percent(1), fixed(2), percent(3)
    for campaign, merchant in product((first, None), (second, None)):
        level, terms = default_terms(((Level.CAMPAIGN, campaign), (Level.MERCHANT, merchant)), third)
        assert terms == (campaign or merchant or third)
        assert level == ("campaign" if campaign else "merchant" if merchant else "platform")


def test_a_product_s_own_commission_beats_the_default():
    """S2-14, S2-15: each product by itself, the others together."""
    items = [
        Item("shoes", Decimal(1000), percent(20)),
        Item("socks", Decimal(50)),
        Item("shoes", Decimal(1000), percent(20)),
        Item("laces", Decimal(50)),
    ]
    commission = commission_of(Decimal(2100), items, (Level.CAMPAIGN, percent(10)), "EUR")
    assert [(share.level, share.commission) for share in commission.shares] == [
        ("product", Decimal(200)),
        ("campaign", Decimal(5)),
        ("product", Decimal(200)),
        ("campaign", Decimal(5)),
    ]
    assert (commission.total, commission.level) == (Decimal(410), "product")


def test_a_fixed_commission_is_per_order():
    """D33: once at each product that defines it, whatever the quantity and lines, and once at the default."""
    items = [
        Item("shoes", Decimal(10), fixed("2.50")),
        Item("shoes", Decimal(30), fixed("2.50")),
        Item("bag", Decimal(1), fixed(1)),
        Item("socks", Decimal(5)),
        Item("laces", Decimal(5)),
    ]
    commission = commission_of(Decimal(51), items, (Level.MERCHANT, fixed("7.01")), "EUR")
    parts = [Decimal(text) for text in ("0.63", "1.87", "1.00", "3.51", "3.50")]
    assert [share.commission for share in commission.shares] == parts
    assert commission.total == Decimal("10.51")
    assert commission_of(Decimal(9), [], (Level.PLATFORM, fixed("7.01")), "EUR").total == Decimal("7.01")


@pytest.mark.parametrize(
    ("amount", "share", "earned"),
    [("2999.00", "12", "359.88"), ("0.04", "12.5", "0.01"), ("0.20", "2.5", "0.01"), ("1.00", "0.4999", "0.00"),
     ("33.33", "15", "5.00"), ("0.03", "50", "0.02"), ("0", "12", "0.00")],
)  # fmt: skip
def test_half_a_cent_goes_up(amount, share, earned):
    """D33."""
    assert percent(share).earned_by(Decimal(amount), "EUR") == Decimal(earned)


@given(CENTS, st.lists(st.decimals(Decimal(0), Decimal(1000), places=2), min_size=1, max_size=8))
def test_parts_come_to_the_whole(total, weights):
    """D33: to the cent, and nobody is more than a cent from its exact part."""
    parts = split(total, weights, "EUR")
    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - total * weight / whole) < CENT


@given(
    st.lists(st.tuples(st.sampled_from("abc"), CENTS, st.booleans()), max_size=6),
    st.sampled_from([PERCENT, fixed("3.33"), percent("7.25")]),
    st.permutations(range(6)),
)
def test_an_order_s_commission_does_not_hang_on_the_order_of_its_lines(lines, default, order):
    """S2-14, D33."""
    own = {"a": percent(20), "b": fixed("1.99")}
    items = [Item(name, amount, own.get(name)) for name, amount, _ in lines]
    shuffled = [items[place] for place in order if place < len(items)]
    commission = commission_of(Decimal(10**6), items, (Level.CAMPAIGN, default), "EUR")
    again = commission_of(Decimal(10**6), shuffled, (Level.CAMPAIGN, default), "EUR")
    assert (commission.total, commission.level) == (again.total, again.level)
    assert commission.total == round(commission.total, 2)
    if items:
        assert sum(share.commission for share in commission.shares) == commission.total


def after(*reports, amount=Decimal(100)):
    state = OrderState(OrderStatus.PENDING, amount, "EUR")
    for status, refund in reports:
        state = state.after(OrderStatus(status), refund)
    return state


@pytest.mark.parametrize(
    ("status", "held", "approved"),
    [
        ("pending", 12, 0),
        ("confirmed", 0, 12),
        ("delivered", 0, 12),
        ("cancelled", 0, 0),
        ("returned", 0, 0),
        ("refunded", 0, 0),
    ],
)
def test_each_order_status_holds_approves_or_takes_back(status, held, approved):
    """S2-27."""
    assert ledger.standing(Decimal(12), after((status, None))) == {Account.HELD: held, Account.APPROVED: approved}


def test_a_partial_refund_takes_back_in_proportion():
    """S2-27, D33: of what was paid, half up to the cent."""
    state = after(("confirmed", None), ("refunded", Decimal("33.33")))
    assert state.status == "confirmed"
    assert ledger.remaining(Decimal("12.00"), state) == Decimal("8.00")
    assert ledger.remaining(Decimal("0.01"), state) == Decimal("0.01")
    whole = state.after(OrderStatus.REFUNDED, Decimal("66.67"))
    assert (whole.status, ledger.remaining(Decimal(12), whole)) == ("refunded", 0)


def test_no_more_is_refunded_than_was_paid():
    with pytest.raises(Invalid):
        after(("refunded", Decimal("60")), ("refunded", Decimal("40.01")))
    with pytest.raises(Invalid):
        after(("confirmed", Decimal(1)))


def test_what_was_undone_does_not_come_back():
    """S2-27: but may be undone in another word."""
    for undone, later in product(ledger.REVERSING, OrderStatus):
        if later in ledger.REVERSING:
            assert after((undone, None), (later, None)).status == later
        else:
            with pytest.raises(Conflict):
                after((undone, None), (later, None))
        with pytest.raises(Conflict):
            after((undone, None), ("refunded", Decimal(1)))


REPORTS = st.lists(
    st.tuples(st.sampled_from(OrderStatus), st.none() | st.decimals(CENT, Decimal(60), places=2)), max_size=10
)


@given(REPORTS, CENTS)
def test_the_entries_always_come_to_what_the_rules_give(reports, commission):
    """S2-27: whatever is reported in whatever order, refused reports included; nothing is ever owed by an affiliate."""
    state, entered = OrderState(OrderStatus.PENDING, Decimal(100), "EUR"), dict.fromkeys(Account, Decimal(0))
    for new_status, refund in [(None, None), *reports]:
        if new_status is not None:
            try:
                state = state.after(new_status, refund)
            except (Conflict, Invalid):
                continue
        for account, amount in ledger.entries(entered, ledger.standing(commission, state)):
            assert amount != 0
            entered[account] += amount
        assert entered == ledger.standing(commission, state)
        assert min(entered.values()) >= 0
        assert sum(entered.values()) == ledger.remaining(commission, state) <= commission


@pytest.mark.parametrize(
    "refunds", [["10.00", "20.00", "30.00"], ["30.00", "20.00", "10.00"], ["60.00"], ["0.01", "59.99"]]
)
def test_refunds_add_up_in_any_order(refunds):
    """S2-27."""
    state = after(*(("refunded", Decimal(refund)) for refund in refunds))
    assert ledger.remaining(Decimal("33.33"), state) == Decimal("13.33")
