"""What the gateway adds to a small read: throughput and processor time beside the service alone, and beside nginx."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import uuid4

import jwt

from bench import load
from bench.postgres import databases
from bench.processes import cores, cpu_seconds, pinned, prepared
from bench.table import Row
from chassis.core.principal import Principal
from chassis.http.identity import HEADER, Signer
from tests.e2e import harness
from tests.e2e.harness import Platform

SERVICES = ("identity", "campaigns")
SERVICE = "campaigns-api"
PATH = "/api/v1/campaigns/invites"
ROUNDS = 5
SECONDS = 3.0
WARM_UP = 1.0
CONNECTIONS = 4
LEAST_RATE, MOST_CPU = 0.5, 0.8


@dataclass(frozen=True)
class Way:
    """One way to the service: the port to ask, the request, and the process in between (0: none)."""

    port: int
    request: bytes
    between: int = 0


@dataclass(frozen=True)
class Sample:
    """Requests a second, and processor seconds a request of the service and of what stands before it."""

    rate: float
    service: float
    between: float


def measure() -> list[Row]:
    """The same read directly, through the gateway and, where there is one, through nginx, in turn."""
    with databases(SERVICES) as made, prepared(made, SERVICES) as platform:
        ours, service = cores() or (None, None)
        _start(platform, ours, service)
        caller = _new_retailer(platform)
        with _nginx(platform, ours) as nginx, pinned(ours):
            samples = _samples(platform, caller, nginx)
    rows = _rows(samples["direct"], samples["gateway"])
    return rows + (_peer_rows(samples["direct"], samples["nginx"]) if "nginx" in samples else [])


def _start(platform: Platform, ours: int | None, service: int | None) -> None:
    """The service alone on one core; the gateway on the other, where the generator will be too."""
    platform.start("identity-api")
    with pinned(service):
        platform.start(SERVICE)
    with pinned(ours):
        platform.start("gateway")
    platform.wait_until_ready("identity-api", SERVICE, "gateway")


def _new_retailer(platform: Platform) -> str:
    """The access token of a retailer without invites."""
    operator = platform.user(*harness.OPERATOR)
    tenant = harness.new_tenant(operator, "Fjord Retail", "Retailer")
    user = harness.new_user(platform, operator, tenant, f"rolf-{uuid4().hex[:8]}@retailer.example", "RetailerAdmin")
    return user.sign_in()


def _samples(platform: Platform, token: str, nginx: tuple[int, int] | None) -> dict[str, Sample]:
    """The median sample of each way; the ways take turns, so that all meet the same disturbances."""
    by_way: dict[str, list[Sample]] = {}
    for number in range(ROUNDS + 1):
        for name, way in _ways(platform, token, nginx).items():
            sample = _sample(platform, way, SECONDS if number else WARM_UP)
            if number:
                by_way.setdefault(name, []).append(sample)
    return {name: _median(samples) for name, samples in by_way.items()}


def _ways(platform: Platform, token: str, nginx: tuple[int, int] | None) -> dict[str, Way]:
    """Made anew for each round: a signed identity is good for a minute."""
    who = Principal.from_claims(jwt.decode(token, options={"verify_signature": False}))
    signed = Signer(platform.home / "keys", "gateway").sign(who, "campaigns")
    direct = load.get(PATH, **{HEADER: signed})
    ways = {
        "direct": Way(platform.port_of(SERVICE), direct),
        "gateway": Way(
            platform.port, load.get(PATH, Authorization=f"Bearer {token}"), platform.processes["gateway"].pid
        ),
    }
    if nginx:
        port, pid = nginx
        ways["nginx"] = Way(port, direct, pid)
    return ways


def _sample(platform: Platform, way: Way, seconds: float) -> Sample:
    pids = (platform.processes[SERVICE].pid, way.between)
    before = [cpu_seconds(pid) if pid else 0.0 for pid in pids]
    done = load.run(way.port, way.request, seconds=seconds, connections=CONNECTIONS)
    service, between = ((cpu_seconds(pid) if pid else 0.0) - was for pid, was in zip(pids, before, strict=True))
    return Sample(done.rate, service / done.answers, between / done.answers)


def _median(samples: list[Sample]) -> Sample:
    return Sample(
        median(sample.rate for sample in samples),
        median(sample.service for sample in samples),
        median(sample.between for sample in samples),
    )


def _rows(direct: Sample, through: Sample) -> list[Row]:
    rate, cpu = through.rate / direct.rate, through.between / through.service
    return [
        Row(
            "gateway: small read through it, against direct",
            f"{through.rate:.0f}/s",
            f"{direct.rate:.0f}/s",
            rate,
            f"≥ {LEAST_RATE:g}",
            rate >= LEAST_RATE,
        ),
        Row(
            "gateway: CPU a request, against the service's",
            f"{through.between * 1000:.2f} ms",
            f"{through.service * 1000:.2f} ms",
            cpu,
            f"≤ {MOST_CPU:g}",
            cpu <= MOST_CPU,
        ),
    ]


def _peer_rows(direct: Sample, nginx: Sample) -> list[Row]:
    return [
        Row(
            "nginx in its place: small read, against direct",
            f"{nginx.rate:.0f}/s",
            f"{direct.rate:.0f}/s",
            nginx.rate / direct.rate,
        ),
        Row(
            "nginx in its place: CPU a request, against the service's",
            f"{nginx.between * 1000:.2f} ms",
            f"{nginx.service * 1000:.2f} ms",
            nginx.between / nginx.service,
        ),
    ]


@contextmanager
def _nginx(platform: Platform, core: int | None) -> Iterator[tuple[int, int] | None]:
    """Port and process of an nginx with nothing but ``proxy_pass``; None where nginx is not installed."""
    program = shutil.which("nginx")
    if program is None:
        yield None
        return
    port = platform.port + 15
    with tempfile.TemporaryDirectory(prefix="concord-bench-nginx-") as folder:
        config = Path(folder, "nginx.conf")
        config.write_text(_NGINX.format(folder=folder, port=port, service=platform.port_of(SERVICE)))
        with pinned(core):
            process = subprocess.Popen(
                [program, "-c", str(config), "-p", folder, "-e", f"{folder}/error.log"], start_new_session=True
            )
        try:
            time.sleep(0.5)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(10)


# One worker, kept connections on both sides, and a line a request in the access log, as the gateway writes one.
_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
  upstream service {{ server 127.0.0.1:{service}; keepalive 16; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""
