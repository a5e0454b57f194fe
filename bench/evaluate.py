"""The discount engine alone: beside campaigns that do not touch the basket, and beside django-oscar's applicator."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Any

from bench import oscar
from bench.table import Row
from services.promotions.engine import Basket, Campaign, CampaignSet, Discount, Line, Strategy, evaluate

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
COUNTS = (10, 100, 1000, 10_000)
MOST = 3
OFFERS = 100
LEAST = 20
ROUNDS = 11
CALLS = 50  # of ours in a round


def measure() -> list[Row]:
    return [*growth(), *against_oscar()]


def growth() -> list[Row]:
    """A basket of ten lines that ten campaigns touch, and ever more campaigns for products that it does not have."""
    basket = Basket("SEK", [Line(str(n), f"p{n}", 2, Decimal(100 + n)) for n in range(10)])
    sets = [CampaignSet((_percent(n, f"p{n}", 10) for n in range(count)), "SEK") for count in COUNTS]
    discounts = {evaluate(basket, campaigns, AT).discount for campaigns in sets}
    assert len(discounts) == 1, discounts
    times = _in_turn(
        [lambda campaigns=campaigns: evaluate(basket, campaigns, AT) for campaigns in sets], [CALLS] * len(sets)
    )
    ratio = times[-1] / times[0]
    return [
        Row(
            f"evaluate: 10 lines, {COUNTS[-1]:,} active campaigns against {COUNTS[0]}",
            f"{times[-1] * 1e6:.0f} µs",
            f"{times[0] * 1e6:.0f} µs",
            ratio,
            f"≤ {MOST}",
            ratio <= MOST,
        ),
        Row(
            f"evaluate: the same with {', '.join(f'{count:,}' for count in COUNTS)} campaigns",
            ", ".join(f"{seconds * 1e6:.0f}" for seconds in times) + " µs",
        ),
    ]


def against_oscar() -> list[Row]:
    """The same hundred offers on the same basket, each of which touches it; both must find the same discount."""
    lines = [(f"p{n}", 2, Decimal(100 * (n + 1))) for n in range(10)]
    offers = [(f"p{n % 10}", 30 - n // 10, OFFERS - n) for n in range(OFFERS)]
    basket = Basket("SEK", [Line(name, name, quantity, price) for name, quantity, price in lines])
    campaigns = CampaignSet((_percent(n, name, percent) for n, (name, percent, _) in enumerate(offers)), "SEK")
    oscar.start()
    theirs = oscar.applicator(lines, offers)

    def ours() -> Any:
        return evaluate(basket, campaigns, AT, strategy=Strategy.BEST_PRICE)

    assert ours().discount == theirs() == Decimal("3300.00"), (ours().discount, theirs())
    our_seconds, their_seconds = _in_turn([ours, theirs], [CALLS, 1])
    ratio = their_seconds / our_seconds
    return [
        Row(
            f"evaluate: {OFFERS} offers that touch a basket of 10 lines, against django-oscar's applicator",
            f"{1 / our_seconds:,.0f}/s",
            f"{1 / their_seconds:,.0f}/s",
            ratio,
            f"≥ {LEAST}",
            ratio >= LEAST,
        )
    ]


def _percent(number: int, product: str, percent: int) -> Campaign:
    return Campaign(
        f"c{number:05}",
        Discount.QUALIFIED_PRODUCT,
        AT - timedelta(days=1),
        AT + timedelta(days=1),
        percent=Decimal(percent),
        products=frozenset({product}),
    )


def _in_turn(works: Iterable[Callable[[], Any]], calls: Iterable[int]) -> list[float]:
    """Median seconds of a call of each, in rounds that all take part in."""
    pairs = list(zip(works, calls, strict=True))
    rounds = [[_seconds(work, count) for work, count in pairs] for _ in range(ROUNDS)]
    return [median(seconds[place] for seconds in rounds) for place in range(len(pairs))]


def _seconds(work: Callable[[], Any], count: int) -> float:
    started = perf_counter()
    for _ in range(count):
        work()
    return (perf_counter() - started) / count
