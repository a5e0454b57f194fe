"""Codes of tracking links, where a link leads, and whether a visit through it earns. No redirect is open."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from services.affiliates.affiliates.rules import Enrolment, why_links_rest
from services.affiliates.campaigns.rules import Status, why_not_live
from services.affiliates.common.addresses import MAX_ADDRESS, stored_address
from services.affiliates.merchants.rules import slug

UNMISTAKABLE = "abcdefghjkmnpqrstuvwxyz23456789"  # no i, l, o, 0, 1
CODE_TAIL = 5
_CODE = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", re.ASCII)
MAX_PARAMETERS = 50
CLICK_ID = "clickId"
DEEP_LINK = "to"
OWN_PARAMETERS = (CLICK_ID, DEEP_LINK)
MERCHANT_DISABLED = "merchant_disabled"


@dataclass(frozen=True, slots=True)
class Target:
    """A link with everything that decides where it leads."""

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
    """Where a visitor is sent. ``reason`` says why the visit earns nothing; None if it may earn."""

    address: str
    reason: str | None = None

    @property
    def live(self) -> bool:
        return self.reason is None


def lead(target: Target, *, deep_link: str | None, now: datetime) -> Lead:
    """Where the link leads now (S2-13, S2-19, S2-20).

    A link that does not convert leads to the merchant's fallback address, or untracked to its destination if there is
    none. A deep link is followed only to the link's own host and to those that the merchant allows.
    """
    reason = why_it_earns_nothing(target, now)
    if reason:
        return Lead(target.fallback or target.destination, reason)
    deeper = deep_address(deep_link, target.destination, target.hosts) if deep_link else None
    return Lead(deeper or target.destination)


def why_it_earns_nothing(target: Target, now: datetime) -> str | None:
    if not target.enabled:
        return MERCHANT_DISABLED
    return why_links_rest(target.enrolment, target.approval_required) or why_not_live(
        target.status, target.start, target.end, now
    )


def link_code(merchant_slug: str, affiliate_name: str, campaign_title: str, tail: str) -> str:
    """A code that people can read: ``dashain-market.maja-dashain-sale-k3v9t``."""
    return f"{merchant_slug}.{slug(affiliate_name)}-{slug(campaign_title)}-{tail}"


def merchant_of_code(code: str) -> str:
    """The merchant's part of a link's code, also of a code that does not exist."""
    return code.partition(".")[0]


def clean_code(text: str) -> str:
    """The code without the capitals and the punctuation that surround it in a text (D64)."""
    if _CODE.fullmatch(text):
        return text
    places = [place for place, character in enumerate(text) if character.isascii() and character.isalnum()]
    return text[places[0] : places[-1] + 1].lower() if places else ""


def deep_address(deep_link: str, destination: str, hosts: Collection[str]) -> str | None:
    """The address of a deep link; None if it leads neither to the host of the link's destination nor to ``hosts``."""
    address = stored_address(deep_link)
    if address is None:
        return None
    own_host = urlsplit(destination).hostname
    return address if urlsplit(address).hostname == own_host or _is_among(address, hosts) else None


def may_lead_to(text: str, hosts: Collection[str]) -> bool:
    """Whether an address is on one of ``hosts`` or a subdomain of one."""
    address = stored_address(text)
    return address is not None and _is_among(address, hosts)


def _is_among(address: str, hosts: Collection[str]) -> bool:
    host = urlsplit(address).hostname or ""
    return any(host == allowed or host.endswith(f".{allowed}") for allowed in hosts)


def with_query(address: str, query: str) -> str:
    """The address with the query parameters of the request that followed its link (``utm_source`` and the like).

    Parameters that the address has itself stay as they are, and our own are removed. Parameters that would make the
    address too long are left out.
    """
    try:
        parameters = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return address
    parts = urlsplit(address)
    names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} | set(OWN_PARAMETERS)
    more = urlencode([(name, value) for name, value in parameters if name not in names])
    if not more or len(address) + len(more) >= MAX_ADDRESS:
        return address
    return urlunsplit(parts._replace(query=f"{parts.query}&{more}" if parts.query else more))


def with_click(address: str, click_id: str) -> str:
    """The address with the click's id as a query parameter, replacing one that was there."""
    parts = urlsplit(address)
    if f"{CLICK_ID}=" not in parts.query:
        query = f"{parts.query}&{CLICK_ID}={click_id}" if parts.query else f"{CLICK_ID}={click_id}"
    else:
        others = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != CLICK_ID]
        query = urlencode([*others, (CLICK_ID, click_id)])
    return urlunsplit(parts._replace(query=query))
