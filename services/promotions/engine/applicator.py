"""Which campaigns apply to a basket, in which order and how they are put together."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter, itemgetter

from .basket import Basket
from .benefits import Offer, Rank, change_by, offer_of
from .best_price import put_together
from .campaigns import Campaign, Left, Strategy
from .catalogue import CampaignSet, Rule
from .conditions import outcome, refuse
from .money import decimals, to_minor
from .results import Evaluation, LineResult, Outcome, Reason, Run
from .state import Candidate, LineState, OrderState

MOST_CODES_SHOWN = 50
"""How many campaigns whose code was not given are listed: there may be one for every customer."""


def evaluate(
    basket: Basket,
    campaigns: CampaignSet | Iterable[Campaign],
    at: datetime,
    *,
    strategy: Strategy = Strategy.PRIORITY,
    left: Mapping[str, Left] | None = None,
    dry_run: Campaign | None = None,
) -> Evaluation:
    """What the basket costs at ``at`` with these campaigns, and what became of each that was considered.

    Considered are campaigns that touch a product of the basket or are for the order, and ``dry_run``.

    Args:
        campaigns: the active ones; a :class:`CampaignSet` where many baskets are evaluated.
        left: what campaigns with limits may still give, by uid.
        dry_run: evaluated too, as though it were active.

    Raises:
        InexactAmount: a price has more decimals than the currency.
        ValueError: the set is of another currency.
    """
    known = campaigns if isinstance(campaigns, CampaignSet) else CampaignSet(campaigns, basket.currency)
    if known.currency != basket.currency:
        raise ValueError(f"campaigns in {known.currency} for a basket in {basket.currency}")
    places, left = decimals(basket.currency), left or {}
    order = OrderState.of(basket, places)
    outcomes: list[tuple[Rank, Outcome]] = []
    offers: list[Offer] = []
    for candidate in _candidates(order, known, dry_run):
        refused = refuse(candidate, basket, order, at, left)
        if refused:
            outcomes.append(((candidate.rule.campaign.priority, 0, refused.uid), refused))
        else:
            offers.append(offer_of(candidate, order))
    offers.sort(key=attrgetter("rank"))
    budgets = {uid: to_minor(each.discount, places) for uid, each in left.items() if each.discount is not None}
    apply = put_together if strategy is Strategy.BEST_PRICE else _one_by_one
    if strategy is Strategy.EXCLUSIVE_FIRST:
        offers.sort(key=lambda offer: offer.rule.campaign.combinable)
    outcomes += [(offer.rank, result) for offer, result in apply(offers, order, budgets)]
    outcomes.sort(key=itemgetter(0))
    return Evaluation(strategy, at, basket.currency, places, _lines(basket, order), _shown(outcomes))


def _candidates(order: OrderState, known: CampaignSet, dry_run: Campaign | None) -> Iterable[Candidate]:
    touched: dict[Rule, list[tuple[LineState, int | None]]] = {}
    tried = known.rule_of(dry_run) if dry_run else None
    for state in order.lines:
        for rule, target in known.touching(state.line.product):
            lines = touched.setdefault(rule, [])
            if not state.line.locked:
                lines.append((state, target))
    for rule in known.by_order:
        touched[rule] = [(state, None) for state in order.open]
    if tried:
        covered = [state for state in order.open if tried.by_order or tried.covers(state.line.product)]
        touched.pop(known.rules.get(tried.uid, tried), None)
        touched[tried] = [(state, known.price_in(tried, state.line.product)) for state in covered]
    for rule, lines in touched.items():
        quantity = order.units if rule.by_order else sum([state.quantity for state, _ in lines])
        yield Candidate(rule, lines, quantity)


def _one_by_one(offers: list[Offer], order: OrderState, budgets: Mapping[str, int]) -> Iterable[tuple[Offer, Outcome]]:
    """D22: each takes off what it can of what is left, until one that cannot be combined has applied."""
    anything, closed = False, False
    for offer in offers:
        combinable = offer.rule.campaign.combinable
        if closed or (anything and not combinable):
            reason = Reason.EXCLUDED if closed else Reason.NOT_COMBINABLE
            yield offer, outcome(offer.candidate, order, reason)
            continue
        change = change_by(offer, order)
        if not change.discount or change.discount > budgets.get(offer.rule.uid, change.discount):
            reason = Reason.BUDGET_SPENT if change.discount else Reason.NOTHING_TO_TAKE_OFF
            yield offer, outcome(offer.candidate, order, reason)
            continue
        change.make()
        anything, closed = True, not combinable
        yield offer, outcome(offer.candidate, order, Reason.APPLIED, offer.applications, change.discount)


def _lines(basket: Basket, order: OrderState) -> list[LineResult]:
    found = {}
    for state in order.lines:
        runs = [Run(count, state.price - price, parts) for count, price, parts in state.segments]
        line = state.line
        found[line.id] = LineResult(line.id, line.product, state.quantity, state.price, tuple(runs))
    return [found[line.id] for line in basket.lines]


def _shown(outcomes: list[tuple[Rank, Outcome]]) -> list[Outcome]:
    shown, coded = [], 0
    for _, each in outcomes:
        coded += each.reason is Reason.CODE_NOT_GIVEN
        if each.reason is not Reason.CODE_NOT_GIVEN or coded <= MOST_CODES_SHOWN:
            shown.append(each)
    return shown
