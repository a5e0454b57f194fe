"""How much an order earns (S2-14, D9, D33). The first level that defines a commission decides, exactly and to the minor
unit of the order's currency."""

from collections import defaultdict
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
class Source:
    """What defines the commission of some lines: a level, its terms, and which product if it is one."""

    level: Level
    terms: Terms
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Commission:
    """What an order earns.

    Attributes:
        level: the most specific level involved.
        shares: in the order of the items.
        unapplied: fixed commissions that won but earned nothing, because the order is in another currency (D9).
    """

    total: Decimal
    level: Level
    shares: tuple[Share, ...]
    unapplied: tuple[Source, ...] = ()


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
    if not items:
        level, terms = default
        total = terms.earned_by(order_amount, currency)
        return Commission(total, level, (), _unapplied([Source(level, terms)], currency))
    places_by_source: dict[Source, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        source = Source(Level.PRODUCT, item.own, item.external_id) if item.own else Source(*default)
        places_by_source[source].append(place)
    shares: dict[int, Share] = {}
    for source, places in places_by_source.items():
        amounts = [items[place].amount for place in places]
        parts = split(source.terms.earned_by(sum(amounts, Decimal(0)), currency), amounts, currency)
        shares |= {place: Share(source.level, part) for place, part in zip(places, parts, strict=True)}
    return Commission(
        total=sum((share.commission for share in shares.values()), Decimal(0)),
        level=min((source.level for source in places_by_source), key=list(Level).index),
        shares=tuple(shares[place] for place in range(len(items))),
        unapplied=_unapplied(places_by_source, currency),
    )


def _unapplied(sources: Iterable[Source], currency: str) -> tuple[Source, ...]:
    """Sources that do not apply to orders in ``currency``, the default last."""
    unapplied = [source for source in sources if not source.terms.applies_to(currency)]
    return tuple(sorted(unapplied, key=lambda source: source.external_id is None))


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
