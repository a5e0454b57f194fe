"""What people meet behind ``/r``: never JSON, whoever refuses (D64)."""

from typing import Any

import pytest

from tests.gateway.conftest import Caller, Platform
from tests.gateway.fakes import FakeIdentity, Planned


def assert_page(answer: Any, status: int) -> None:
    assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "<h1>" in answer.get_data(as_text=True)


@pytest.mark.parametrize("target", ["/r/%2e%2e", "/r//maja-sale", "/r/%ff", "/r/maja-sale?a=b#c"])
def test_an_odd_address_of_a_link_gets_a_page(call: Caller, platform: Platform, target: str) -> None:
    assert_page(call("GET", target), 400)
    assert not platform.affiliates.seen


def test_an_unknown_method_gets_a_page(call: Caller) -> None:
    assert_page(call("TRACE", "/r/maja-sale"), 405)


@pytest.mark.parametrize(("status", "words"), [(404, "leads nowhere"), (500, "does not work"), (503, "does not work")])
def test_a_refusal_of_the_service_is_a_page(call: Caller, platform: Platform, status: int, words: str) -> None:
    """Also one that the service's server wrote."""
    platform.affiliates.plan("/r/maja-sale", Planned(status, {"Content-Type": "text/html"}, b"<p>Oops</p>"))
    answer = call("GET", "/r/maja-sale")
    assert_page(answer, status)
    assert words in answer.get_data(as_text=True)


def test_too_many_visits_get_a_page(start_gateway: Any) -> None:
    call = start_gateway(address_limit="2/minute")
    answers = [call("GET", "/r/maja-sale") for _ in range(3)]
    assert_page(answers[-1], 429)
    assert answers[-1].headers["Retry-After"]


def test_a_service_that_is_away_is_a_page(start_gateway: Any, identity: FakeIdentity) -> None:
    call = start_gateway(services={"affiliates": "http://127.0.0.1:1"})
    answer = call("GET", "/r/maja-sale")
    assert_page(answer, 503)
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("target", ["/r", "/r/", "/r/maja-sale/x"])
def test_every_address_of_the_door_is_the_service_s(call: Caller, platform: Platform, target: str) -> None:
    """Which has a page for what is no link."""
    call("GET", target)
    assert platform.affiliates.seen


@pytest.mark.parametrize("target", ["/session/sso/callback?state=x", "/account/password?token=x"])
def test_pages_that_a_service_writes_for_people_are_passed_on(call: Caller, platform: Platform, target: str) -> None:
    """They say what a person can do; a page that only the service's server wrote does not."""
    path = target.partition("?")[0]
    html = {"Content-Type": "text/html; charset=utf-8"}
    platform.identity.plan(path, Planned(403, html, b"<h1>Ask your company</h1>"))
    answer = call("GET", target)
    assert (answer.status_code, answer.get_data()) == (403, b"<h1>Ask your company</h1>")
    platform.identity.plan(path, Planned(500, {"Content-Type": "text/html"}, b"<h1>Oops</h1>"))
    answer = call("GET", target)
    assert_page(answer, 500)
    assert "Oops" not in answer.get_data(as_text=True)


def test_a_page_of_another_route_is_not(call: Caller, platform: Platform) -> None:
    html = {"Content-Type": "text/html; charset=utf-8"}
    platform.identity.plan("/session/renew", Planned(403, html, b"<h1>No</h1>"))
    answer = call("POST", "/session/renew")
    assert (answer.status_code, answer.content_type) == (403, "application/problem+json")
