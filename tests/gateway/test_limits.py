"""How much a tenant and an address may ask."""

from ipaddress import ip_network

import pytest

from gateway.limiting import Limit, Limiter
from tests.gateway.conftest import Caller
from tests.gateway.fakes import FakeIdentity, FakeService, Planned, free_port

PATH = "/api/v1/campaigns"


def test_a_tenants_limit_is_its_own(start_gateway, identity: FakeIdentity, campaigns: FakeService) -> None:
    call = start_gateway(tenant_limit="5/hour")
    assert [call("GET", PATH).status_code for _ in range(7)] == [200] * 5 + [429] * 2
    answer = call("GET", PATH)
    assert (answer.mimetype, answer.json["code"]) == ("application/problem+json", "rate_limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 3600
    assert answer.headers["RateLimit-Policy"] == '"tenant";q=5;w=3600'
    assert answer.headers["RateLimit"].startswith('"tenant";r=0;t=')
    assert len(campaigns.seen) == 5

    call.token = identity.token(tenant=call.tenant)  # another user of the tenant
    assert call("GET", PATH).status_code == 429
    call.token = identity.token()  # another tenant
    assert call("GET", PATH).status_code == 200


def test_an_address_is_limited_where_nobody_is_signed_in(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway(address_limit="4/hour")
    good, call.token = call.token, None
    jwks = "/.well-known/jwks.json"
    assert [call("GET", path).status_code for path in (PATH, jwks, "/", PATH, PATH, jwks, "/")] == [
        401, 200, 200, 401, 429, 429, 429
    ]  # fmt: skip
    assert call("GET", PATH, environ={"REMOTE_ADDR": "198.51.100.7"}).status_code == 401
    assert call("GET", PATH, headers={"X-Forwarded-For": "198.51.100.8"}).status_code == 429
    for probe in ("/health/live", "/metrics", "/dev/mailbox.json"):
        assert call("GET", probe).status_code == 200
    call.token = good
    assert call("GET", PATH).status_code == 200


def test_only_refused_sign_ins_count_strictly(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway(sign_in_limit="3/hour")
    for _ in range(10):
        assert call("POST", "/oauth/token").status_code == 200
    identity.plan("/oauth/token", Planned(401, body=b'{"error": "invalid_grant"}'))
    assert [call("POST", "/oauth/token").status_code for _ in range(5)] == [401] * 3 + [429] * 2
    identity.reset()
    assert call("POST", "/oauth/token").status_code == 429
    assert call("POST", "/oauth/token", environ={"REMOTE_ADDR": "198.51.100.7"}).status_code == 200


def test_a_right_password_that_wants_a_second_factor_is_no_refused_sign_in(
    start_gateway, identity: FakeIdentity
) -> None:
    """A whole company may sign in from behind one address; what identity says of it stays inside."""
    call = start_gateway(sign_in_limit="3/hour")
    headers = {"Content-Type": "application/problem+json", "X-Concord-Sign-In": "half-way"}
    half_way = Planned(401, headers, b'{"code": "second_factor_required"}')
    identity.plan("/session", half_way)
    answers = [call("POST", "/session") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert "X-Concord-Sign-In" not in answers[0].headers


def test_refused_sign_ins_sign_nobody_else_out(start_gateway, identity: FakeIdentity) -> None:
    """Somebody behind the same address can still renew."""
    call = start_gateway(sign_in_limit="3/hour")
    identity.plan("/session", Planned(401, body=b"{}"))
    assert [call("POST", "/session").status_code for _ in range(5)] == [401] * 3 + [429] * 2
    assert call("POST", "/session/renew").status_code == 200


def test_one_client_is_a_network_and_no_port(start_gateway, identity: FakeIdentity) -> None:
    """SECURITY M3."""
    call = start_gateway(sign_in_limit="3/hour", trusted_proxies=(ip_network("127.0.0.0/8"),))
    identity.plan("/oauth/token", Planned(401, body=b"{}"))

    def statuses(*clients: str) -> list[int]:
        return [call("POST", "/oauth/token", headers={"X-Forwarded-For": client}).status_code for client in clients]

    assert statuses(*(f"1.2.3.4:{port}" for port in range(5000, 5004))) == [401] * 3 + [429]
    assert statuses(*(f"2001:db8:0:7::{number}" for number in range(1, 5))) == [401] * 3 + [429]
    assert statuses("1.2.3.5", "2001:db8:0:8::1") == [401] * 2


def test_when_the_counters_are_away_requests_pass(start_gateway) -> None:
    call: Caller = start_gateway(limits_url=f"redis://127.0.0.1:{free_port()}/0", tenant_limit="1/hour")
    assert [call("GET", PATH).status_code for _ in range(5)] == [200] * 5


def test_counters_that_are_away_are_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = Limiter(f"redis://127.0.0.1:{free_port()}/0")
    tried = []
    monkeypatch.setattr(limiter.windows, "hit", lambda *_: tried.append(1) or limiter.storage.incr("x", 1))
    for _ in range(5):
        limiter.count(Limit("tenant", "1/hour"), "x")
    assert len(tried) == 1
