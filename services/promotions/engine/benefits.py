"""What a campaign that applies takes off, unit by unit.

Units are chosen by their prices before campaigns. The discount is counted from what they cost when the campaign's turn
comes. Units that cost nothing by then are not chosen (D29).
"""

from dataclasses import dataclass

from .catalogue import Rule
from .money import half_up, split
from .state import Candidate, LineState, OrderState, Segment

Pick = tuple[LineState, int, int | None]
"""The first units of a line that cost something, how many at most, and what one costs in the rule's price list."""


Rank = tuple[int, int, str]
"""What campaigns are ordered by, the smallest first."""


@dataclass(slots=True, eq=False)
class Offer:
    """A candidate that applies.

    Attributes:
        rule: the candidate's, at hand because it is asked for most.
        picks: the units it is for; empty for a discount on the order.
        applications: how often it applies (D26, S1-21).
        rank: its priority, then what it would take off the basket if it were alone, the larger first, then its uid
            (D23).
    """

    candidate: Candidate
    rule: Rule
    picks: list[Pick]
    applications: int
    rank: Rank


@dataclass(slots=True)
class Change:
    """What an offer would make of the lines: their new segments and the discount. ``apply`` writes it to the lines."""

    lines: list[tuple[LineState, list[Segment]]]
    discount: int

    @property
    def frees(self) -> bool:
        for _, segments in self.lines:
            for _, price, _ in segments:
                if not price:
                    return True
        return False

    def apply(self) -> None:
        for state, segments in self.lines:
            state.segments = segments


def offer_of(candidate: Candidate, order: OrderState) -> Offer:
    """The units a candidate gives something for, and what it is worth alone."""
    rule = candidate.rule
    picks: list[Pick]
    if rule.by_order:
        whole = sum([state.units * state.price for state in order.open])
        picks, applications, worth = [], 1, _off(rule, whole, None)
    else:
        picks, applications = _choose(candidate)
        worth = sum([count * _off(rule, state.price, target) for state, count, target in picks])
    return Offer(candidate, rule, picks, applications, (rule.campaign.priority, -worth, rule.uid))


def choose_again(offer: Offer) -> None:
    """Choose the units again, among those that still count for its candidate."""
    offer.picks, offer.applications = _choose(offer.candidate)


def change_by(offer: Offer, order: OrderState) -> Change:
    """What applying the offer makes of the lines as they are now."""
    if offer.rule.by_order:
        return _change_order(offer.rule, order)
    lines, discount = [], 0
    for state, count, target in offer.picks:
        segments, taken = _take_off(state.segments, count, offer.rule, target)
        if taken:
            lines.append((state, segments))
            discount += taken
    return Change(lines, discount)


def _choose(candidate: Candidate) -> tuple[list[Pick], int]:
    applications, units = _applications(candidate.rule, candidate.quantity)
    return _pick(candidate, units), applications


def _applications(rule: Rule, quantity: int) -> tuple[int, int]:
    """How often a rule applies to so many qualifying units, and how many of them it takes something off."""
    group, most = max(rule.campaign.quantity_threshold, 1), rule.campaign.max_usage
    if rule.cheapest:  # D26: one unit an application
        times = quantity // group if rule.campaign.quantity_threshold else 1
        times = min(times, most) if most else times
        return times, times
    times = quantity // group
    if most:  # S1-21: an application is one threshold's worth of units
        return min(times, most), min(quantity, most * group)
    return times, quantity  # D25: once the threshold is met every qualifying unit is discounted


def _pick(candidate: Candidate, units: int) -> list[Pick]:
    """The cheapest of the qualifying units, whatever the scan order (D26); equal ones in the lines' own order."""
    if units == candidate.quantity:
        return [(state, state.units, target) for state, target in candidate.touched]
    picks: list[Pick] = []
    for state, target in sorted(candidate.touched, key=lambda touch: touch[0].price):
        count = min(units, state.paid)
        if count:
            picks.append((state, count, target))
            units -= count
    return picks


def _off(rule: Rule, price: int, target: int | None) -> int:
    """What a rule takes off a price: never more than it is (D25), a percentage rounded half up (D27)."""
    if target is not None:
        return price - target if target < price else 0  # only when lower (S1-34)
    if rule.off is not None:
        return min(rule.off, price)
    return half_up(price * rule.numerator, rule.denominator)


def _take_off(segments: list[Segment], count: int, rule: Rule, target: int | None) -> tuple[list[Segment], int]:
    """The segments with something taken off the first ``count`` units that cost something, and how much that is."""
    changed: list[Segment] = []
    taken = 0
    for units, price, parts in segments:
        some = min(units, count) if price else 0
        off = _off(rule, price, target) if some else 0
        if off:
            changed.append((some, price - off, (*parts, (rule.uid, off))))
            if units > some:
                changed.append((units - some, price, parts))
            taken += some * off
        else:
            changed.append((units, price, parts))
        count -= some
    return changed, taken


def _change_order(rule: Rule, order: OrderState) -> Change:
    """A discount on the order: rounded once (D27), over the lines by largest remainder, and so over their units."""
    nets = [state.net for state in order.open]
    total = _off(rule, sum(nets), None)
    lines = [
        (state, _spread(state.segments, share, net, rule.uid))
        for state, net, share in zip(order.open, nets, split(total, nets), strict=True)
        if share
    ]
    return Change(lines, total)


def _spread(segments: list[Segment], total: int, net: int, uid: str) -> list[Segment]:
    """``total`` taken off the units of a line that cost ``net`` together, each by its price, to the minor unit."""
    bases = [total * price // net for _, price, _ in segments]
    missing = total - sum(base * units for base, (units, _, _) in zip(bases, segments, strict=True))
    order = sorted(range(len(segments)), key=lambda i: (-(total * segments[i][1] % net), -segments[i][1], i))
    extra = [0] * len(segments)
    for i in order:
        extra[i] = min(missing, segments[i][0])
        missing -= extra[i]
    changed: list[Segment] = []
    for (units, price, parts), base, more in zip(segments, bases, extra, strict=True):
        for count, off in ((more, base + 1), (units - more, base)):
            if count:
                changed.append((count, price - off, (*parts, (uid, off)) if off else parts))
    return changed
