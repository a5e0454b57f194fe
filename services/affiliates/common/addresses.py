"""Where visitors are sent: what may be asked of a link, and what goes on to the shop. No redirect is open."""

from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from chassis.core.addresses import encoded

MAX_ADDRESS = 2000
MAX_PARAMETERS = 50
CLICK_ID = "clickId"
DEEPER = "to"
OURS = (CLICK_ID, DEEPER)


def stored_address(text: str) -> str | None:
    """An address in the form in which it is stored; None for what is none, or too long."""
    address = encoded(text) if len(text) <= MAX_ADDRESS else None
    return address if address is not None and len(address) <= MAX_ADDRESS else None


def deep_address(wanted: str, destination: str, hosts: Collection[str]) -> str | None:
    """The address that a deep link asks for, where it may lead: to the host of the link's own destination, or to one
    that the merchant allows or what is below it. None where it may not."""
    address = stored_address(wanted)
    if address is None:
        return None
    own = urlsplit(destination).hostname
    return address if urlsplit(address).hostname == own or is_among(address, hosts) else None


def may_lead_to(text: str, hosts: Collection[str]) -> bool:
    """Whether ``hosts`` allows an address: a host itself and what is below it."""
    address = stored_address(text)
    return address is not None and is_among(address, hosts)


def is_among(address: str, hosts: Collection[str]) -> bool:
    host = urlsplit(address).hostname or ""
    return any(host == allowed or host.endswith(f".{allowed}") for allowed in hosts)


def with_query(address: str, query: str) -> str:
    """The address with the query parameters with which its link was followed (``utm_source`` and the like).

    Those that the address has itself stay as they are, and ours do not go on. What would make it too long is left out.
    """
    try:
        brought = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return address
    parts = urlsplit(address)
    taken = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} | set(OURS)
    more = urlencode([(name, value) for name, value in brought if name not in taken])
    if not more or len(address) + len(more) >= MAX_ADDRESS:
        return address
    return urlunsplit(parts._replace(query=f"{parts.query}&{more}" if parts.query else more))


def with_click(address: str, click_id: str) -> str:
    """The address with the click's id as a query parameter, in place of one that was there."""
    parts = urlsplit(address)
    if f"{CLICK_ID}=" not in parts.query:
        query = f"{parts.query}&{CLICK_ID}={click_id}" if parts.query else f"{CLICK_ID}={click_id}"
    else:
        others = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != CLICK_ID]
        query = urlencode([*others, (CLICK_ID, click_id)])
    return urlunsplit(parts._replace(query=query))
