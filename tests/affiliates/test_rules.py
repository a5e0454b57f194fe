"""The decisions about commission, attribution and money, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.addresses import encoded, host_of
from chassis.core.errors import Conflict, Invalid
from services.affiliates.affiliates.rules import code_as_written, link_code, merchant_of_code, slug
from services.affiliates.campaigns import rules
from services.affiliates.campaigns.rules import NotLive, Status
from services.affiliates.commissions import ledger_rules
from services.affiliates.commissions.ledger_rules import Account, OrderState, OrderStatus
from services.affiliates.common.addresses import may_lead_to, with_click
from services.affiliates.common.terms import Item, Kind, Level, Terms, commission_of, default_terms, split
from services.affiliates.conversions.attribution_rules import Clicked, NoClick, attribute, is_open

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
CENT = Decimal("0.01")
CENTS = st.decimals(Decimal(0), Decimal(100_000), places=2)
PERCENT = Terms(Kind.PERCENTAGE, Decimal(12))


def percent(value):
    return Terms(Kind.PERCENTAGE, Decimal(value))


def fixed(value):
    return Terms(Kind.FIXED, Decimal(value), "EUR")


def test_the_first_level_that_defines_one_decides():
    """S2-14: campaign default, then the merchant's, then the platform's."""
    one, two, three = percent(1), fixed(2), percent(3)
    for campaign, merchant in product((one, None), (two, None)):
        level, terms = default_terms(((Level.CAMPAIGN, campaign), (Level.MERCHANT, merchant)), three)
        assert terms == (campaign or merchant or three)
        assert level == ("campaign" if campaign else "merchant" if merchant else "platform")


def test_a_product_s_own_commission_beats_the_default():
    """S2-14, S2-15: each product by itself, the others together."""
    items = [
        Item("shoes", Decimal(1000), percent(20)),
        Item("socks", Decimal(50)),
        Item("shoes", Decimal(1000), percent(20)),
        Item("laces", Decimal(50)),
    ]
    found = commission_of(Decimal(2100), items, (Level.CAMPAIGN, percent(10)), "EUR")
    assert [(share.level, share.commission) for share in found.shares] == [
        ("product", Decimal(200)),
        ("campaign", Decimal(5)),
        ("product", Decimal(200)),
        ("campaign", Decimal(5)),
    ]
    assert (found.total, found.level) == (Decimal(410), "product")


def test_a_fixed_commission_is_per_order():
    """D33: once at each product that defines it, whatever the quantity and lines, and once at the default."""
    items = [
        Item("shoes", Decimal(10), fixed("2.50")),
        Item("shoes", Decimal(30), fixed("2.50")),
        Item("bag", Decimal(1), fixed(1)),
        Item("socks", Decimal(5)),
        Item("laces", Decimal(5)),
    ]
    found = commission_of(Decimal(51), items, (Level.MERCHANT, fixed("7.01")), "EUR")
    parts = [Decimal(text) for text in ("0.63", "1.87", "1.00", "3.51", "3.50")]
    assert [share.commission for share in found.shares] == parts
    assert found.total == Decimal("10.51")
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
    found = commission_of(Decimal(10**6), items, (Level.CAMPAIGN, default), "EUR")
    again = commission_of(Decimal(10**6), shuffled, (Level.CAMPAIGN, default), "EUR")
    assert (found.total, found.level) == (again.total, again.level)
    assert found.total == round(found.total, 2)
    if items:
        assert sum(share.commission for share in found.shares) == found.total


def clicked(number, at, days=30):
    return Clicked(UUID(int=number), at, days)


def test_the_window_includes_both_of_its_ends():
    """S2-17, D32: conversion − click ≤ cookieDurationDays × 24 h."""
    click = clicked(1, NOON, 7)
    assert [is_open(click, NOON + passed) for passed in (-TICK, 0 * DAY, 7 * DAY, 7 * DAY + TICK)] == [
        False,
        True,
        True,
        False,
    ]


def test_the_last_click_wins():
    """D32: also over the one that the order names, and when its own window is the shorter one."""
    old, new = clicked(1, NOON, 30), clicked(2, NOON + DAY, 2)
    for named in (None, old.id, new.id):
        assert attribute([new, old], named=named, at=NOON + 2 * DAY).click == new
        assert attribute([new, old], named=named, at=NOON + 4 * DAY).click == old
        passed = attribute([new, old], named=named, at=NOON + 31 * DAY)
        assert passed.reason is NoClick.WINDOW_PASSED


def test_without_a_window_only_the_named_and_last_click_counts():
    """S2-18, D32."""
    bare, other = clicked(1, NOON, 0), clicked(2, NOON + DAY, 0)
    assert attribute([bare], named=bare.id, at=NOON + 300 * DAY).click == bare
    assert attribute([bare], named=None, at=NOON).reason is NoClick.WINDOW_PASSED
    late = attribute([other, bare], named=bare.id, at=NOON + DAY)
    assert (late.click, late.reason) == (bare, NoClick.LATER_CLICK)
    windowed = clicked(3, NOON - DAY, 30)
    assert attribute([bare, windowed], named=None, at=NOON).click == windowed
    assert attribute([bare, windowed], named=bare.id, at=NOON).click == bare


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 1, 7, 30])), max_size=8),
    st.integers(0, 60),
    st.integers(0, 8),
)
def test_attribution_is_the_last_open_click(made, at, named):
    """D32: against a plain reading of the rule."""
    clicks = [clicked(number, NOON + day * DAY, days) for number, (day, days) in enumerate(made)]
    newest = sorted((c for c in clicks if c.at <= NOON + at * DAY), key=lambda c: (c.at, c.id), reverse=True)
    found = attribute(newest, named=UUID(int=named), at=NOON + at * DAY)
    open_ones = [
        c for place, c in enumerate(newest)
        if (NOON + at * DAY - c.at <= c.window_days * DAY and c.window_days > 0)
        or (c.window_days == 0 and c.id == UUID(int=named) and place == 0)
    ]  # fmt: skip
    assert (found.click if found.reason is None else None) == (open_ones[0] if open_ones else None)


def test_a_campaign_is_live_between_its_dates_both_included():
    """S2-19, S2-20, S2-21, D3."""
    live = [rules.outside_dates(NOON, NOON + DAY, at) for at in (NOON - TICK, NOON, NOON + DAY, NOON + DAY + TICK)]
    assert live == [NotLive.NOT_STARTED, None, None, NotLive.EXPIRED]
    assert rules.outside_dates(None, None, NOON) is None


def test_an_order_is_judged_by_when_it_was_placed():
    """S2-13, D34: within a stretch in which the campaign was on, whatever it is now."""
    runs = [(NOON, NOON + DAY), (NOON + 2 * DAY, None)]
    expected = [(NOON - TICK, "campaign_paused"), (NOON, None), (NOON + DAY, "campaign_paused"), (NOON + 3 * DAY, None)]
    for at, reason in expected:
        assert rules.why_not_live_then(Status.ACTIVE, None, None, runs, at) == reason
    assert rules.why_not_live_then(Status.ARCHIVED, None, None, runs[:1], NOON + DAY) == "campaign_archived"
    assert rules.why_not_live_then(Status.ACTIVE, None, NOON, runs, NOON + TICK) == "campaign_expired"


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
    assert ledger_rules.standing(Decimal(12), after((status, None))) == {Account.HELD: held, Account.APPROVED: approved}


def test_a_partial_refund_takes_back_in_proportion():
    """S2-27, D33: of what was paid, half up to the cent."""
    state = after(("confirmed", None), ("refunded", Decimal("33.33")))
    assert state.status == "confirmed"
    assert ledger_rules.remaining(Decimal("12.00"), state) == Decimal("8.00")
    assert ledger_rules.remaining(Decimal("0.01"), state) == Decimal("0.01")
    whole = state.after(OrderStatus.REFUNDED, Decimal("66.67"))
    assert (whole.status, ledger_rules.remaining(Decimal(12), whole)) == ("refunded", 0)


def test_no_more_is_refunded_than_was_paid():
    with pytest.raises(Invalid):
        after(("refunded", Decimal("60")), ("refunded", Decimal("40.01")))
    with pytest.raises(Invalid):
        after(("confirmed", Decimal(1)))


def test_what_was_undone_does_not_come_back():
    """S2-27: but may be undone in another word."""
    for undone, later in product(ledger_rules.REVERSING, OrderStatus):
        if later in ledger_rules.REVERSING:
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
    for wanted, refund in [(None, None), *reports]:
        if wanted is not None:
            try:
                state = state.after(wanted, refund)
            except (Conflict, Invalid):
                continue
        for account, amount in ledger_rules.entries(entered, ledger_rules.standing(commission, state)):
            assert amount != 0
            entered[account] += amount
        assert entered == ledger_rules.standing(commission, state)
        assert min(entered.values()) >= 0
        assert sum(entered.values()) == ledger_rules.remaining(commission, state) <= commission


@pytest.mark.parametrize(
    "refunds", [["10.00", "20.00", "30.00"], ["30.00", "20.00", "10.00"], ["60.00"], ["0.01", "59.99"]]
)
def test_refunds_add_up_in_any_order(refunds):
    """S2-27."""
    state = after(*(("refunded", Decimal(refund)) for refund in refunds))
    assert ledger_rules.remaining(Decimal("33.33"), state) == Decimal("13.33")


@given(st.text(max_size=30))
def test_a_host_is_read_in_one_way_only(text):
    """No redirect is open: what we take for an allowed host, nobody takes for another."""
    for address in (text, f"https://{text}", f"https://shop.example{text}", f"https://{text}shop.example/"):
        if may_lead_to(address, ["shop.example"]):
            host = host_of(encoded(address))
            rest = encoded(address).partition("://")[2]
            authority = rest.split("/")[0].split("?")[0].split("#")[0]
            assert authority.lower().startswith(host)
            assert host == "shop.example" or host.endswith(".shop.example")
            assert not set(authority) & set("@\\ \t\n")


def test_the_click_goes_into_the_query():
    assert with_click("https://shop.example/?a=1#b", "7") == "https://shop.example/?a=1&clickId=7#b"


@given(st.text(max_size=20), st.sampled_from(["dashain-market.bina-sale-abcde", "a-b.c-d-e2345"]))
def test_a_code_is_found_in_the_text_around_it(around, code):
    """D64: whatever stands there but letters and digits."""
    quotes = "".join(character for character in around if not (character.isascii() and character.isalnum()))
    for written in (f"{quotes}{code}{quotes}", f"{code.upper()}{quotes}", code):
        assert code_as_written(written) == code
    assert code_as_written(quotes) == ""
    assert code_as_written("." * 100_000 + "a") == "a"


def test_codes_can_be_read_and_say_whose_they_are():
    assert (
        link_code("dashain-market", "Bína G.", "Dashain: 50 % off!", "abcde")
        == "dashain-market.bina-g-dashain-50-off-abcde"
    )
    assert merchant_of_code("dashain-market.x-y-abcde") == "dashain-market"
    assert (slug("दशैं"), slug("-a--b-"), len(slug("x" * 99))) == ("x", "a-b", 24)
