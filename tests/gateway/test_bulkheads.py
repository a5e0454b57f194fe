"""A service that fails for longer: it is left alone, found again, and does not take the others with it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chassis.core.errors import Failure
from chassis.core.errors import Upstream as Unavailable
from gateway.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from gateway.settings import GatewaySettings
from gateway.upstream import Reply, Upstream
from tests.gateway.conftest import Platform
from tests.gateway.fakes import HTML, FakeService, Planned, eventually, is_problem

PATH = "/api/v1/campaigns"


def test_a_slow_service_does_not_take_the_others_with_it(start_gateway, campaigns: FakeService) -> None:
    call = start_gateway(in_flight=2, read_timeout=10, total_timeout=10)
    release = threading.Event()
    campaigns.plan(PATH, Planned(until=release))
    with ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(call, "GET", PATH) for _ in range(2)]
        assert eventually(lambda: len(campaigns.seen) == 2)
        is_problem(call("GET", PATH), 503, "upstream_unavailable")
        assert call("GET", "/api/v1/prm/tiers").status_code == 200
        release.set()
        assert [request.result().status_code for request in slow] == [200, 200]
    assert call("GET", PATH).status_code == 200
    assert len(campaigns.seen) == 3


def test_a_service_that_is_away_is_left_alone_and_found_again(start_gateway, campaigns: FakeService) -> None:
    call = start_gateway(breaker_failures=3, breaker_pause=0.3)
    assert call("GET", PATH).status_code == 200
    campaigns.stop()
    try:
        for _ in range(4):
            is_problem(call("POST", PATH), 503, "upstream_unavailable")
        started = time.monotonic()
        while time.monotonic() - started < 0.05:
            assert call("GET", PATH).status_code == 503
        assert call("GET", "/api/v1/prm/tiers").status_code == 200
        metrics = call("GET", "/metrics").data.decode()
        assert 'concord_gateway_breaker_state{service="campaigns"} ' in metrics
        assert 'concord_gateway_upstream_failures_total{kind="open",service="campaigns"}' in metrics
    finally:
        campaigns.start()
    assert eventually(lambda: call("GET", PATH).status_code == 200)


def test_answers_of_the_service_never_open_the_circuit(start_gateway, campaigns: FakeService) -> None:
    call = start_gateway(breaker_failures=2)
    campaigns.plan(PATH, Planned(500, headers={"Content-Type": "text/html"}, body=HTML))
    for _ in range(10):
        assert call("GET", PATH).status_code == 500
    assert len(campaigns.seen) == 10


def download(upstream: Upstream) -> Reply:
    reply = upstream.ask("GET", f"GET {PATH} HTTP/1.1\r\nHost: campaigns\r\n\r\n".encode())
    assert reply.read()
    return reply


def drain(reply: Reply) -> None:
    while reply.read():
        pass


def is_open(upstream: Upstream) -> bool:
    try:
        download(upstream).close()
    except Unavailable:
        return True
    return False


@pytest.fixture
def one_failure(campaigns: FakeService) -> Upstream:
    """A service whose first failure opens its circuit, and that breaks off in the middle of a large answer."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: 1000000\r\n\r\n"
    campaigns.plan(PATH, Planned(raw=head + b"x" * 500_000))
    return Upstream("campaigns", campaigns.url, replace(GatewaySettings(), breaker_failures=1), 2)


def test_a_service_that_breaks_off_has_failed(one_failure: Upstream) -> None:
    reply = download(one_failure)
    with pytest.raises(Failure):
        drain(reply)
    reply.close()
    assert is_open(one_failure)


def test_a_client_that_cuts_a_download_is_no_failure_of_the_service(one_failure: Upstream) -> None:
    download(one_failure).close()
    assert not is_open(one_failure)


@pytest.mark.parametrize("ending", ["cut", "out of time"])
def test_a_client_that_takes_its_time_is_no_failure_of_the_service(
    one_failure: Upstream, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """A service cuts what nobody fetches, and the total time passes meanwhile; neither is its fault."""
    reply = download(one_failure)
    later = time.monotonic() + 3600
    monkeypatch.setattr("gateway.upstream.monotonic", lambda: later)
    if ending == "out of time":
        monkeypatch.setattr("gateway.connection.monotonic", lambda: later)
    with pytest.raises(Failure) as cut:
        drain(reply)
    assert cut.value.code == ("upstream_broken" if ending == "cut" else "upstream_timeout")
    reply.close()
    monkeypatch.undo()
    assert not is_open(one_failure)


def test_the_breaker_lets_one_request_try(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("gateway.breaker.time.monotonic", lambda: now[0])
    changes: list[str] = []
    breaker = Breaker(2, 10, changes.append)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.admit()  # one failure in a row is not two
    breaker.failed()
    assert not breaker.admit()
    assert breaker.retry_after == 10
    now[0] = 10
    assert [breaker.admit(), breaker.admit()] == [True, False]
    breaker.failed()
    now[0] = 19
    assert not breaker.admit()
    now[0] = 20
    assert breaker.admit()
    breaker.succeeded()
    assert [breaker.admit(), breaker.admit()] == [True, True]
    assert changes == [OPEN, HALF_OPEN, OPEN, HALF_OPEN, CLOSED]


@pytest.mark.parametrize("url", ["https://campaigns", "http://", "campaigns:8001", "http://campaigns/path"])
def test_an_address_that_cannot_work_is_refused_at_the_start(platform: Platform, url: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        Upstream("campaigns", url, replace(GatewaySettings()), 1)
