"""Header fields in both directions, as bytes on the wire: nobody forges who they are, nothing of ours is stripped."""

import base64
import re

import pytest

from chassis.core.principal import Principal
from chassis.http.identity import HEADER, Signer
from concord.keys import create_keys
from contracts.roles import Role
from gateway.settings import ip_network
from tests.gateway.conftest import Caller, Platform, Served
from tests.gateway.fakes import FakeService, Planned

PATH = "/api/v1/campaigns"
ID = "X-Concord-Identity"

FORGED = [
    f"{ID}: {{forged}}",
    f"{ID.lower()}: {{forged}}",
    f"{ID.upper()}: {{forged}}",
    "X_Concord_Identity: {forged}",
    "X-Concord_Identity: {forged}",
    "x_concord-identity: {forged}",
    f"{ID}: {{forged}}\r\n{ID}: {{forged}}",
    f"Connection: {ID}\r\n{ID}: {{forged}}",
    f"Connection: {ID}",
    f"Connection: close, {ID}",
    f"Connection: {ID}\r\nConnection: {ID}",
    f"connection: {ID.lower()}",
    "Connection: x-request-id, traceparent, x-forwarded-for, content-length, host, authorization",
    f"Proxy-Connection: {ID}",
    f"Keep-Alive: {ID}",
    f"Trailer: {ID}",
    "TE: trailers",
    "Upgrade: websocket\r\nConnection: Upgrade",
    "HTTP2-Settings: AAMAAABkAAQAAP__\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings",
    "X-Concord-Client: 10.0.0.1",
    "Connection: X-Concord-Client\r\nX-Concord-Client: 10.0.0.1",
    "X-Concord-Tenant: other",
    "X-Concord-Role: PlatformAdmin",
    "X-Concord-Anything: 1",
    "X-Internal-User: admin",
    "X_Internal_User: admin",
    "X-Internal-Token: {forged}",
    "X-Forwarded-For: 10.0.0.1",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Proto: https",
    "X-Forwarded-User: admin",
    "X-Forwarded-Prefix: /internal",
    "X_Forwarded_For: 10.0.0.1",
    "Forwarded: for=10.0.0.1;host=evil.example;proto=https",
    "X-Real-IP: 10.0.0.1",
    "True-Client-IP: 10.0.0.1",
    "Via: 1.1 evil",
    "X-Original-URL: /internal/access",
    "X-Rewrite-URL: /internal/access",
    "X-HTTP-Method-Override: DELETE",
    "X-HTTP-Method: DELETE",
    "X-Method-Override: DELETE",
    "Proxy: http://evil.example",
    "Proxy-Authorization: Basic eDp5",
    "Cookie: session=1",
    "X-Signature: abc",
    "X-Timestamp: 1764000000",
    "Authorization_: Bearer {forged}",
    "Expect: 100-continue",
    "X-Host: evil.example",
]


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> str:
    keys = tmp_path_factory.mktemp("evil")
    create_keys(keys, ["gateway"])
    evil = Principal.from_claims(
        {"sub": "0" * 32, "tenant": "1" * 32, "role": "PlatformAdmin", "name": "Mallory"}
        | {"tenant_name": "", "tenant_kind": "", "features": []}
    )
    return Signer(keys, "gateway").sign(evil, "campaigns")


@pytest.mark.parametrize("lines", FORGED)
def test_nobody_forges_a_field_of_ours(served: Served, campaigns: FakeService, forged: str, lines: str) -> None:
    text = lines.replace("{forged}", forged)
    status, _, _ = served.raw(
        f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{token}}\r\nAccept: a/b\r\n{text}\r\n\r\n"
    )
    assert status in (100, 200, 401) if "Authorization_" in lines else status in (100, 200)
    seen = campaigns.seen[0]
    assert seen.method == "GET"
    assert seen.caller is not None
    assert (seen.caller.role, seen.caller.name) == (Role.SUPPLIER_ADMIN, "Anna")
    assert [name.lower() for name, _ in seen.headers].count(HEADER.lower()) == 1
    assert seen.names == {
        "host", "accept", "x-request-id", "traceparent", "x-forwarded-for", "x-forwarded-proto", "x-concord-client",
        HEADER.lower(),
    }  # fmt: skip
    assert seen.get("Host") == f"127.0.0.1:{campaigns.port}"
    assert seen.get("X-Forwarded-For") == "127.0.0.1"
    assert seen.get("X-Forwarded-Proto") == "http"
    assert seen.get("X-Concord-Client") == "127.0.0.1"


def test_a_connection_option_strips_only_the_clients_own_fields(served: Served, campaigns: FakeService) -> None:
    served.raw(
        f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {{token}}\r\nConnection: close, X-Mine ,if-match\r\n"
        'X-Mine: 1\r\nIf-Match: "1"\r\nIf-None-Match: "2"\r\n\r\n'
    )
    assert "x-mine" not in campaigns.seen[0].names
    assert "if-match" not in campaigns.seen[0].names
    assert campaigns.seen[0].get("If-None-Match") == '"2"'


def test_what_clients_need_is_passed_on(call: Caller, campaigns: FakeService) -> None:
    sent = {
        "Accept": "application/json",
        "Accept-Language": "sv",
        "If-Match": '"7"',
        "Idempotency-Key": "abc",
        "X-Idempotency-Key": "abc",
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "shop/1.0",
    }
    call("POST", PATH, headers=sent, data=b"{}")
    seen = campaigns.seen[0]
    assert {name: seen.get(name) for name in sent} == sent
    assert seen.get("Content-Length") == "2"


def test_text_is_passed_on_untouched(call: Caller, platform: Platform) -> None:
    """D62: it is brought to NFC where it is read; here it may be signed, or part of a credential."""
    decomposed = "bjo\u0308rn:lo\u0308senord"
    body = "\ufeffusername=bjo\u0308rn&password=lo%CC%88senord".encode()
    basic = f"Basic {base64.b64encode(decomposed.encode()).decode()}"
    sent = {"Authorization": basic, "Content-Type": "application/x-www-form-urlencoded"}
    call("POST", "/oauth/token?x=bjo%CC%88rn", headers=sent, data=body)
    seen = platform.identity.last("/oauth/token")
    assert (seen.get("Authorization"), seen.body) == (basic, body)
    assert seen.target == "/oauth/token?x=bjo%CC%88rn"


def test_a_trusted_proxy_may_say_whence_a_request_comes(start_gateway, campaigns: FakeService) -> None:
    call = start_gateway(trusted_proxies=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")))
    forwarded = {"X-Forwarded-For": "1.2.3.4, 203.0.113.9, 10.0.0.7", "X-Forwarded-Proto": "https"}
    call("GET", PATH, headers=forwarded | {"X-Forwarded-Host": "evil.example"})
    call("GET", PATH, headers=forwarded, environ={"REMOTE_ADDR": "198.51.100.1"})
    trusted, other = campaigns.seen
    assert trusted.get("X-Forwarded-For") == "1.2.3.4, 203.0.113.9, 10.0.0.7, 127.0.0.1"
    assert trusted.get("X-Forwarded-Proto") == "https"
    assert trusted.get("X-Concord-Client") == "203.0.113.9"
    assert trusted.get("X-Forwarded-Host") is None
    assert other.get("X-Forwarded-For") == "198.51.100.1"
    assert other.get("X-Concord-Client") == "198.51.100.1"
    assert other.get("X-Forwarded-Proto") == "http"


@pytest.mark.parametrize(
    ("way", "client"),
    [
        ("1.2.3.4:5678", "1.2.3.4"),
        ("1.2.3.4:5678, 10.0.0.7:443", "1.2.3.4"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("unknown", "unknown"),
    ],
)
def test_a_port_is_no_part_of_a_clients_address(start_gateway, campaigns: FakeService, way: str, client: str) -> None:
    """SECURITY M3: one address, whatever port each connection has."""
    call = start_gateway(trusted_proxies=(ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")))
    call("GET", PATH, headers={"X-Forwarded-For": way})
    [seen] = campaigns.seen
    assert seen.get("X-Concord-Client") == client
    assert seen.get("X-Forwarded-For") == f"{way}, 127.0.0.1"


# Answers


def test_what_is_internal_does_not_come_back(served: Served, campaigns: FakeService) -> None:
    hidden = {
        "Server": "gunicorn/27",
        "X-Powered-By": "Flask",
        "X-Concord-Identity": "secret",
        "X-Internal-Host": "db1",
        "X-Forwarded-For": "10.0.0.1",
        "Set-Cookie": "session=1",
        "Keep-Alive": "timeout=5",
        "Proxy-Authenticate": "Basic",
        "Upgrade": "h2c",
        "Via": "1.1 x",
        "X-Debug": "named by Connection",
        "Connection": "X-Debug",
        "X-Request-Id": "the service's",
    }
    passed_back = {
        "Content-Type": "application/json",
        "ETag": '"3"',
        "Location": f"{campaigns.url}{PATH}/7",
        "Link": "<x>",
    }
    passed_back |= {"Concord-Waited": "0", "Retry-After": "5"}
    campaigns.plan(PATH, Planned(201, headers=hidden | passed_back))
    status, headers, body = served.raw(
        f"GET {PATH} HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\nAuthorization: Bearer {{token}}\r\n\r\n"
    )
    assert (status, body) == (201, b'{"ok": true}')
    assert set(headers) == {
        "server", "date", "connection", "content-length", "content-type", "etag", "location", "link",
        "x-content-type-options", "x-request-id", "concord-waited", "retry-after",
    }  # fmt: skip
    assert headers["location"] == f"{PATH}/7"
    assert headers["server"] == "gunicorn"
    assert headers["x-request-id"] == "mine"


def test_what_an_answer_says_beside_its_body_comes_back(start_gateway, campaigns: FakeService) -> None:
    """Also in a browser, which shows a page only the fields that it may see."""
    origin = "https://console.example"
    call = start_gateway(cors_origins=frozenset({origin}))
    fields = {"Concord-Waited": "0", "Concord-Warnings": "overlap, price_below_cost", "Retry-After": "2"}
    campaigns.plan(PATH, Planned(200, headers=fields | {"Content-Type": "application/json"}))
    answer = call("GET", PATH, headers={"Origin": origin})
    assert {name: answer.headers.get(name) for name in fields} == fields
    assert set(fields) <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.parametrize("name", ["X-Bad\x00", "X Bad", "X-Bad\x7f"])
def test_a_services_malformed_field_is_left_out(served: Served, campaigns: FakeService, name: str) -> None:
    raw = f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{name}: 1\r\nX-Odd: a\x01b\r\nX-Good: 1\r\n\r\n{{}}".encode(
        "latin-1"
    )
    campaigns.plan(PATH, Planned(raw=raw))
    answer = served.request("GET", PATH)
    assert answer.status in (200, 502)
    assert not {"x-odd", name.lower()} & {key.lower() for key in answer.headers}


# Request id and trace


@pytest.mark.parametrize("offered", ["abc-123", "!" * 128, "a", "~"])
def test_a_well_formed_request_id_is_kept(call: Caller, campaigns: FakeService, offered: str) -> None:
    answer = call("GET", PATH, headers={"X-Request-Id": offered})
    assert answer.headers["X-Request-Id"] == offered
    assert campaigns.seen[0].get("X-Request-Id") == offered


@pytest.mark.parametrize("offered", ["", "a b", "x" * 129, "é", "a\tb"])
def test_any_other_is_replaced(call: Caller, campaigns: FakeService, offered: str) -> None:
    answer = call("GET", PATH, headers={"X-Request-Id": offered})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert campaigns.seen[0].get("X-Request-Id") == answer.headers["X-Request-Id"]


def test_every_answer_has_a_request_id_and_refusals_repeat_it(call: Caller) -> None:
    call.token = None
    for method, target in (("GET", PATH), ("GET", "/nothing"), ("TRACE", PATH), ("GET", "//"), ("GET", "/health/live")):
        answer = call(method, target)
        assert answer.headers["X-Request-Id"]
        if answer.status_code >= 400:
            assert answer.json["requestId"] == answer.headers["X-Request-Id"]


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_valid_trace_goes_on(call: Caller, campaigns: FakeService) -> None:
    call("GET", PATH, headers={"traceparent": TRACE, "tracestate": "a=1"})
    assert campaigns.seen[0].get("traceparent") == TRACE
    assert campaigns.seen[0].get("tracestate") == "a=1"


@pytest.mark.parametrize(
    "offered",
    ["", "x", TRACE.upper(), TRACE + "-00", TRACE.replace("00-0a", "ff-0a"), f"00-{'0' * 32}-b7ad6b7169203331-01",
     f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01", f"{TRACE},{TRACE}"],
)  # fmt: skip
def test_an_invalid_trace_starts_anew(call: Caller, campaigns: FakeService, offered: str) -> None:
    call("GET", PATH, headers={"traceparent": offered, "tracestate": "a=1"})
    passed_on = campaigns.seen[0].get("traceparent")
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", passed_on or "")
    assert passed_on != offered
    assert campaigns.seen[0].get("tracestate") is None


# Browsers


def test_no_origin_is_allowed_unless_listed(call: Caller, start_gateway, platform: Platform) -> None:
    preflight = {"Origin": "https://console.example", "Access-Control-Request-Method": "PUT"}
    assert "Access-Control-Allow-Origin" not in call("OPTIONS", PATH, headers=preflight).headers
    call = start_gateway(cors_origins=frozenset({"https://console.example"}))
    call.token = None
    allowed = call("OPTIONS", PATH, headers=preflight)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://console.example"
    assert "PUT" in allowed.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in allowed.headers["Access-Control-Allow-Headers"]
    refused = call("GET", PATH, headers={"Origin": "https://console.example"})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == "https://console.example"
    assert "Access-Control-Allow-Credentials" not in refused.headers
    for other in ("https://evil.example", "null", "https://console.example.evil"):
        answer = call("OPTIONS", PATH, headers=preflight | {"Origin": other})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.headers["Vary"] == "Origin"
    assert not platform.campaigns.seen
