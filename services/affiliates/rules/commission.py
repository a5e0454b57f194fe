"""How much an order earns (S2-14, D33): the first level that defines a commission decides, exactly and to the cent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

CENT = Decimal("0.01")
HUNDRED = Decimal(100)


class Kind(StrEnum):
    """How a commission's value is meant."""

    PERCENTAGE = "PERCENTAGE"
    FIXED = "FIXED"


class Level(StrEnum):
    """Where a commission was defined, the most specific first (S2-14)."""

    PRODUCT = "product"
    CAMPAIGN = "campaign"
    MERCHANT = "merchant"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Terms:
    """A commission: its type and value, which travel together."""

    kind: Kind
    value: Decimal

    @classmethod
    def of(cls, kind: str | None, value: str | None) -> "Terms | None":
        return cls(Kind(kind), Decimal(value)) if kind is not None and value is not None else None

    def earned_by(self, amount: Decimal) -> Decimal:
        """What ``amount`` earns; FIXED is per order, whatever its amount (D33)."""
        if self.kind is Kind.FIXED:
            return to_cents(self.value)
        return to_cents(amount * self.value / HUNDRED)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of an order; ``own`` is what its product defines for itself in this campaign."""

    external_id: str
    amount: Decimal
    own: Terms | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What one line of an order earned, and at which level."""

    level: Level
    commission: Decimal


@dataclass(frozen=True, slots=True)
class Commission:
    """What an order earns. ``level`` is the most specific one that had a part in it; ``shares`` go with the items."""

    total: Decimal
    level: Level
    shares: tuple[Share, ...]


def to_cents(amount: Decimal) -> Decimal:
    """D33: half up."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def default_terms(levels: Iterable[tuple[Level, Terms | None]], platform: Terms) -> tuple[Level, Terms]:
    """The first of ``levels`` that defines a commission, else the platform's."""
    return next(((level, terms) for level, terms in levels if terms), (Level.PLATFORM, platform))


def commission_of(order_amount: Decimal, items: Sequence[Item], default: tuple[Level, Terms]) -> Commission:
    """What an order earns.

    Without items the whole order earns the default. With items each product that defines its own commission earns that,
    once for all of its lines; the others together earn the default on the sum of their amounts. So what is FIXED counts
    once for the order at each product and once at the default.
    """
    level, terms = default
    if not items:
        return Commission(terms.earned_by(order_amount), level, ())
    shares: list[Share | None] = [None] * len(items)
    for product in dict.fromkeys(item.external_id for item in items if item.own):
        places = [place for place, item in enumerate(items) if item.external_id == product and item.own]
        own = items[places[0]].own
        assert own is not None
        _share(shares, places, items, Level.PRODUCT, own)
    others = [place for place, share in enumerate(shares) if share is None]
    if others:
        _share(shares, others, items, level, terms)
    found = tuple(share for share in shares if share is not None)
    order = list(Level)
    most_specific = min((share.level for share in found), key=order.index)
    return Commission(sum((share.commission for share in found), Decimal(0)), most_specific, found)


def _share(
    shares: list[Share | None], places: Sequence[int], items: Sequence[Item], level: Level, terms: Terms
) -> None:
    """Give the lines at ``places`` their parts of what they earn together."""
    amounts = [items[place].amount for place in places]
    parts = split(terms.earned_by(sum(amounts, Decimal(0))), amounts)
    for place, part in zip(places, parts, strict=True):
        shares[place] = Share(level, part)


def split(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """``total`` in parts to the cent by largest remainder; all of it to the first where the weights are nothing."""
    whole = sum(weights, Decimal(0))
    if whole == 0:
        return [total, *[Decimal("0.00")] * (len(weights) - 1)]
    cents = int(total * HUNDRED)
    exact = [Decimal(cents) * weight / whole for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(weights)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_remainder[: cents - sum(parts)]:
        parts[place] += 1
    return [Decimal(part) * CENT for part in parts]
