"""The decisions about sales campaigns (S1): which details go together, and which status follows which."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from services.promotions.engine import Discount

# Times that every time zone can show in four digits of a year, with an offset of whole minutes.
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)

RULES = ("discount_amount", "discount_percent", "quantity_threshold", "amount_threshold", "max_usage")
"""What only a ``CAMPAIGN`` has; 0 is as good as absent, because answers say so (S1-9)."""


class Type(StrEnum):
    """A list of prices, or a rule (S1-1)."""

    PRICELIST = "PRICELIST"
    CAMPAIGN = "CAMPAIGN"


class Status(StrEnum):
    """D28."""

    NEW = "NEW"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


_NEXT = {Status.NEW: Status.ACTIVE, Status.ACTIVE: Status.INACTIVE, Status.INACTIVE: Status.ACTIVE}


def may_become(current: str, wanted: str) -> bool:
    """S1-12, S1-15: activated, deactivated and activated again; nothing becomes new."""
    return _NEXT[Status(current)] == wanted


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
            head, *tail = name.split("_")
            yield head + "".join(map(str.title, tail)), "A price list has prices and no rules."


def _problems_of_campaign(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """S1-6."""
    if details["pricelist_id"] is not None:
        yield "pricelistUid", "Only a campaign of type PRICELIST has one."
    if bool(details["discount_amount"]) == bool(details["discount_percent"]):
        yield "discountAmount", "Exactly one of discountAmount and discountPercent must be set."
