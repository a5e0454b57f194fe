"""Where a request comes from, as text that a person can recognise."""

from dataclasses import dataclass

from flask import request

from chassis.core.text import is_line, shortened

DEVICE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Client:
    """The browser or program (its ``User-Agent``) and the address it calls from."""

    device: str
    address: str


def client_of_request() -> Client:
    """The client of the current request; its address as the gateway saw it."""
    device = "".join(character for character in request.headers.get("User-Agent", "") if is_line(character))
    address = request.headers.get("X-Concord-Client") or request.remote_addr or ""
    return Client(shortened(device, DEVICE_LENGTH), address)
