"""Which campaigns apply to a basket, in which order and how they are put together."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter, itemgetter

from .basket import Basket
from .benefits import Offer, Rank, change_by, choose_again, offer_of
from .best_price import put_together
from .campaigns import Campaign, Left, Strategy
from .catalogue import CampaignSet, Rule
from .codes import fold
from .conditions import outcome, refuse, short
from .lines import LineResult, Run
from .money import floored
from .results import CodeResult, Evaluation, Outcome, Reason
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
    index = _set_for(basket, campaigns)
    left, codes = left or {}, dict.fromkeys(map(fold, basket.codes))
    order = OrderState.of(basket)
    trial = index.rule_of(dry_run) if dry_run else None
    outcomes: list[tuple[Rank, Outcome]] = []
    offers: list[Offer] = []
    for candidate in _candidates(order, index, codes, trial):
        refused = refuse(candidate, basket, order, at, left, codes)
        if refused:
            outcomes.append(((candidate.rule.campaign.priority, 0, refused.uid), refused))
        else:
            offers.append(offer_of(candidate, order))
    offers.sort(key=attrgetter("rank"))
    budgets = {uid: floored(most.discount, index.decimals) for uid, most in left.items() if most.discount is not None}
    apply = put_together if strategy is Strategy.BEST_PRICE else _one_by_one
    if strategy is Strategy.EXCLUSIVE_FIRST:
        offers.sort(key=lambda offer: offer.rule.campaign.combinable)
    outcomes += [(offer.rank, result) for offer, result in apply(offers, order, budgets)]
    outcomes.sort(key=itemgetter(0))
    results = _codes(basket, index, trial, outcomes) if codes else []
    places = basket.decimals
    return Evaluation(strategy, at, basket.currency, places, _lines(basket, order), _shown(outcomes), results)


def _set_for(basket: Basket, campaigns: CampaignSet | Iterable[Campaign]) -> CampaignSet:
    if not isinstance(campaigns, CampaignSet):
        return CampaignSet(campaigns, basket.currency, basket.decimals)
    if (campaigns.currency, campaigns.decimals) != (basket.currency, basket.decimals):
        theirs, ours = (f"{campaign.currency} of {campaign.decimals} decimals" for campaign in (campaigns, basket))
        raise ValueError(f"campaigns in {theirs} for a basket in {ours}")
    return campaigns


def _candidates(order: OrderState, index: CampaignSet, codes: Iterable[str], trial: Rule | None) -> Iterable[Candidate]:
    touched: dict[Rule, list[tuple[LineState, int | None]]] = {}
    for state in order.lines:
        for rule, target in index.touching(state.line.product):
            lines = touched.setdefault(rule, [])
            if not state.line.locked:
                lines.append((state, None if target is None else state.at(target)))
    for rule in index.by_order:
        touched[rule] = [(state, None) for state in order.open]
    for rule in index.with_codes(codes):
        touched.setdefault(rule, [])
    if trial:
        covered = [state for state in order.open if trial.by_order or trial.covers(state.line.product)]
        prices = [index.price_in(trial, state.line.product) for state in covered]
        touched.pop(index.rules.get(trial.uid, trial), None)
        touched[trial] = [
            (state, None if price is None else state.at(price)) for state, price in zip(covered, prices, strict=True)
        ]
    for rule, lines in touched.items():
        quantity = order.units if rule.by_order else sum([state.units for state, _ in lines if state.price])
        yield Candidate(rule, lines, quantity)


def _one_by_one(offers: list[Offer], order: OrderState, budgets: Mapping[str, int]) -> Iterable[tuple[Offer, Outcome]]:
    """D22: each takes off what it can of what is left, until one that cannot be combined has applied."""
    anything, closed, some_are_free = False, False, False
    for offer in offers:
        combinable = offer.rule.campaign.combinable
        if closed or (anything and not combinable):
            reason = Reason.EXCLUDED if closed else Reason.NOT_COMBINABLE
            yield offer, outcome(offer.candidate, order, reason)
            continue
        if some_are_free and (refused := _refused_by_now(offer, order)):
            yield offer, refused
            continue
        change = change_by(offer, order)
        if not change.discount or change.discount > budgets.get(offer.rule.uid, change.discount):
            reason = Reason.BUDGET_SPENT if change.discount else Reason.NOTHING_TO_TAKE_OFF
            yield offer, outcome(offer.candidate, order, reason)
            continue
        change.apply()
        anything, closed, some_are_free = True, not combinable, some_are_free or change.frees
        yield offer, outcome(offer.candidate, order, Reason.APPLIED, offer.applications, change.discount)


def _refused_by_now(offer: Offer, order: OrderState) -> Outcome | None:
    """Count again: units that an earlier campaign has made free qualify no more (D29)."""
    candidate = offer.candidate
    quantity = order.units if offer.rule.by_order else sum([state.paid for state, _ in candidate.touched])
    if quantity == candidate.quantity:  # units become cheaper only, so they are the same ones
        return None
    candidate.quantity = quantity
    if refused := short(candidate, order):
        return refused
    choose_again(offer)
    return None


def _lines(basket: Basket, order: OrderState) -> list[LineResult]:
    results = {}
    for state in order.lines:
        runs = [Run(count, state.price - price, parts) for count, price, parts in state.segments]
        line = state.line
        results[line.id] = LineResult(line.id, line.product, state.quantity, state.unit_price, tuple(runs))
    return [results[line.id] for line in basket.lines]


def _codes(
    basket: Basket, index: CampaignSet, trial: Rule | None, outcomes: Sequence[tuple[Rank, Outcome]]
) -> list[CodeResult]:
    """D67: what became of each code that was given; where several campaigns have it, the first that applied speaks."""
    results = []
    for code in filter(fold, basket.codes):
        rules = index.with_codes([fold(code)])
        uids = {rule.uid for rule in rules} | ({trial.uid} if trial and trial.code == fold(code) else set())
        theirs = [result for _, result in outcomes if result.uid in uids]
        results.append(CodeResult.of(code.strip(), min(theirs, key=lambda result: not result.applied, default=None)))
    return results


def _shown(outcomes: list[tuple[Rank, Outcome]]) -> list[Outcome]:
    shown, coded = [], 0
    for _, considered in outcomes:
        coded += considered.reason is Reason.CODE_NOT_GIVEN
        if considered.reason is not Reason.CODE_NOT_GIVEN or coded <= MOST_CODES_SHOWN:
            shown.append(considered)
    return shown
