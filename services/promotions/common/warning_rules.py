"""What somebody should know of a change or before a campaign is activated. None of it keeps anybody from either."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from chassis.core import money

MOST = 50
"""Products or campaigns that are named one by one; the number is of all."""


class Code(StrEnum):
    ENDS_IN_THE_PAST = "ends_in_the_past"
    EMPTY_SELECTION = "empty_selection"
    OVERLAP = "overlap"
    PRICE_BELOW_COST = "price_below_cost"
    PRICE_OF_ZERO = "price_of_zero"
    UNKNOWN_BRAND = "unknown_brand"
    UNKNOWN_CATEGORY = "unknown_category"
    UNKNOWN_PRODUCT_GROUP = "unknown_product_group"
    UNKNOWN_PRODUCT = "unknown_product"
    READ_ONLY_FIELD = "read_only_field"


@dataclass(frozen=True)
class Warned:
    """One warning: ``count`` things it is about, the first of them by uid."""

    code: Code
    message: str
    count: int = 1
    uids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offered:
    """What a product would cost, beside what it costs the tenant itself."""

    uid: str
    price: Decimal
    cost: Decimal | None


def reduced(price: Decimal, currency: str, *, percent: Decimal, amount: Decimal) -> Decimal:
    """What a unit would cost: never less than nothing (D25), a percentage rounded half up (D27)."""
    if amount:
        return max(Decimal(0), price - amount)
    return price - money.rounded(price * percent / 100, currency)


def is_doubtful(price: Decimal, cost: Decimal | None) -> bool:
    """Whether a price is nothing, or less than what the product costs us."""
    return not price or (cost is not None and price < cost)


def about_prices(offered: Iterable[Offered]) -> Iterator[Warned]:
    """Products that would cost nothing, and those that would cost less than they cost us."""
    free: list[str] = []
    below: list[str] = []
    for each in offered:
        if is_doubtful(each.price, each.cost):
            (below if each.price else free).append(each.uid)
    if free:
        yield Warned(Code.PRICE_OF_ZERO, f"{_products(free)} would cost nothing.", len(free), tuple(free[:MOST]))
    if below:
        message = f"{_products(below)} would be sold below cost."
        yield Warned(Code.PRICE_BELOW_COST, message, len(below), tuple(below[:MOST]))


def about_overlap(uids: list[str]) -> Iterator[Warned]:
    """Other active campaigns for the same products in the same stores at the same time."""
    if uids:
        others = "another campaign is" if len(uids) == 1 else f"{len(uids)} other campaigns are"
        message = f"At some time in some of its stores {others} active for some of its products."
        yield Warned(Code.OVERLAP, message, len(uids), tuple(uids[:MOST]))


def about_all_unknown(named: Mapping[str, list[str]]) -> Iterator[Warned]:
    """As ``about_unknown``, for each kind of uids."""
    for kind, uids in named.items():
        yield from about_unknown(kind, uids)


def about_unknown(kind: str, uids: list[str]) -> Iterator[Warned]:
    """Uids of a selection or a list that nothing in the catalogue has: typing errors, or still to come (D68)."""
    if uids:
        named = kind.replace("_", " ")
        more = f" and {len(uids) - 1} more" if uids[1:] else ""
        yield Warned(Code(f"unknown_{kind}"), f"There is no {named} {uids[0]}{more}.", len(uids), tuple(uids[:MOST]))


def _products(uids: list[str]) -> str:
    return "One product" if len(uids) == 1 else f"{len(uids)} products"
