"""The SSRF guard: URLs typed by a tenant lead to public addresses and never into our own network.

A URL is checked when it is stored and again at every request (``chassis.http.untrusted``). A request resolves the name
once, checks every address of it, and connects to one of exactly these. So a redirect, an odd spelling of an address, or
a name that changes between check and use leads nowhere else.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

MAX_URL = 2000
PORTS = {"https": 443, "http": 80}

_VISIBLE = re.compile(r"[\x21-\x7e]+")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")

# What ``is_global`` lets pass and is not for tenants: special purposes, relays into IPv4, documentation, and the one
# public address on which a cloud answers its own machines.
_FORBIDDEN = [
    *map(ip_network, ("192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24")),
    *map(ip_network, ("168.63.129.16/32", "2001::/23", "2002::/16", "2620:4f:8000::/48", "3fff::/20")),
]
_GLOBAL_IPV6 = ip_network("2000::/3")  # all else is private, mapped, translated, link-local, multicast or unassigned


class BadTarget(ValueError):
    """A URL cannot lead there; the message tells its owner why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL; ``path`` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, loopback: bool) -> Target:
    """Parse a URL.

    Args:
        loopback: this is a development machine: plain http and servers on the same machine are allowed.

    Raises:
        BadTarget: it is not a URL we send to.
    """
    if len(url) > MAX_URL or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise BadTarget(f"Write the URL in at most {MAX_URL} visible ASCII characters.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        raise BadTarget("This is not a URL.") from None
    if parts.scheme not in (("https", "http") if loopback else ("https",)):
        raise BadTarget("Only https:// is sent to.")
    if "@" in parts.netloc or "#" in url:
        raise BadTarget("The URL must have no user name and no fragment.")
    port = PORTS[parts.scheme] if port is None else port
    if not loopback and port != 443 and port < 1024:
        raise BadTarget("The port must be 443, or 1024 and above.")
    _check_host(host, "[" in parts.netloc, loopback=loopback)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path)


def resolve(target: Target, *, loopback: bool) -> list[str]:
    """The addresses of a target, all of them allowed. Connect to these only.

    Raises:
        BadTarget: one of its addresses is not allowed.
        OSError: the name cannot be resolved at present.
    """
    entries = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    for address in addresses:
        if not is_allowed(address, loopback=loopback):
            raise BadTarget("The host's address is not a public one.")
    return addresses


def is_allowed(address: str, *, loopback: bool) -> bool:
    """Whether we connect to an address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if loopback and str(ip) in ("127.0.0.1", "::1"):
        return True
    return _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address) and (ip.scope_id is not None or ip not in _GLOBAL_IPV6):
        return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _FORBIDDEN)


def _check_host(host: str, bracketed: bool, *, loopback: bool) -> None:
    """A name as DNS knows it, or an address written the usual way."""
    last = host.rpartition(".")[2]
    if not bracketed and not _NUMBER.fullmatch(last):
        if not _HOST.fullmatch(host):
            raise BadTarget("The URL's host is no name that DNS knows.")
        return
    if not is_allowed(host, loopback=loopback):
        raise BadTarget("The host's address is not a public one, or not written the usual way.")
