"""The decisions about campaigns and invites: which step comes next, which recipients get an invite."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis.core.errors import Invalid
from chassis.core.money import is_currency
from chassis.http.schemas import in_currency

DEFAULT_CURRENCY = "SEK"
NO_RELATIONSHIP = "no_relationship"


class Status(StrEnum):
    """Where a campaign stands, in the order of its life (S0-10). A label that no date moves (S0-15)."""

    DRAFT = "Draft"
    SENT = "Sent"
    RESPONSES_IN = "ResponsesIn"
    ACTIVE = "Active"
    COMPLETE = "Complete"


class InviteStatus(StrEnum):
    """Where an invite stands: waiting, or one of the two responses there are (S0-38, S0-40)."""

    PENDING = "Pending"
    ACCEPTED = "Accepted"
    DECLINED = "Declined"


RESPONSES = (InviteStatus.ACCEPTED, InviteStatus.DECLINED)

_NEXT = {Status.SENT: Status.RESPONSES_IN, Status.RESPONSES_IN: Status.ACTIVE, Status.ACTIVE: Status.COMPLETE}


def may_advance(current: str, status: str) -> bool:
    """Whether a user may move a campaign: one step forward, and never out of Draft (S0-13, D12)."""
    return _NEXT.get(Status(current)) == status


def status_after_send(current: str) -> Status:
    """Sending moves a draft to Sent (S0-12); any other status stays (S0-32)."""
    return Status.SENT if current == Status.DRAFT else Status(current)


def currency_of(budget: Decimal | None, currency: str | None) -> str | None:
    """The currency of a budget: the given one or SEK; none where there is no budget (D13)."""
    return None if budget is None else currency or DEFAULT_CURRENCY


def priced(proposal: Mapping[str, Any]) -> dict[str, Any]:
    """A proposal with its budget in whole minor units of its currency (D9, D13).

    Raises:
        Invalid: ISO 4217 knows no such currency, or the budget has more decimals than it.
    """
    budget, currency = proposal["budget"], proposal["currency"]
    if currency is not None and not is_currency(currency):
        raise Invalid.field("currency", "Must be a currency of ISO 4217, such as SEK.")
    currency = currency_of(budget, currency)
    exact = None if budget is None or currency is None else in_currency(budget, currency, "budget")
    return {**proposal, "budget": exact, "currency": currency}


@dataclass(frozen=True)
class Network:
    """What prm says about the recipients of a send, each retailer once (S0-25, S0-26).

    Attributes:
        related: name by id of those the supplier has a relationship with.
        unrelated: the others; the name is None if there is no such retailer.
    """

    related: Mapping[UUID, str]
    unrelated: Mapping[UUID, str | None]

    @property
    def everybody(self) -> Mapping[UUID, str | None]:
        return {**self.related, **self.unrelated}


@dataclass(frozen=True)
class Recipients:
    """What a send makes of a network: ``new`` are invited (name by id), ``skipped`` have no relationship."""

    new: Mapping[UUID, str]
    already_invited: int
    skipped: tuple[UUID, ...]

    @property
    def nobody(self) -> bool:
        return not self.new and not self.already_invited


def choose_recipients(network: Network, invited: Collection[UUID], *, need_relationship: bool) -> Recipients:
    """Sort the retailers of a send: those without an invite get one (S0-29), those without a relationship are left out.

    D11: a deployment may switch ``need_relationship`` off; then every retailer of the platform can be invited.
    """
    invitable = dict(network.related)
    if not need_relationship:
        invitable |= {retailer: name for retailer, name in network.unrelated.items() if name is not None}
    everybody = network.everybody
    return Recipients(
        new={retailer: name for retailer, name in invitable.items() if retailer not in invited},
        already_invited=sum(retailer in invited for retailer in everybody),
        skipped=tuple(retailer for retailer in everybody if retailer not in invitable and retailer not in invited),
    )
