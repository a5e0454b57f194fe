"""An order as a merchant reports it, the click it is credited to (S2-17, S2-18, D32), its flags, and the explanation of
the decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from chassis.core.clock import rfc3339
from services.affiliates.commissions.rules import Source

CLOCK_SKEW = timedelta(minutes=5)
SETTLE = timedelta(seconds=1.5)  # until a reported order is weighed
PATIENCE = timedelta(seconds=60)  # in which a click that an order names may still be written
RETRY = timedelta(seconds=2)
LAST_CLICK = "last_click"


class ConversionStatus(StrEnum):
    """How far a conversion has come (S2-25)."""

    ACCEPTED = "ACCEPTED"
    CREDITED = "CREDITED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class OrderLine:
    external_id: str
    quantity: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """What decides about an order, whether it is recorded or only previewed."""

    amount: Decimal
    currency: str
    occurred_at: datetime
    received_at: datetime
    click_id: UUID | None
    visitor_id: UUID | None
    buyer_hash: str | None
    lines: Sequence[OrderLine]


@dataclass(frozen=True, slots=True)
class Flag:
    """Something suspicious, and why. A flag alone never refuses anything."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order under the merchant's own number, and what was wrong with the visitor and click it names."""

    external_order_id: str
    order: Order
    flags: Sequence[Flag]


TAMPERED_VISITOR = Flag("cookie_tampered", "The visitor's cookie was not written by us; it was ignored.")
MALFORMED_CLICK = Flag("click_id_malformed", "The click's id is none that we give; it was ignored.")
FROM_CLICK = {
    "cookie_tampered": Flag("cookie_tampered", "The visitor came with a cookie that was not written by us."),
    "click_flood": Flag("click_flood", "The click was one of very many from the same address."),
}
SELF_REFERRAL = Flag("self_referral", "The buyer's address is the affiliate's own.")
WITHOUT_PRODUCTS = Flag("no_campaign_product", "None of the order's products belongs to the campaign.")


def time_flags(occurred_at: datetime, received_at: datetime, last_click_at: datetime | None) -> list[Flag]:
    """Flags for impossible times: an order from the future, or from before the click it names."""
    flags = []
    if occurred_at > received_at + CLOCK_SKEW:
        flags.append(Flag("impossible_time", "The order was placed after it was reported."))
    if last_click_at is not None and occurred_at < last_click_at:
        flags.append(Flag("impossible_time", "The order was placed before the click it names."))
    return flags


class NoClick(StrEnum):
    """Why no click is credited."""

    NONE_NAMED = "no_click"
    UNKNOWN = "unknown_click"
    NOT_LIVE = "click_not_live"
    AFTER_ORDER = "click_after_order"
    WINDOW_PASSED = "window_passed"
    LATER_CLICK = "later_click"


@dataclass(frozen=True, slots=True)
class Clicked:
    """A live click, as far as attribution needs it."""

    id: UUID
    at: datetime
    window_days: int


@dataclass(frozen=True, slots=True)
class Attribution:
    """The click that wins, or the last click and why it does not win."""

    click: Clicked | None
    reason: NoClick | None = None


def is_open(click: Clicked, at: datetime) -> bool:
    """Whether ``at`` is within the click's window, both ends included (D32)."""
    return timedelta(0) <= at - click.at <= timedelta(days=click.window_days)


def attribute(clicks: Sequence[Clicked], *, named: UUID | None, at: datetime) -> Attribution:
    """The last click whose window is open when the order is placed wins.

    A click without a window wins only when the order itself names it and no later click exists.

    Args:
        clicks: the buyer's live clicks up to ``at``, newest first.
        named: the click that the order names.
    """
    if not clicks:
        return Attribution(None, NoClick.AFTER_ORDER)
    last = clicks[0]
    if last.window_days == 0 and last.id == named:
        return Attribution(last)
    for click in clicks:
        if click.window_days > 0 and is_open(click, at):
            return Attribution(click)
    named_click = next((click for click in clicks if click.id == named), last)
    overtaken = named_click.id == named and named_click.window_days == 0
    return Attribution(named_click, NoClick.LATER_CLICK if overtaken else NoClick.WINDOW_PASSED)


EXPLANATIONS = {
    "no_click": "The order names no click and no visitor.",
    "unknown_click": "The click that the order names is unknown.",
    "click_not_live": "The click led to the fallback address, or no person made it, so it earns nothing.",
    "click_after_order": "There was no click before the order was placed.",
    "window_passed": "The click's window had passed when the order was placed.",
    "later_click": "The campaign has no window, and the visitor clicked again after the click that the order names.",
    "campaign_paused": "The campaign was paused when the order was placed.",
    "campaign_expired": "The campaign had ended when the order was placed.",
    "campaign_not_started": "The campaign had not begun when the order was placed.",
    "campaign_archived": "The campaign had been archived when the order was placed.",
    "campaign_not_active": "The campaign was not active when the order was placed.",
    "affiliate_suspended": "The affiliate is suspended.",
    "affiliate_not_approved": "The affiliate is not approved.",
    "merchant_disabled": "The merchant has affiliates switched off.",
}


def explain(
    reason: str,
    *,
    clicked_at: datetime | None,
    window_days: int | None,
    level: str | None,
    currency: str,
    unapplied: Sequence[Mapping[str, str | None]] = (),
) -> str:
    """The decision in a sentence for people, and one for each fixed commission that did not apply.

    Args:
        unapplied: as :func:`as_row` gives them.
    """
    if reason != LAST_CLICK or clicked_at is None:
        return EXPLANATIONS.get(reason, reason)
    window = f"within its window of {window_days} days" if window_days else "which the order names"
    credited = f"Credited to the last click, at {rfc3339(clicked_at)}, {window}; the commission is the {level}'s."
    return " ".join([credited, *(_why_unapplied(row, currency) for row in unapplied)])


def as_row(unapplied: Source) -> dict[str, str | None]:
    """A fixed commission that did not apply, as it is stored with its conversion."""
    return {
        "level": unapplied.level,
        "value": str(unapplied.terms.value),
        "currency": unapplied.terms.currency,
        "external_id": unapplied.external_id,
    }


def _why_unapplied(row: Mapping[str, str | None], currency: str) -> str:
    whose = f"product {row['external_id']}" if row["external_id"] else row["level"]
    amount = f"{row['value']} {row['currency']}" if row["currency"] else f"{row['value']}, which has no currency,"
    why = "" if row["currency"] != currency else ", which has no such amounts"
    return f"The {whose}'s fixed commission of {amount} does not apply to an order in {currency}{why}."
