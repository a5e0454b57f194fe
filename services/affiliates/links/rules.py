"""Where a tracking link leads, and whether that counts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.affiliates.affiliates.rules import Enrolment, why_links_rest
from services.affiliates.campaigns.rules import Status, why_not_live
from services.affiliates.common.addresses import deep_address

SWITCHED_OFF = "merchant_disabled"


@dataclass(frozen=True, slots=True)
class Target:
    """A link with all that decides where it leads."""

    link_id: UUID
    merchant_id: UUID
    campaign_id: UUID
    affiliate_id: UUID
    destination: str
    status: Status
    start: datetime | None
    end: datetime | None
    window_days: int
    enrolment: Enrolment
    approval_required: bool | None
    enabled: bool
    fallback: str | None
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lead:
    """Where a visitor is sent; ``reason`` says why the visit earns nothing, where it does not."""

    address: str
    reason: str | None = None

    @property
    def live(self) -> bool:
        return self.reason is None


def lead(target: Target, *, wanted: str | None, now: datetime) -> Lead:
    """Where the link leads now (S2-13, S2-19, S2-20).

    What does not convert leads to the merchant's fallback address, or untracked to its destination where there is none.
    A deep link (``wanted``) is followed only to the link's own host and those that the merchant allows, so no redirect
    is open.
    """
    reason = why_it_earns_nothing(target, now)
    if reason:
        return Lead(target.fallback or target.destination, reason)
    deeper = deep_address(wanted, target.destination, target.hosts) if wanted else None
    return Lead(deeper or target.destination)


def why_it_earns_nothing(target: Target, now: datetime) -> str | None:
    if not target.enabled:
        return SWITCHED_OFF
    return why_links_rest(target.enrolment, target.approval_required) or why_not_live(
        target.status, target.start, target.end, now
    )
