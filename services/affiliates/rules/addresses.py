"""Web addresses that merchants give and visitors are sent to. No redirect goes anywhere else."""

import re
from collections.abc import Collection
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

MAX_ADDRESS = 2000
CLICK_ID = "clickId"
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII)
_PLAIN = re.compile(r"[\x21-\x7e]+")


def is_host(text: str) -> bool:
    return bool(_HOST.fullmatch(text))


def host_of(address: str) -> str | None:
    """The host of a plain web address; None for anything that a browser might read in another way."""
    if len(address) > MAX_ADDRESS or not _PLAIN.fullmatch(address) or "\\" in address:
        return None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.username is not None or "@" in parts.netloc or port == 0:
        return None
    if not address.startswith(f"{parts.scheme}://") or host is None:
        return None
    return host if is_host(host) else None


def may_lead_to(address: str, hosts: Collection[str]) -> bool:
    """Whether ``hosts`` allows an address: a host itself and what is below it."""
    host = host_of(address)
    return host is not None and any(host == allowed or host.endswith(f".{allowed}") for allowed in hosts)


def with_click(address: str, click_id: str) -> str:
    """The address with the click's id as a query parameter, in place of one that was there."""
    parts = urlsplit(address)
    if f"{CLICK_ID}=" not in parts.query:
        query = f"{parts.query}&{CLICK_ID}={click_id}" if parts.query else f"{CLICK_ID}={click_id}"
    else:
        kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != CLICK_ID]
        query = urlencode([*kept, (CLICK_ID, click_id)])
    return urlunsplit(parts._replace(query=query))
