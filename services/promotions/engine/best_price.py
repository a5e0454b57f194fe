"""One campaign a unit, the best for the customer (D23, S1-34)."""

from collections.abc import Iterable, Mapping

from .benefits import Change, Offer, change_by
from .conditions import outcome
from .results import Outcome, Reason
from .state import LineState, OrderState, Segment

Given = list[tuple[Offer, list[Segment]]]
"""What some offers, each alone, would make of one line."""


def put_together(offers: list[Offer], order: OrderState, budgets: Mapping[str, int]) -> Iterable[tuple[Offer, Outcome]]:
    """Give each unit the most that one campaign alone would give it; or, where that is more altogether, apply one
    that cannot be combined (D22) alone.
    """
    refused: dict[Offer, Reason] = {}
    alone: dict[Offer, Change] = {}
    for offer in offers:
        change = change_by(offer, order)  # applied once all are computed, so each sees the basket as it came
        if not change.discount:
            refused[offer] = Reason.NOTHING_TO_TAKE_OFF
        elif change.discount > budgets.get(offer.rule.uid, change.discount):
            refused[offer] = Reason.BUDGET_SPENT
        else:
            alone[offer] = change
    together = _best_of({offer: change for offer, change in alone.items() if offer.rule.campaign.combinable})
    single = max((o for o in alone if not o.rule.campaign.combinable), key=lambda o: alone[o].discount, default=None)
    if single and alone[single].discount > together.discount:
        chosen, loser = alone[single], Reason.EXCLUDED
    else:
        chosen, loser = together, Reason.BETTER_CAMPAIGN
    chosen.apply()
    discounts = _totals(order)
    for offer in offers:
        reason = refused.get(offer) or (Reason.APPLIED if offer.rule.uid in discounts else loser)
        discount = discounts.get(offer.rule.uid, 0)
        applications = offer.applications if discount else 0
        yield offer, outcome(offer.candidate, order, reason, applications, discount)


def _best_of(alone: Mapping[Offer, Change]) -> Change:
    """Each unit of each line as the offer leaves it that takes most off it; the earlier of equal ones."""
    discounts: dict[LineState, Given] = {}
    for offer, change in alone.items():
        for state, segments in change.lines:
            discounts.setdefault(state, []).append((offer, segments))
    lines = [(state, _best_segments(made)) for state, made in discounts.items()]
    net = sum(count * price for _, segments in lines for count, price, _ in segments)
    return Change(lines, sum(state.net for state, _ in lines) - net)


def _best_segments(made: Given) -> list[Segment]:
    if len(made) == 1:
        return made[0][1]
    if all(len(segments) == 1 for _, segments in made):
        return min((segments for _, segments in made), key=lambda segments: segments[0][1])
    ends = sorted({end for _, segments in made for end, _ in _ends(segments)})
    cursors = [_ends(segments) for _, segments in made]
    merged: list[Segment] = []
    start = 0
    for end in ends:
        best: Segment | None = None
        for cursor in cursors:
            while cursor[0][0] <= start:
                cursor.pop(0)
            segment = cursor[0][1]
            if best is None or segment[1] < best[1]:
                best = segment
        assert best is not None
        merged.append((end - start, best[1], best[2]))
        start = end
    return merged


def _ends(segments: list[Segment]) -> list[tuple[int, Segment]]:
    """Each segment with the number of the unit it ends before."""
    ends, end = [], 0
    for segment in segments:
        end += segment[0]
        ends.append((end, segment))
    return ends


def _totals(order: OrderState) -> dict[str, int]:
    totals: dict[str, int] = {}
    for state in order.open:
        for count, _, parts in state.segments:
            for uid, amount in parts:
                totals[uid] = totals.get(uid, 0) + count * amount
    return totals
