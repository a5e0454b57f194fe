"""The route table: what leads where, and how a path may be written."""

import re

import pytest

from chassis.http.paths import BadPath, plain
from contracts.error_formats import ERROR_FORMATS
from gateway.routes import KEY_ROUTES, ROUTES, Table, split_target
from tests.gateway.conftest import Caller, Platform
from tests.gateway.fakes import HTML, FakeIdentity, Planned

ROUTED = [
    ("POST", "/oauth/token", "identity"),
    ("POST", "/oauth/revoke", "identity"),
    ("DELETE", "/session", "identity"),
    ("POST", "/session/renew", "identity"),
    ("GET", "/.well-known/jwks.json", "identity"),
    ("GET", "/session/sso/nordic-heating", "identity"),
    ("GET", "/api/v1/me", "identity"),
    ("PUT", "/api/v1/admin/tenants/1/features", "identity"),
    ("GET", "/api/v1/campaigns", "campaigns"),
    ("POST", "/api/v1/campaigns/1/send", "campaigns"),
    ("DELETE", "/api/v1/campaigns/1", "campaigns"),
    ("PATCH", "/api/v1/prm/tiers/1", "prm"),
    ("GET", "/api/v1/messaging/threads/unread-count", "messaging"),
    ("PUT", "/api/v1/messaging/threads/1/read", "messaging"),
    ("GET", "/api/v1/notifications/preferences", "notifier"),
    ("GET", "/api/v1/events", "notifier"),
    ("GET", "/api/v1/events/1", "notifier"),
    ("POST", "/api/v1/webhooks/1/rotate-secret", "notifier"),
    ("POST", "/v2/tenants/fjord-retail/campaigns", "promotions"),
    ("PUT", "/stores/company/fjord-retail/campaigns/7/stores", "promotions"),
    ("GET", "/marketing/campaigns", "promotions"),
    ("GET", "/shops/fjord-retail/checkout/add", "promotions"),
    ("PUT", "/shops/fjord-retail/carts/7/items/8", "promotions"),
    ("DELETE", "/shops/fjord-retail/carts/7", "promotions"),
    ("POST", "/merchant/api/v1/campaigns/7/activate", "affiliates"),
    ("GET", "/affiliate/api/v1/campaigns/7", "affiliates"),
    ("POST", "/api/v1/admin/affiliate-campaigns/7/approve", "affiliates"),
    ("GET", "/api/v1/public/campaigns", "affiliates"),
    ("GET", "/r/maja-sale", "affiliates"),
    ("POST", "/unsubscribe/WyI4ZjNj.4nq1T0b3_-x", "notifier"),
    ("GET", "/dev/mailbox", "notifier"),
    ("GET", "/dev/mailbox.json", "notifier"),
]

TRICKS = [
    "//api/v1/campaigns",
    "/api//v1/campaigns",
    "/api/v1/campaigns//1",
    "/api/v1/./campaigns",
    "/api/v1/prm/../campaigns",
    "/api/v1/prm/..;/campaigns",
    "/api/v1/prm;x=1/tiers",
    "/api/v1/prm/%2e%2e/campaigns",
    "/api/v1/prm/.%2E/campaigns",
    "/api/v1\\campaigns",
    "/api/v1/%63ampaigns",
    "/api/v1/campaigns/x/%73end",
    "/%2Ewell-known/jwks.json",
    "/dev/mailbox%2Ejson",
    "/api/v1/campaigns/%00",
    "/api/v1/campaigns/%7f",
    "/api/v1/campaigns/%C2%80",
    "/api/v1/campaigns/%0d%0aX-Concord-Identity:x",
    "/api/v1/campaigns/%c0%af",
    "/api/v1/campaigns/%ff",
    "/api/v1/campaigns/%zz",
    "/api/v1/campaigns/%",
    "/api/v1/campaigns/%ed%a0%80",
    "/api/v1/campaigns/x y",
    "/api/v1/campaigns#x",
    "/api/v1/campaigns?x=1#y",
    "/api/v1/campaigns/é",
    "/api/v1/campaigns/<x>",
    "/..",
    "/.",
    "http://127.0.0.1/api/v1/campaigns",
    "*",
    "",
    "api/v1/campaigns",
    "@127.0.0.1/api/v1/campaigns",
]

NOT_THERE = [
    "/api/v1/campaigns/",
    "/API/v1/campaigns",
    "/api/v1/Campaigns",
    "/api/v1/campaignsx",
    "/api/v1/campaign",
    "/api/v2/campaigns",
    "/api/v1",
    "/internal/access",
    "/internal/api-keys/ck_1",
    "/shops",
    "/shops/fjord-retail",
    "/shops/fjord-retail/checkout",
    "/shops/fjord-retail/checkout/add/x",
    "/shops/fjord-retail/products",
    "/merchant",
    "/merchant/api/v2/campaigns",
    "/api/v1/public",
    "/v2/tenant",
    "/internal/relationships",
    "/oauth/token/x",
    "/oauth",
    "/dev/mailbox/x",
    "/health",
    "/metrics/",
    "/docs/../docs",
    "/.env",
    "/api/v1/campaigns.json",
    "/api/v1/campaigns%2F1",
    "/api/v1%2Fcampaigns",
    "/api/v1/campaigns%5C1",
    "/api/v1/prm%2F..%2Fcampaigns",
    "/internal%2Faccess",
    "/api/v1/..%2F..%2Finternal%2Faccess",
]


@pytest.mark.parametrize(("method", "path", "service"), ROUTED)
def test_a_path_reaches_its_service_as_it_was_written(
    call: Caller, platform: Platform, method: str, path: str, service: str
) -> None:
    answer = call(method, f"{path}?a=%20b&c=d%2Fe")
    assert answer.status_code == 200
    for fake in platform.all:
        reached = [(seen.method, seen.target) for seen in fake.seen if "?a=" in seen.target]
        assert reached == ([(method, f"{path}?a=%20b&c=d%2Fe")] if fake.name == service else [])


@pytest.mark.parametrize("target", TRICKS)
def test_an_odd_path_is_refused_and_reaches_nobody(call: Caller, platform: Platform, target: str) -> None:
    answer = call("GET", target)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_path")
    assert not platform.campaigns.seen
    assert not platform.prm.seen


@pytest.mark.parametrize("target", NOT_THERE)
def test_what_is_not_in_the_table_is_not_there(call: Caller, platform: Platform, target: str) -> None:
    answer = call("GET", target)
    assert answer.status_code in (400, 404)
    family = target.startswith(("/shops", "/merchant"))  # these answer in their own shape
    assert answer.mimetype == ("application/json" if family else "application/problem+json")
    assert not any(seen.target == target for service in platform.all for seen in service.seen)


@pytest.mark.parametrize("path", ["/api/v1/campaigns/%C3%A9%20@", "/a/b~c!$&'()*+,=:@", "/.well-known/x", "/a/..."])
def test_a_plainly_written_path_stays_as_it_is(path: str) -> None:
    assert split_target(path + '?q="{}"') == (path, '?q="{}"')
    assert plain(path) == path


def test_the_longest_path_decides() -> None:
    table = Table()
    send, rest = table.find("/api/v1/campaigns/1/send"), table.find("/api/v1/campaigns/1/send/x")
    assert send is not None
    assert send.read == 30
    assert rest is not None
    assert rest.path == "/api/v1/campaigns"


def test_only_the_list_of_events_may_be_waited_for() -> None:
    table = Table()
    events, event = table.find("/api/v1/events"), table.find("/api/v1/events/1")
    assert events is not None
    assert events.total == 35
    assert event is not None
    assert event.total is None


def test_the_table_itself_is_plain() -> None:
    for route in (*ROUTES, *KEY_ROUTES):
        assert plain(re.sub(r"{\w+}", "x", route.path)) == re.sub(r"{\w+}", "x", route.path)
        assert route.error_format in ERROR_FORMATS
        assert not route.path.startswith("/internal")
        assert not (route.public and route.feature)
    with pytest.raises(BadPath):
        plain("/a/%2e%2e/b")


@pytest.mark.parametrize("path", ["/dev/mailbox", "/dev/mailbox.json"])
def test_the_development_mailbox_is_absent_in_production(start_gateway, platform: Platform, path: str) -> None:
    call = start_gateway(production=True)
    assert call("GET", path).status_code == 404
    assert not platform.notifier.seen


def test_a_service_that_is_not_deployed_is_away(start_gateway, platform: Platform) -> None:
    call = start_gateway(services={"prm": "http://127.0.0.1:1"})
    answer = call("GET", "/api/v1/prm/tiers")
    assert (answer.status_code, answer.json["code"]) == (503, "upstream_unavailable")
    assert answer.headers["Retry-After"]


PUBLIC = ["/shops/fjord-retail/checkout/add", "/shops/fjord-retail/carts/7", "/api/v1/public/campaigns", "/r/maja-sale"]


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_route_needs_no_credential_and_passes_none_on(call: Caller, platform: Platform, path: str) -> None:
    """Also when one is sent: nobody's identity may decide what a shopper sees."""
    sent = {"X-API-Key": "ck_1", "Authorization": f"Bearer {call.token}"}
    call.token = None
    for headers in ({}, sent, {"X-API-Key": "ck_1", "X-Signature": "0" * 64}):
        assert call("GET", path, headers=headers).status_code == 200
    reached = [seen for fake in (platform.promotions, platform.affiliates) for seen in fake.seen]
    assert [seen.caller for seen in reached] == [None] * 3
    assert not any({"authorization", "x-api-key", "x-signature"} & seen.names for seen in reached)


def test_only_a_link_keeps_a_cookie(call: Caller, platform: Platform) -> None:
    """Both ways; a cookie sent to any other route stays behind, and one set there does not come back."""
    plan = Planned(302, headers={"Location": "https://shop.example/", "Set-Cookie": "click=7"}, body=b"")
    platform.affiliates.plan("/r/maja-sale", plan)
    answer = call("GET", "/r/maja-sale", headers={"Cookie": "click=6"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://shop.example/")
    assert answer.headers["Set-Cookie"] == "click=7"
    assert platform.affiliates.last("/r/maja-sale").get("Cookie") == "click=6"
    for path in ("/api/v1/public/campaigns", "/merchant/api/v1/campaigns"):
        platform.affiliates.plan(path, Planned(200, headers={"Set-Cookie": "a=b", "Content-Type": "application/json"}))
        assert "Set-Cookie" not in call("GET", path, headers={"Cookie": "click=6"}).headers
        assert "cookie" not in platform.affiliates.last(path).names


SHAPES = {
    "/merchant/api/v1/campaigns": {"statusCode", "message", "error"},
    "/api/v1/conversions": {"statusCode", "message", "error"},
    "/stores/company/fjord-retail/campaigns": {"success", "message", "error_code"},
    "/marketing/campaigns": {"error", "message", "path", "status", "timestamp"},
    "/v2/tenants/fjord-retail/campaigns": {"type", "title", "status", "detail", "code", "requestId"},
}


@pytest.mark.parametrize("path", SHAPES)
def test_the_gateway_refuses_in_the_shape_of_its_route(
    start_gateway, platform: Platform, identity: FakeIdentity, path: str
) -> None:
    """S2-29, S3-14, S4-18: 401, 403, 429, 502 and 503 are not the services', and clients read them all the same."""
    call = start_gateway(tenant_limit="4/hour")
    good, call.token = call.token, None
    refused = [call("GET", path)]
    if path != "/api/v1/conversions":  # which nobody who is signed in may use
        call.token = identity.token(features=[])
        refused.append(call("GET", path))
        call.token = good
        service = platform.promotions if "merchant" not in path else platform.affiliates
        service.plan(path, Planned(raw=b"nonsense"))
        refused.append(call("GET", path))
        service.plan(path, Planned(500, headers={"Content-Type": "text/html"}, body=HTML))
        refused.append(call("GET", path))
        for _ in range(3):
            last = call("GET", path)
        refused.append(last)
    assert [answer.status_code for answer in refused] == [401, 403, 502, 500, 429][: len(refused)]
    for answer in refused:
        assert set(answer.json) == SHAPES[path]
        assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("path", SHAPES)
def test_also_what_is_written_oddly_or_leads_nowhere_below(call: Caller, platform: Platform, path: str) -> None:
    """Refused before anybody knows the route: the shape goes by where the path seems to lead, and nothing else does."""
    below = f"{path}/7"
    for method, target, status in (
        ("GET", f"{below}%00", 400),
        ("GET", f"{below}/../8", 400),
        ("GET", f"{below};x", 400),
        ("GET", f"{path}/", 404),
        ("TRACE", below, 405),
    ):
        answer = call(method, target)
        assert (answer.status_code, set(answer.json)) == (status, SHAPES[path]), target
        assert answer.json.get("path", target) == target, "S4-18 names what was asked for, also where it is refused"
    odd = call("GET", f"/api/v1/campaigns/../..{path}")
    assert (odd.status_code, odd.json["code"]) == (400, "bad_path")
    signed = call("GET", "//", headers={"X-API-Key": "ck_1"})
    assert (signed.status_code, signed.json["statusCode"]) == (400, 400)


FAMILIES = {
    "/merchant": SHAPES["/merchant/api/v1/campaigns"],
    "/merchant/api/v2/campaigns": SHAPES["/merchant/api/v1/campaigns"],
    "/stores": SHAPES["/stores/company/fjord-retail/campaigns"],
    "/stores/7": SHAPES["/stores/company/fjord-retail/campaigns"],
    "/marketings": SHAPES["/v2/tenants/fjord-retail/campaigns"],
    "/shops/fjord-retail/basket": SHAPES["/marketing/campaigns"],
    "/v2/companies": SHAPES["/v2/tenants/fjord-retail/campaigns"],
}


@pytest.mark.parametrize("path", FAMILIES)
def test_unknown_paths_answer_in_the_shape_of_their_family(call: Caller, path: str) -> None:
    """D2: also where they are written oddly, and whatever credential is sent."""
    key = {"X-API-Key": "ck_1"} if path != "/marketings" and not path.startswith("/v2") else {}
    for target, status, headers in ((path, 404, {}), (f"{path}?x=1", 404, key), (f"{path}/../x", 400, key)):
        answer = call("GET", target, headers=headers)
        assert (answer.status_code, set(answer.json)) == (status, FAMILIES[path]), target


def test_a_service_that_this_deployment_lacks_is_away_in_its_own_shape(start_gateway, platform: Platform) -> None:
    call = start_gateway(services={"affiliates": "http://127.0.0.1:1"})
    answer = call("GET", "/merchant/api/v1/campaigns")
    assert (answer.status_code, answer.json["statusCode"]) == (503, 503)
    assert answer.headers["Retry-After"]
