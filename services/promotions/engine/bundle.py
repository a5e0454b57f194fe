"""Campaigns as JSON: what a till without a network gets, and how it makes campaigns of it again.

A *state* is ``{"version", "since", "currency", "decimals", "strategy", "campaigns": [...], "removed": [...], ...}`` as
JSON has it. ``decimals`` is how many the currency's minor unit is; an old state has none, which means two.
``since`` is null in a whole state; in a change it is the version that the change is made to.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .basket import Basket, Line
from .campaigns import Campaign, Discount, Strategy
from .catalogue import CampaignSet

AMOUNTS = ("percent", "amount", "amount_threshold")
PLAIN = ("priority", "code", "combinable", "quantity_threshold", "max_usage", "customer_group")


def campaign_to_state(campaign: Campaign) -> dict[str, Any]:
    """One campaign, exactly; lists are in order, so that equal campaigns are written alike. Its stores are left out: a
    state is of one store.
    """
    state: dict[str, Any] = {"uid": campaign.uid, "discount": str(campaign.discount)}
    state |= {name: _moment(getattr(campaign, name)) for name in ("valid_from", "valid_to")}
    for name in AMOUNTS:
        value = getattr(campaign, name)
        state[name] = None if value is None else format(value, "f")
    state |= {name: getattr(campaign, name) for name in PLAIN}
    state["excluded"] = sorted(campaign.excluded)
    state["products"] = None if campaign.products is None else sorted(campaign.products)
    prices = campaign.prices
    state["prices"] = None if prices is None else {uid: format(prices[uid], "f") for uid in sorted(prices)}
    return state


def campaign_from_state(state: Mapping[str, Any]) -> Campaign:
    """The campaign again."""
    amounts: dict[str, Any] = {name: None if state[name] is None else Decimal(state[name]) for name in AMOUNTS}
    products, prices = state["products"], state["prices"]
    return Campaign(
        state["uid"],
        Discount(state["discount"]),
        datetime.fromisoformat(state["valid_from"]),
        datetime.fromisoformat(state["valid_to"]),
        products=None if products is None else frozenset(products),
        prices=None if prices is None else {uid: Decimal(price) for uid, price in prices.items()},
        excluded=frozenset(state["excluded"]),
        **amounts,
        **{name: state[name] for name in PLAIN},
    )


def merged(known: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The state after a change; a whole state takes the place of what was known.

    Raises:
        ValueError: the change is made to another version than the known one.
    """
    if change["since"] is None:
        return dict(change)
    if change["since"] != known["version"]:
        raise ValueError(f"a change since {change['since']} does not fit {known['version']}")
    gone = set(change["removed"]) | {campaign["uid"] for campaign in change["campaigns"]}
    unchanged = [campaign for campaign in known["campaigns"] if campaign["uid"] not in gone]
    campaigns = sorted(unchanged + list(change["campaigns"]), key=lambda campaign: campaign["uid"])
    return {**change, "since": None, "removed": [], "campaigns": campaigns}


def campaigns_of(state: Mapping[str, Any]) -> CampaignSet:
    """The campaigns of a whole state, ready for :func:`evaluate`."""
    campaigns = (campaign_from_state(campaign) for campaign in state["campaigns"])
    return CampaignSet(campaigns, state["currency"], decimals_of(state))


def basket_of(
    state: Mapping[str, Any], lines: Sequence[Line], *, codes: Collection[str] = (), customer_group: str | None = None
) -> Basket:
    """What a customer is about to buy in the store of the state."""
    return Basket(state["currency"], lines, codes=codes, customer_group=customer_group, decimals=decimals_of(state))


def decimals_of(state: Mapping[str, Any]) -> int:
    decimals: int = state.get("decimals", 2)
    return decimals


def strategy_of(state: Mapping[str, Any]) -> Strategy:
    return Strategy(state["strategy"])


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
