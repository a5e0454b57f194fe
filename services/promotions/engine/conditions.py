"""Whether a campaign applies to a basket at all, and what is missing where it does not."""

from collections.abc import Container, Mapping
from datetime import datetime

from .basket import Basket
from .campaigns import Left
from .results import Outcome, Reason
from .state import Candidate, OrderState


def refuse(
    candidate: Candidate,
    basket: Basket,
    order: OrderState,
    at: datetime,
    left: Mapping[str, Left],
    codes: Container[str],
) -> Outcome | None:
    """Why the candidate does not apply; None where it does.

    Args:
        codes: what the customer gave, folded.
    """
    reason = _unmet(candidate, basket, at, left, codes)
    return outcome(candidate, order, reason) if reason else short(candidate, order)


def short(candidate: Candidate, order: OrderState) -> Outcome | None:
    """What is missing to its thresholds, by the units that it counts now; None where they are met."""
    missing_quantity = candidate.rule.campaign.quantity_threshold - candidate.quantity
    missing_amount = candidate.rule.amount_threshold - order.total
    if missing_quantity <= 0 and missing_amount <= 0:
        return None
    reason = Reason.QUANTITY_MISSING if missing_quantity > 0 else Reason.AMOUNT_MISSING
    refused = outcome(candidate, order, reason)
    return refused._replace(missing_quantity=max(0, missing_quantity), missing_amount=max(0, missing_amount))


def outcome(
    candidate: Candidate, order: OrderState, reason: Reason, applications: int = 0, discount: int = 0
) -> Outcome:
    """An outcome with the basis that thresholds were compared with."""
    rule = candidate.rule
    return Outcome(rule.uid, reason, rule.by_order, candidate.quantity, order.total, applications, discount)


def _unmet(
    candidate: Candidate, basket: Basket, at: datetime, left: Mapping[str, Left], codes: Container[str]
) -> Reason | None:
    campaign, code = candidate.rule.campaign, candidate.rule.code
    if campaign.stores is not None and basket.store not in campaign.stores:
        return Reason.OTHER_STORE
    if at < campaign.valid_from:
        return Reason.NOT_STARTED
    if at > campaign.valid_to:
        return Reason.ENDED
    if code and code not in codes:
        return Reason.CODE_NOT_GIVEN
    if campaign.customer_group is not None and campaign.customer_group != basket.customer_group:
        return Reason.OTHER_CUSTOMER_GROUP
    if not candidate.touched:
        return Reason.NOTHING_QUALIFIES
    remaining = left.get(campaign.uid)
    return Reason.USED_UP if remaining and remaining.uses is not None and remaining.uses < 1 else None
