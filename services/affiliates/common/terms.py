"""How much an order earns (S2-14, D9, D33): the first level that defines a commission decides, exactly and to the minor
unit of the order's currency."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from chassis.core import money

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
    """A commission: its type and value, which travel together. A FIXED one belongs to a currency (D9)."""

    kind: Kind
    value: Decimal
    currency: str | None = None

    @classmethod
    def of(cls, kind: str | None, value: str | None, currency: str | None = None) -> "Terms | None":
        return cls(Kind(kind), Decimal(value), currency) if kind is not None and value is not None else None

    def or_in(self, currency: str | None) -> "Terms":
        """The same commission; one that names no currency is in ``currency``."""
        return replace(self, currency=self.currency or currency)

    def applies_to(self, currency: str) -> bool:
        """A fixed amount applies to orders in its own currency only (D9), a percentage to all."""
        return self.kind is Kind.PERCENTAGE or (self.currency == currency and fits(self.value, currency))

    def earned_by(self, amount: Decimal, currency: str) -> Decimal:
        """What ``amount`` earns; FIXED is per order, whatever its amount (D33). Nothing where it does not apply."""
        if not self.applies_to(currency):
            return money.from_minor(0, currency)
        return money.rounded(self.value if self.kind is Kind.FIXED else amount * self.value / HUNDRED, currency)


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
class Unapplied:
    """A fixed commission that won and earned nothing, because the order is in another currency (D9)."""

    level: Level
    terms: Terms
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Commission:
    """What an order earns. ``level`` is the most specific one that had a part in it; ``shares`` go with the items."""

    total: Decimal
    level: Level
    shares: tuple[Share, ...]
    unapplied: tuple[Unapplied, ...] = ()


def fits(amount: Decimal, currency: str) -> bool:
    """Whether an amount has no more decimals than its currency (D9)."""
    try:
        money.exact(amount, currency)
    except money.InexactAmount:
        return False
    return True


def default_terms(levels: Iterable[tuple[Level, Terms | None]], platform: Terms) -> tuple[Level, Terms]:
    """The first of ``levels`` that defines a commission, else the platform's."""
    return next(((level, terms) for level, terms in levels if terms), (Level.PLATFORM, platform))


def commission_of(
    order_amount: Decimal, items: Sequence[Item], default: tuple[Level, Terms], currency: str
) -> Commission:
    """What an order in ``currency`` earns.

    Without items the whole order earns the default. With items each product that defines its own commission earns that,
    once for all of its lines; the others together earn the default on the sum of their amounts. So what is FIXED counts
    once for the order at each product and once at the default.
    """
    level, terms = default
    if not items:
        return Commission(
            terms.earned_by(order_amount, currency), level, (), _unapplied([(level, terms, None)], currency)
        )
    shares: list[Share | None] = [None] * len(items)
    used: list[tuple[Level, Terms, str | None]] = []
    for product in dict.fromkeys(item.external_id for item in items if item.own):
        places = [place for place, item in enumerate(items) if item.external_id == product and item.own]
        own = items[places[0]].own
        assert own is not None
        _share(shares, places, items, Level.PRODUCT, own, currency)
        used.append((Level.PRODUCT, own, product))
    others = [place for place, share in enumerate(shares) if share is None]
    if others:
        _share(shares, others, items, level, terms, currency)
        used.append((level, terms, None))
    given = tuple(share for share in shares if share is not None)
    order = list(Level)
    most_specific = min((share.level for share in given), key=order.index)
    total = sum((share.commission for share in given), Decimal(0))
    return Commission(total, most_specific, given, _unapplied(used, currency))


def _unapplied(used: Iterable[tuple[Level, Terms, str | None]], currency: str) -> tuple[Unapplied, ...]:
    return tuple(
        Unapplied(level, terms, external_id) for level, terms, external_id in used if not terms.applies_to(currency)
    )


def _share(
    shares: list[Share | None],
    places: Sequence[int],
    items: Sequence[Item],
    level: Level,
    terms: Terms,
    currency: str,
) -> None:
    """Give the lines at ``places`` their parts of what they earn together."""
    amounts = [items[place].amount for place in places]
    parts = split(terms.earned_by(sum(amounts, Decimal(0)), currency), amounts, currency)
    for place, part in zip(places, parts, strict=True):
        shares[place] = Share(level, part)


def split(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """``total`` in parts to the minor unit by largest remainder; all to the first where the weights are nothing."""
    whole = sum(weights, Decimal(0))
    if whole == 0:
        return [total, *[money.from_minor(0, currency)] * (len(weights) - 1)]
    units = money.to_minor(total, currency)
    exact = [Decimal(units) * weight / whole for weight in weights]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(weights)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_remainder[: units - sum(parts)]:
        parts[place] += 1
    return [money.from_minor(part, currency) for part in parts]
