"""Whether the time of an answer tells which addresses have an account: known and unknown ones, asked in turn."""

import http.client
import json
import random
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from math import comb
from statistics import median, quantiles
from time import perf_counter
from urllib.parse import urlencode

from bench.postgres import databases
from bench.processes import cores, pinned, prepared
from bench.table import Row
from tests.e2e import harness
from tests.e2e.harness import Platform

TRIES = 200
WARM_UP = 20
LEAST_CHANCE = 0.001
"""How improbable the outcome of a row must be without a difference before it counts as one."""
WRONG = "not the password of anybody"
HOME = "198.18.0.1"
"""Where the person has signed in before (RFC 2544: addresses for measurements)."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
DOMAIN = "bench-retail.example"
UNKNOWN = f"nadia@{DOMAIN}"


@dataclass(frozen=True)
class Probe:
    """A request that names an address in one of its ``fields``.

    Attributes:
        status: what everybody is answered.
        address: where it comes from; None for another network each time. From the person's own network there is no
            goal: there fewer tries are counted (ADR 26).
    """

    what: str
    path: str
    known: str
    field: str
    status: int
    content_type: str = JSON
    fields: Mapping[str, str] | None = None
    address: str | None = None

    def body(self, email: str) -> bytes:
        values = {self.field: email, **(self.fields or {})}
        return (urlencode(values) if self.content_type == FORM else json.dumps(values)).encode()


@dataclass(frozen=True)
class People:
    """The addresses of somebody who works, somebody who has not joined yet, and somebody who is suspended."""

    active: str
    invited: str
    suspended: str


def measure() -> list[Row]:
    """Each way in which somebody could try addresses, through the gateway, for a known and an unknown one."""
    with databases(["identity"]) as made, prepared(made, ["identity"]) as platform:
        _start(platform)
        people = _people(platform)
        networks = _networks()
        with closing(http.client.HTTPConnection("127.0.0.1", platform.port, timeout=20)) as connection:
            return [_row(probe, _pairs(connection, probe, networks)) for probe in _probes(people)]


def chance(slower: int, tries: int) -> float:
    """How probable it is that so many of the tries, or an even less equal number, are slower when each is so with the
    probability 1/2: the two-sided sign test, exactly."""
    fewer = min(slower, tries - slower)
    return min(1.0, 2 * sum(comb(tries, number) for number in range(fewer + 1)) / 2**tries)


def _start(platform: Platform) -> None:
    """Identity with all of its roles on one core: what it does after an answer may disturb the next one."""
    platform.extra |= {"CONCORD_TRUSTED_PROXIES": "127.0.0.1", "CONCORD_SIGN_IN_ATTEMPTS": "1000000"}
    ours, service = cores() or (None, None)
    with pinned(service):
        platform.start("identity")
    with pinned(ours):
        platform.start("gateway")
    platform.wait_until_ready("identity", "gateway")


def _people(platform: Platform) -> People:
    operator = platform.user(*harness.OPERATOR)
    tenant = harness.new_tenant(operator, "Bench Retail", "Retailer")
    active = harness.new_user(platform, operator, tenant, f"rolf1@{DOMAIN}", "RetailerAdmin")
    active.session.headers["X-Forwarded-For"] = HOME
    form = {"grant_type": "password", "username": active.email, "password": active.password}
    assert active.session.post(f"{platform.url}/oauth/token", data=form, timeout=20).ok
    suspended = harness.new_user(platform, operator, tenant, f"sara1@{DOMAIN}", "RetailerViewer")
    team = active.get("/api/v1/tenant/users").json()["items"]
    suspended_id = next(person["id"] for person in team if person["email"] == suspended.email)
    assert active.ask("PATCH", f"/api/v1/tenant/users/{suspended_id}", {"suspended": True}).ok
    invitation = {"email": f"inga1@{DOMAIN}", "name": "Inga", "role": "RetailerViewer"}
    assert active.post("/api/v1/tenant/users", invitation).ok
    return People(active.email, invitation["email"], suspended.email)


def _probes(people: People) -> list[Probe]:
    """Everything that takes an address from whoever has not signed in."""
    token = {"grant_type": "password", "password": WRONG}
    session, password = "/session", {"password": WRONG}
    return [
        Probe("POST /oauth/token", "/oauth/token", people.active, "username", 400, FORM, token),
        Probe("POST /session", session, people.active, "username", 401, fields=password),
        Probe("POST /session, from their network", session, people.active, "username", 401, JSON, password, HOME),
        Probe("POST /session, only invited", session, people.invited, "username", 401, fields=password),
        Probe("POST /session, suspended", session, people.suspended, "username", 401, fields=password),
        Probe("POST /session/recover", "/session/recover", people.active, "email", 202),
        Probe("POST /account/recover, the page", "/account/recover", people.active, "email", 200, FORM),
        Probe("POST /session/passkey/options", "/session/passkey/options", people.active, "username", 200),
    ]


def _networks() -> Iterator[str]:
    """Addresses none of which comes twice, for what is counted by network."""
    return (f"198.19.{number // 256 % 256}.{number % 256}" for number in count())


def _pairs(connection: http.client.HTTPConnection, probe: Probe, networks: Iterator[str]) -> list[tuple[float, float]]:
    """Seconds of an answer for the known and the unknown address; which of the two is asked first is left to chance."""
    coin = random.Random(probe.what)  # the same order in each run
    pairs = []
    for _ in range(WARM_UP + TRIES):
        emails = [probe.known, UNKNOWN]
        coin.shuffle(emails)
        seconds = {email: _seconds(connection, probe, email, probe.address or next(networks)) for email in emails}
        pairs.append((seconds[probe.known], seconds[UNKNOWN]))
    return pairs[WARM_UP:]


def _seconds(connection: http.client.HTTPConnection, probe: Probe, email: str, address: str) -> float:
    headers = {"Content-Type": probe.content_type, "Sec-Fetch-Site": "same-origin", "X-Forwarded-For": address}
    body = probe.body(email)
    started = perf_counter()
    connection.request("POST", probe.path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    seconds = perf_counter() - started
    if answer.status != probe.status:
        raise RuntimeError(f"{probe.what}: {answer.status} {text[:300]!r}")
    return seconds


def _row(probe: Probe, pairs: list[tuple[float, float]]) -> Row:
    known, unknown = zip(*pairs, strict=True)
    slower = sum(one > other for one, other in pairs)
    probability = chance(slower, len(pairs))
    return Row(
        f"accounts: {probe.what}; the known address is slower in {slower} of {len(pairs)} (p = {probability:.2g})",
        _milliseconds(known),
        _milliseconds(unknown),
        median(known) / median(unknown),
        "–" if probe.address else f"p ≥ {LEAST_CHANCE:g}",
        None if probe.address else probability >= LEAST_CHANCE,
    )


def _milliseconds(seconds: tuple[float, ...]) -> str:
    """The median, and the quarters on both sides of it."""
    low, middle, high = (quarter * 1000 for quarter in quantiles(seconds, n=4))
    return f"{middle:.2f} ms ({low:.2f}–{high:.2f})"
