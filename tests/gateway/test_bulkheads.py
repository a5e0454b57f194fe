"""A service that fails for longer: it is left alone, found again, and does not take the others with it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from gateway.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from gateway.settings import GatewaySettings
from gateway.upstream import Upstream
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
