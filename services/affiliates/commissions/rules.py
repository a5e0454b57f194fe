"""How much an order earns (S2-14, D9, D33). The first level that defines a commission decides, exactly and to the minor
unit of the order's currency."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from chassis.core import money
from services.affiliates.common.terms import Terms


class Level(StrEnum):
    """Where a commission was defined, the most specific first (S2-14)."""

    PRODUCT = "product"
    CAMPAIGN = "campaign"
    MERCHANT = "merchant"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Item:
    """A line of an order. ``own`` is the commission that its product defines in this campaign."""

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
    """A fixed commission that won but earned nothing, because the order is in another currency (D9)."""

    level: Level
    terms: Terms
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Commission:
    """What an order earns. ``level`` is the most specific level involved; ``shares`` are in the order of the items."""

    total: Decimal
    level: Level
    shares: tuple[Share, ...]
    unapplied: tuple[Unapplied, ...] = ()


def default_terms(levels: Iterable[tuple[Level, Terms | None]], platform: Terms) -> tuple[Level, Terms]:
    """The first of ``levels`` that defines a commission, else the platform's."""
    return next(((level, terms) for level, terms in levels if terms), (Level.PLATFORM, platform))


def commission_of(
    order_amount: Decimal, items: Sequence[Item], default: tuple[Level, Terms], currency: str
) -> Commission:
    """What an order in ``currency`` earns.

    Without items the whole order earns the default. With items, each product that defines its own commission earns that
    once for all of its lines. The other lines together earn the default on the sum of their amounts. So a FIXED
    commission counts once for each product and once for the default.
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
    line_shares = tuple(share for share in shares if share is not None)
    most_specific = min((share.level for share in line_shares), key=list(Level).index)
    total = sum((share.commission for share in line_shares), Decimal(0))
    return Commission(total, most_specific, line_shares, _unapplied(used, currency))


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
    """Split what the lines at ``places`` earn together among them."""
    amounts = [items[place].amount for place in places]
    parts = split(terms.earned_by(sum(amounts, Decimal(0)), currency), amounts, currency)
    for place, part in zip(places, parts, strict=True):
        shares[place] = Share(level, part)


def split(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Split ``total`` to the minor unit by largest remainder. The first part gets everything if all weights are 0."""
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
