"""Decisions about cart campaigns and linked products (S4): whether one counts, which version may be written, lists."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.core.errors import Stale
from services.promotions.common.rules import MOST_NAMED, Code, Warned


class Status(StrEnum):
    """S4-7. A campaign's dates are apart from it."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


class MatchMode(StrEnum):
    """What an id in a campaign stands for (S4-23, D53)."""

    PRODUCT = "product"
    VARIANT = "variant"


class QuantitySelector(StrEnum):
    """How much of a linked product goes with its base product (S4-22, D53)."""

    LESS_OR_EQUAL = "alignedLessOrEqual"
    EQUAL = "alignedEqual"
    ANY = "any"


class Reason(StrEnum):
    """Why the campaign that a cart was to have does not count (D50, D52)."""

    UNKNOWN = "unknown_campaign"
    AMBIGUOUS = "ambiguous_campaign"
    DISABLED = "campaign_disabled"
    NOT_STARTED = "campaign_not_started"
    ENDED = "campaign_ended"
    MANDATORY = "mandatory_product_missing"


def reason_against(status: str, start: datetime, end: datetime | None, now: datetime) -> Reason | None:
    """Why a campaign does not count at ``now``, or None where it does (S4-25): both its dates belong to it (D3)."""
    if status != Status.ENABLED:
        return Reason.DISABLED
    if now < start:
        return Reason.NOT_STARTED
    if end is not None and now > end:
        return Reason.ENDED
    return None


def require_version(current: int, offered: int | None) -> None:
    """Compare the ``dbVersion`` of an update, where it names one, with what is stored (S4-14, S4-15, D6).

    Raises:
        Stale: 412, it was read before the last change.
    """
    if offered is not None and offered != current:
        raise Stale("This has been changed since you read it. Read it again and repeat your change.")


def with_modes(lines: Iterable[Mapping[str, Any]], products: Mapping[str, str]) -> list[dict[str, Any]]:
    """Lines of a campaign, each with a match mode. Without one a variant's id means that variant only (D68).

    Args:
        products: the product of each id that the catalogue has.
    """
    return [{**line, "match_mode": line["match_mode"] or _usual_mode(line["id"], products)} for line in lines]


def about_unknown(places: Mapping[str, Sequence[str]], known: Collection[str]) -> list[Warned]:
    """One warning for each place of a campaign that names ids which the catalogue does not have (D68).

    Args:
        places: the ids by the name of their place on the wire.
    """
    unknown = {place: [uid for uid in dict.fromkeys(ids) if uid not in known] for place, ids in places.items()}
    return [
        Warned(Code.UNKNOWN_PRODUCT, EFFECTS[place].format(", ".join(ids[:SHOWN])), len(ids), tuple(ids[:MOST_NAMED]))
        for place, ids in unknown.items()
        if ids
    ]


SHOWN = 5  # ids that a sentence names
EFFECTS = {
    "products": "products: the catalogue does not have {}, which lets nothing into a cart.",
    "mandatoryProducts": "mandatoryProducts: the catalogue does not have {}, so the campaign counts for no cart.",
    "baseProduct": "baseProduct: the catalogue does not have {}, so this link is ignored.",
    "linkedProduct": "linkedProduct: the catalogue does not have {}, so this link has no effect.",
}


def _usual_mode(uid: str, products: Mapping[str, str]) -> str:
    return str(MatchMode.PRODUCT if products.get(uid, uid) == uid else MatchMode.VARIANT)


@dataclass(frozen=True)
class Bound:
    """What a date must be: ``at_least``, ``at_most`` or ``exactly`` the moment (S4-4)."""

    sign: str
    moment: datetime


CAMPAIGN_SORTS = {
    "id": "id",
    "name": "name",
    "customerId": "customer_id",
    "description": "description",
    "status": "status",
    "startDate": "start_date",
    "endDate": "end_date",
    "createDate": "created_at",
    "updateDate": "updated_at",
    "dbVersion": "db_version",
    "products.id": "product_id",
    "products.matchMode": "match_mode",
    "mandatoryProducts.id": "product_id",
    "mandatoryProducts.matchMode": "match_mode",
}
"""The orders of a list of campaigns (S4-2): columns of a campaign, or of its lines, by their name on the wire."""

LINKED_PRODUCTS_SORTS = {
    "id": "id",
    "customerId": "customer_id",
    "marketingCampaignId": "marketing_campaign_id",
    "createDate": "created_at",
    "updateDate": "updated_at",
    "dbVersion": "db_version",
    "baseProduct.id": "base_id",
    "baseProduct.matchMode": "base_match_mode",
    "linkedProduct.id": "linked_id",
    "linkedProduct.matchMode": "linked_match_mode",
    "linkedProduct.quantitySelector": "quantity_selector",
}
"""As ``CAMPAIGN_SORTS``, of linked products (S4-19)."""


@dataclass(frozen=True)
class SortKey:
    """One ``sort`` of a list: a field's name on the wire, and which way (S4-2)."""

    name: str
    descending: bool
