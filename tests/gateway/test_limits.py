"""How much a tenant and an address may ask."""

import json
from ipaddress import ip_network

import pytest

from gateway.limiting import Limit, Limiter
from tests.gateway.conftest import Caller
from tests.gateway.fakes import FakeIdentity, FakeService, Planned, free_port

PATH = "/api/v1/campaigns"
SIGN_IN_PATHS = ("/session", "/session/passkey", "/oauth/token")
NO_CREDENTIAL_TRIED = (
    ("DELETE", "/session"),
    ("POST", "/session/renew"),
    ("POST", "/session/recover"),
    ("POST", "/session/reset"),
    ("POST", "/session/accept-invitation"),
    ("POST", "/session/passkey/options"),
    ("GET", "/session/sso/start"),
    ("GET", "/session/sso/callback?state=x"),
    ("GET", "/account/reset"),
    ("POST", "/account/reset"),
    ("POST", "/oauth/revoke"),
)
NO_CREDENTIAL_REFUSED = ("unsupported_grant_type", "invalid_request", "second_factor_required")


def oauth_error(error: str) -> bytes:
    return json.dumps({"error": error}).encode()


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


@pytest.mark.parametrize("path", SIGN_IN_PATHS)
def test_refused_sign_ins_stop_nobody_elses_other_requests(start_gateway, identity: FakeIdentity, path: str) -> None:
    """Somebody behind the same address can still renew, sign out, open the links of mails and come by SSO."""
    call = start_gateway(sign_in_limit="3/hour")
    identity.plan(path, Planned(401, body=b"{}"))
    assert [call("POST", path).status_code for _ in range(5)] == [401] * 3 + [429] * 2
    assert {other: call("POST", other).status_code for other in SIGN_IN_PATHS} == dict.fromkeys(SIGN_IN_PATHS, 429)
    identity.reset()
    for method, other in NO_CREDENTIAL_TRIED:
        assert call(method, other).status_code == 200, (method, other)


@pytest.mark.parametrize(("method", "path"), NO_CREDENTIAL_TRIED)
def test_refusals_count_only_where_a_credential_is_tried(
    start_gateway, identity: FakeIdentity, method: str, path: str
) -> None:
    """Else 60 pictures on a foreign page would close the sign-in of a whole office."""
    call = start_gateway(sign_in_limit="3/hour")
    for refusal in (401, 400):
        identity.plan(path.partition("?")[0], Planned(refusal, body=oauth_error("invalid_grant")))
        assert [call(method, path).status_code for _ in range(4)] == [refusal] * 4
    identity.reset()
    assert call("POST", "/session").status_code == 200


def test_a_wrong_password_at_the_token_endpoint_counts_and_a_bad_form_does_not(
    start_gateway, identity: FakeIdentity
) -> None:
    call = start_gateway(sign_in_limit="3/hour")
    for body in (*map(oauth_error, NO_CREDENTIAL_REFUSED), b"{}", b"[]", b"no JSON", b'"invalid_grant"'):
        identity.plan("/oauth/token", Planned(400, body=body))
        assert [call("POST", "/oauth/token").status_code for _ in range(4)] == [400] * 4
    identity.plan("/oauth/token", Planned(400, body=oauth_error("invalid_grant")))
    answers = [call("POST", "/oauth/token") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [400] * 3 + [429] * 2
    assert answers[0].json["error"] == "invalid_grant"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", SIGN_IN_PATHS)
def test_what_a_foreign_page_has_a_browser_send_is_not_counted(
    start_gateway, identity: FakeIdentity, path: str, site: str
) -> None:
    call = start_gateway(sign_in_limit="3/hour")
    for refusal in (Planned(401, body=b"{}"), Planned(400, body=oauth_error("invalid_grant"))):
        identity.plan(path, refusal)
        answers = [call("POST", path, headers={"Sec-Fetch-Site": site}) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {refusal.status}
    identity.plan(path, Planned(401, body=b"{}"))
    own = [call("POST", path, headers={"Sec-Fetch-Site": "same-origin"}).status_code for _ in range(4)]
    assert own == [401] * 3 + [429]
    assert call("POST", path, headers={"Sec-Fetch-Site": site}).status_code == 429


def test_a_directory_with_a_wrong_token_closes_nobodys_sign_in(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway(sign_in_limit="3/hour")
    users, token = "/scim/v2/Users", {"Authorization": "Bearer guess"}
    identity.plan(users, Planned(401, body=b"{}"))
    assert [call("GET", users, headers=token).status_code for _ in range(5)] == [401] * 3 + [429] * 2
    assert {path: call("POST", path).status_code for path in SIGN_IN_PATHS} == dict.fromkeys(SIGN_IN_PATHS, 200)


def test_refused_sign_ins_close_no_directory(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway(sign_in_limit="3/hour")
    identity.plan("/session", Planned(401, body=b"{}"))
    assert [call("POST", "/session").status_code for _ in range(4)] == [401] * 3 + [429]
    assert call("GET", "/scim/v2/Users", headers={"Authorization": "Bearer good"}).status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer guess", "Sec-Fetch-Site": "cross-site"}], ids=["no token", "foreign page"]
)
def test_what_a_foreign_page_can_send_closes_no_directory(
    start_gateway, identity: FakeIdentity, headers: dict[str, str]
) -> None:
    call = start_gateway(sign_in_limit="3/hour")
    call.token = None
    users = "/scim/v2/Users"
    identity.plan(users, Planned(401, body=b"{}"))
    assert [call("GET", users, headers=headers).status_code for _ in range(5)] == [401] * 5
    identity.reset()
    assert call("GET", users, headers={"Authorization": "Bearer good"}).status_code == 200


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
