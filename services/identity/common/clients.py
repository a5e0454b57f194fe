"""Where a request comes from, as text that a person can recognise."""

import re
from dataclasses import dataclass

from flask import request

from chassis.core.networks import bare_address, network_of, site_of
from chassis.core.text import is_line, shortened

LENGTH = 60  # characters of a name or an address; a whole IPv6 address has 39
UNKNOWN_DEVICE = "Unknown device"

# The first that is in the User-Agent counts: browsers name those whose pages they want to be shown, too.
_BROWSERS = {
    "Edge": r"\bEdg(?:e|A|iOS)?/",
    "Opera": r"\bOPR/|\bOPT/|\bOpera\b",
    "Samsung Internet": r"\bSamsungBrowser/",
    "Firefox": r"\bFirefox/|\bFxiOS/",
    "Chrome": r"\bChrome/|\bCriOS/|\bChromium/",
    "Safari": r"\bSafari/",
}
_SYSTEMS = {
    "iPhone": r"\biPhone\b",
    "iPad": r"\biPad\b",
    "Android": r"\bAndroid\b",
    "Windows": r"\bWindows\b",
    "ChromeOS": r"\bCrOS\b",
    "macOS": r"\bMac OS X\b|\bMacintosh\b",
    "Linux": r"\bLinux\b|\bX11\b",
}
_PRODUCT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Client:
    """The browser or program, as ``device_of`` names it, and the address it calls from."""

    device: str
    address: str

    @property
    def network(self) -> str:
        """What counts as one client when sign-ins are counted."""
        return network_of(self.address)

    @property
    def site(self) -> str | None:
        """All networks that the client may have; None where it has but one."""
        return site_of(self.address)


NO_CLIENT = Client(device="", address="")
"""Where nobody's browser asks: a command on the machine that identity runs on."""


def client_of_request() -> Client:
    """The client of the current request; its address as the gateway saw it."""
    address = request.headers.get("X-Concord-Client") or request.remote_addr or ""
    shown = "".join(character for character in address if is_line(character))  # it is what a proxy says
    return Client(device_of(request.headers.get("User-Agent", "")), shortened(bare_address(shown), LENGTH))


def device_of(user_agent: str) -> str:
    """The family of a ``User-Agent``: ``Firefox on Windows``, ``curl``. Versions are left out, so that an update is no
    new device; so two of one family are one device, which is enough to tell a person of a strange one."""
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    if browser or system:
        return " on ".join(filter(None, (browser or "Browser", system)))
    product = _PRODUCT.match(user_agent)
    if product is None or not is_line(user_agent):
        return UNKNOWN_DEVICE
    return shortened(product[0], LENGTH)


def _first(families: dict[str, str], user_agent: str) -> str | None:
    return next((name for name, pattern in families.items() if re.search(pattern, user_agent)), None)
