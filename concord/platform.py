"""The only list of the services, of the processes they run as, and of the ports these listen on."""

import importlib
from dataclasses import dataclass

from chassis.process.service import Service
from contracts import services as names

SERVICES, GATEWAY = names.SERVICES, names.GATEWAY
THREADS = {GATEWAY: 32, names.PROMOTIONS: 32}
"""Web servers that need more threads than the default of ``CONCORD_THREADS``. The gateway's threads mostly wait for
services, promotions' for a commit, and the more of those wait together the fewer commits there are."""


@dataclass(frozen=True)
class Process:
    """One process of a deployment that scales every role on its own."""

    service: str
    role: str

    @property
    def name(self) -> str:
        return GATEWAY if self.service == GATEWAY else f"{self.service}-{self.role}"


def load(name: str) -> Service:
    """The declaration of a service; ``KeyError`` where there is none of that name."""
    if name not in SERVICES:
        raise KeyError(name)
    service: Service = importlib.import_module(f"services.{name}").service
    return service


def processes() -> list[Process]:
    """Every process of a full deployment: the gateway and each role of each service."""
    roles = [Process(name, role) for name in SERVICES for role in load(name).roles]
    return [Process(GATEWAY, "api"), *roles]


def port_of(name: str, base: int) -> int:
    """The port of a service on one machine, counted from the gateway's port."""
    return base if name == GATEWAY else base + 1 + SERVICES.index(name)
