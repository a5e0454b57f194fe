"""Decisions about sales campaigns (S1): valid details, the next status, what a selection has, warnings."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from chassis.core import money
from chassis.core.text import camel
from services.promotions.common.rules import MOST_NAMED, Code, Warned, refusal

# Times that every time zone can show in four digits of a year, with an offset of whole minutes.
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)

RULES = ("discount_amount", "discount_percent", "quantity_threshold", "amount_threshold", "max_usage")
"""What only a ``CAMPAIGN`` has; 0 is as good as absent, because answers say so (S1-9)."""


SORTS = {
    "name": "name",
    "displayName": "display_name",
    "campaignUid": "campaign_uid",
    "status": "status",
    "type": "type",
    "priority": "priority",
    "validFrom": "valid_from",
    "validTo": "valid_to",
    "createdAt": "created_at",
}
"""The orders of a list (S1-38), by their name on the wire."""


class Type(StrEnum):
    """A list of prices, or a rule (S1-1)."""

    PRICELIST = "PRICELIST"
    CAMPAIGN = "CAMPAIGN"


class Discount(StrEnum):
    """What a campaign reduces: the words of the engine, which this room does not import."""

    QUALIFIED_PRODUCT = "QUALIFIED_PRODUCT"  # S1-16
    CHEAPEST_PRODUCT = "CHEAPEST_PRODUCT"  # S1-17
    ORDER_DISCOUNT = "ORDER_DISCOUNT"  # S1-18


class Status(StrEnum):
    """D28."""

    NEW = "NEW"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


_NEXT = {Status.NEW: Status.ACTIVE, Status.ACTIVE: Status.INACTIVE, Status.INACTIVE: Status.ACTIVE}


def may_become(current: str, following: str) -> bool:
    """S1-12, S1-15: activated, deactivated and activated again; nothing becomes new."""
    return _NEXT[Status(current)] == following


def require_valid(details: Mapping[str, Any], *, has_selection: bool) -> None:
    """Refuse details that do not go together.

    Raises:
        Invalid: ``errors`` names each of its ``problems``.
    """
    if faults := list(problems(details, has_selection=has_selection)):
        raise refusal(faults)


def problems(details: Mapping[str, Any], *, has_selection: bool) -> Iterator[tuple[str, str]]:
    """What does not go together in a campaign's details, each as the field to mend and a sentence.

    Args:
        details: all of them, as columns of the campaign.
        has_selection: whether anything is included or excluded.
    """
    if details["valid_to"] <= details["valid_from"]:
        yield "validTo", "Must be after validFrom."  # D3
    if details["type"] == Type.PRICELIST:
        yield from _problems_of_pricelist(details)
    else:
        yield from _problems_of_campaign(details)
    if has_selection and details["type"] == Type.PRICELIST:
        yield "type", "A price list has its own products, so this campaign can have no selection."
    elif has_selection and details["discount_type"] == Discount.ORDER_DISCOUNT:
        yield (
            "discountType",
            "A discount on the order is for all of it, so this campaign can have no selection.",
        )  # S1-36


def _problems_of_pricelist(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """S1-2, S1-5."""
    if details["discount_type"] != Discount.QUALIFIED_PRODUCT:
        yield "discountType", "Must be QUALIFIED_PRODUCT for a price list."
    if details["pricelist_id"] is None:
        yield "pricelistUid", "A campaign of type PRICELIST needs one."
    for name in RULES:
        if details[name]:
            yield camel(name), "A price list has prices and no rules."


def _problems_of_campaign(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """S1-6."""
    if details["pricelist_id"] is not None:
        yield "pricelistUid", "Only a campaign of type PRICELIST has one."
    if bool(details["discount_amount"]) == bool(details["discount_percent"]):
        yield "discountAmount", "Exactly one of discountAmount and discountPercent must be set."


KINDS = {"brand": "brands", "category": "categories", "product_group": "product_groups", "product": "products"}
"""By what products are selected, and what more of a kind are called in an answer."""

Term = tuple[str, str]
"""What a product is, or what a selection names: ``("brand", uid)``, ``category``, ``product_group``, ``product``, which
a variant is as well (D68)."""


def selects(include: Set[Term], exclude: Set[Term], product: Iterable[Term]) -> bool:
    """Exclude beats include (S1-24); an empty include is everything (S1-25)."""
    terms = set(product)
    return not terms & exclude and (not include or bool(terms & include))


@dataclass(frozen=True)
class Offered:
    """What a product would cost, beside what it costs the tenant itself."""

    uid: str
    price: Decimal
    cost: Decimal | None


def reduced(price: Decimal, currency: str, *, percent: Decimal, amount: Decimal) -> Decimal:
    """What a unit would cost: never less than nothing (D25), a percentage rounded half up (D27)."""
    if amount:
        return max(Decimal(0), price - amount)
    return price - money.rounded(price * percent / 100, currency)


def is_doubtful(price: Decimal, cost: Decimal | None) -> bool:
    """Whether a price is nothing, or less than what the product costs us."""
    return not price or (cost is not None and price < cost)


def about_prices(offered: Iterable[Offered]) -> Iterator[Warned]:
    """Products that would cost nothing, and those that would cost less than they cost us."""
    free: list[str] = []
    below: list[str] = []
    for offer in offered:
        if is_doubtful(offer.price, offer.cost):
            (below if offer.price else free).append(offer.uid)
    if free:
        yield Warned(Code.PRICE_OF_ZERO, f"{_products(free)} would cost nothing.", len(free), tuple(free[:MOST_NAMED]))
    if below:
        message = f"{_products(below)} would be sold below cost."
        yield Warned(Code.PRICE_BELOW_COST, message, len(below), tuple(below[:MOST_NAMED]))


def about_overlap(uids: list[str]) -> Iterator[Warned]:
    """Other active campaigns for the same products in the same stores at the same time."""
    if uids:
        others = "another campaign is" if len(uids) == 1 else f"{len(uids)} other campaigns are"
        message = f"At some time in some of its stores {others} active for some of its products."
        yield Warned(Code.OVERLAP, message, len(uids), tuple(uids[:MOST_NAMED]))


def about_all_unknown(named: Mapping[str, list[str]]) -> Iterator[Warned]:
    """As ``about_unknown``, for each kind of uids."""
    for kind, uids in named.items():
        yield from about_unknown(kind, uids)


def about_unknown(kind: str, uids: list[str]) -> Iterator[Warned]:
    """Uids of a selection or a list that nothing in the catalogue has: typing errors, or still to come (D68)."""
    if uids:
        named = kind.replace("_", " ")
        more = f" and {len(uids) - 1} more" if uids[1:] else ""
        yield Warned(
            Code(f"unknown_{kind}"), f"There is no {named} {uids[0]}{more}.", len(uids), tuple(uids[:MOST_NAMED])
        )


def _products(uids: list[str]) -> str:
    return "One product" if len(uids) == 1 else f"{len(uids)} products"
