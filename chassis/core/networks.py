"""Addresses of clients, as proxies write them and as they are counted."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

COUNTED_BITS = 64
"""Whoever has one IPv6 address has at least its whole /64 (RFC 6177)."""
NEIGHBOURHOOD_BITS = 24
"""Addresses of one office or provider mostly share so much of an IPv4 address."""
SITE_BITS = 48
"""One customer may have a /48, which is 65,536 networks of 64 bits (RFC 6177)."""


def bare_address(text: str) -> str:
    """An address without the port and brackets that some proxies write: ``[2001:db8::1]:443``, ``192.0.2.1:443``.

    What is no address stays as it is.
    """
    text = text.strip()
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]")
        return address if bracket and (not port or port.startswith(":")) and _is_address(address) else text
    address, colon, _port = text.partition(":")
    return address if colon and _is_address(address) else text


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 one. An IPv4 address written as an IPv6 one is
    the same client; what is no address counts as it stands."""
    ip = _parsed(address)
    if ip is None:
        return address
    return str(ip) if isinstance(ip, IPv4Address) else _prefix(ip, COUNTED_BITS)


def site_of(address: str) -> str | None:
    """The networks that one customer may have together: the /48 of an IPv6 address. None for an IPv4 address, which is
    one network by itself, and for what is no address."""
    ip = _parsed(address)
    return _prefix(ip, SITE_BITS) if isinstance(ip, IPv6Address) else None


def neighbourhood_of(address: str) -> str:
    """Where an address is, roughly: the /24 of an IPv4 address, the /48 of an IPv6 one, also of a network as
    ``network_of`` writes it. What is no address counts as it stands."""
    ip = _parsed(address.partition("/")[0])
    if ip is None:
        return address
    if isinstance(ip, IPv4Address):
        return str(ip_network((ip, NEIGHBOURHOOD_BITS), strict=False))
    return _prefix(ip, SITE_BITS)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        ip = ip_address(bare_address(address).partition("%")[0])
    except ValueError:
        return None
    return ip.ipv4_mapped if isinstance(ip, IPv6Address) and ip.ipv4_mapped else ip


def _prefix(ip: IPv6Address, bits: int) -> str:
    rest = 128 - bits
    return f"{IPv6Address(int(ip) >> rest << rest)}/{bits}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
