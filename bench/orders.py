"""Evaluating orders through gunicorn on PostgreSQL, beside an endpoint of the same service that answers a constant."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from statistics import median
from uuid import uuid4

from bench import load
from bench.postgres import databases
from bench.processes import cores, cpu_seconds, pinned, prepared
from bench.table import Row
from chassis.core.principal import Principal
from chassis.data.database import Database
from chassis.http.identity import HEADER, Signer
from concord.platform import THREADS
from contracts.roles import Role
from tests.e2e.harness import Platform
from tests.plugin import principal
from tests.promotions.evaluations.shop import Shop

SERVICES = ("identity", "promotions")
SERVICE = "promotions-api"
CAMPAIGNS, LINES = 100, 10
ROUNDS = 5
SECONDS = 3.0
WARM_UP = 1.0
CONNECTIONS = THREADS["promotions"]  # one for each thread of a process
LEAST = 0.5


@dataclass(frozen=True)
class Sample:
    """Requests a second, and processor seconds of the service a request."""

    rate: float
    cpu: float


@dataclass(frozen=True)
class _Written:
    """What a shop is written into."""

    database: Database


def measure() -> list[Row]:
    """An order of ten lines that ten of a hundred campaigns touch, and the public keys, in turn."""
    who = principal(Role.MACHINE, tenant_id=uuid4(), tenant_slug="fjord-retail", tenant_kind="Retailer")
    with databases(SERVICES) as made, prepared(made, SERVICES) as platform:
        _fill(made.url("promotions"), who)
        platform.extra["CONCORD_THREADS"] = str(CONNECTIONS)
        ours, service = cores() or (None, None)
        with pinned(service):
            platform.start(SERVICE)
        platform.wait_until_ready(SERVICE)
        with pinned(ours):
            evaluated, constant = _samples(platform, who)
    ratio = evaluated.rate / constant.rate
    return [
        Row(
            f"orders: {LINES} lines, {CAMPAIGNS} campaigns, kept; against an endpoint that answers a constant",
            f"{evaluated.rate:.0f}/s",
            f"{constant.rate:.0f}/s",
            ratio,
            f"≥ {LEAST:g}",
            ratio >= LEAST,
        ),
        Row(
            "orders: CPU a request of the service",
            f"{evaluated.cpu * 1000:.2f} ms",
            f"{constant.cpu * 1000:.2f} ms",
            evaluated.cpu / constant.cpu,
        ),
    ]


def _fill(url: str, who: Principal) -> None:
    with closing(Database(url)) as database:
        shop = Shop(_Written(database), who.tenant_id)
        shop.store()
        for number in range(CAMPAIGNS):
            shop.product(f"p{number}", 100 + number)
            shop.campaign(f"c{number}", products=[f"p{number}"])


def _samples(platform: Platform, who: Principal) -> tuple[Sample, Sample]:
    """The median sample of each; they take turns, so that both meet the same disturbances."""
    rounds = []
    for number in range(ROUNDS + 1):
        pair = [_sample(platform, request, SECONDS if number else WARM_UP) for request in _requests(platform, who)]
        if number:
            rounds.append(pair)
    first, second = (
        Sample(median(pair[place].rate for pair in rounds), median(pair[place].cpu for pair in rounds))
        for place in (0, 1)
    )
    return first, second


def _requests(platform: Platform, who: Principal) -> Iterator[bytes]:
    """Made anew for each round: a signed identity is good for a minute."""
    signed = Signer(platform.home / "keys", "gateway").sign(who, "promotions")
    lines = [{"lineId": str(n), "productUid": f"p{n}", "quantity": 2, "unitPrice": 99.5} for n in range(LINES)]
    body = json.dumps({"storeUid": "oslo-1", "lines": lines}).encode()
    yield load.post("/v2/tenants/fjord-retail/orders/evaluate", body, **{HEADER: signed})
    yield load.get("/v2/tenants/fjord-retail/bundle-keys", **{HEADER: signed})


def _sample(platform: Platform, request: bytes, seconds: float) -> Sample:
    pid = platform.processes[SERVICE].pid
    before = cpu_seconds(pid)
    done = load.run(platform.port_of(SERVICE), request, seconds=seconds, connections=CONNECTIONS)
    return Sample(done.rate, (cpu_seconds(pid) - before) / done.answers)
