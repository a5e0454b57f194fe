"""What the gateway answers itself: health, metrics, the platform's OpenAPI document and its pages."""

import json
from typing import Any

import pytest

from gateway.openapi import merged
from gateway.proxy import Proxy
from gateway.settings import ip_network
from tests.gateway.conftest import Caller, Platform
from tests.gateway.fakes import FakeIdentity, Planned, eventually


def document(paths: dict[str, Any], schemas: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"openapi": "3.0.3", "info": {"title": "x", "version": "v1"}, "paths": paths} | (
        {"components": {"schemas": schemas}} if schemas else {}
    )


def operation(schema: str, **more: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"get": {"responses": {"200": {"description": "ok", "content": content}}} | more}


def publish(platform: Platform, name: str, content: Any) -> None:
    service = next(service for service in platform.all if service.name == name)
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    service.plan("/openapi.json", Planned(body=body))


def test_the_platforms_document_shows_what_is_routed(start_gateway, platform: Platform) -> None:
    publish(
        platform, "identity", document({"/api/v1/me": operation("Me"), "/oauth/token": {}}, {"Me": {"type": "object"}})
    )
    publish(
        platform,
        "campaigns",
        document(
            {
                "/api/v1/campaigns/{campaign_id}": operation("Campaign"),
                "/api/v1/campaigns/{campaign_id}/send": {"post": {}},
                "/internal/campaigns": operation("Campaign"),
                "/api/v1/prm/tiers": operation("Campaign"),
                "/health/live": {},
            },
            {"Campaign": {"type": "object"}},
        ),
    )
    publish(platform, "prm", document({"/api/v1/prm/tiers": operation("Tier")}, {"Tier": {"type": "object"}}))
    publish(platform, "messaging", document({}))
    publish(platform, "promotions", document({}))
    keyed = {
        "/api/v1/campaigns": operation("MerchantCampaign"),
        "/api/v1/campaigns/{id}": operation("MerchantCampaign"),
        "/api/v1/products": operation("Product", security=[{"bearer": []}]),
        "/merchant/api/v1/campaigns": operation("MerchantCampaign"),
    }
    publish(platform, "affiliates", document(keyed))
    platform.notifier.plan("/openapi.json", Planned(500))
    answer = start_gateway()("GET", "/openapi.json")
    assert set(answer.json["paths"]) == {
        "/api/v1/me", "/oauth/token", "/api/v1/campaigns/{campaign_id}", "/api/v1/campaigns/{campaign_id}/send",
        "/api/v1/prm/tiers", "/api/v1/products", "/merchant/api/v1/campaigns",
    }  # fmt: skip
    products = answer.json["paths"]["/api/v1/products"]["get"]
    assert products["security"] == [{"apiKey": [], "timestamp": [], "signature": []}]
    assert {"apiKey", "timestamp", "signature"} <= set(answer.json["components"]["securitySchemes"])
    tiers = answer.json["paths"]["/api/v1/prm/tiers"]
    assert tiers == operation("Tier")
    assert answer.json["x-unavailable"] == ["notifier"]
    assert answer.json["servers"] == [{"url": platform.settings.public_url}]
    assert "internal" not in answer.text


@pytest.mark.parametrize(
    "content", [b"nonsense", b"[]", b"{}", b'{"paths": 1}', b'{"paths": {}, "components": {"x": 1}}']
)
def test_a_document_that_is_none_is_left_out(start_gateway, platform: Platform, content: bytes) -> None:
    for name in ("identity", "campaigns", "messaging", "notifier", "promotions", "affiliates"):
        publish(platform, name, document({}))
    publish(platform, "prm", content)
    answer = start_gateway()("GET", "/openapi.json")
    assert (answer.status_code, answer.json["x-unavailable"]) == (200, ["prm"])


def test_the_document_is_asked_for_rarely(start_gateway, identity: FakeIdentity) -> None:
    call = start_gateway()
    for _ in range(5):
        call("GET", "/openapi.json")
    assert sum(seen.target == "/openapi.json" for seen in identity.seen) == 1


def test_components_of_one_name_are_kept_apart() -> None:
    ref = {"$ref": "#/components/schemas/Item"}
    first = document(
        {"/a": operation("Page")}, {"Page": {"items": ref}, "Item": {"type": "object"}, "Problem": {"x": 1}}
    )
    second = document(
        {"/b": operation("Page")}, {"Page": {"items": ref}, "Item": {"type": "string"}, "Problem": {"x": 1}}
    )
    document_ = merged({"campaigns": first, "prm": second})
    schemas = document_["components"]["schemas"]
    assert set(schemas) == {"CampaignsPage", "PrmPage", "CampaignsItem", "PrmItem", "Problem"}
    assert schemas["PrmPage"]["items"] == {"$ref": "#/components/schemas/PrmItem"}
    assert document_["paths"]["/b"] == operation("PrmPage")


def test_operations_of_one_name_and_tags_are_kept_apart() -> None:
    first = document({"/a": operation("X", operationId="list")}) | {"tags": [{"name": "t"}]}
    second = document({"/b": operation("X", operationId="list")}) | {"tags": [{"name": "t"}, {"name": "u"}]}
    document_ = merged({"campaigns": first, "prm": second})
    assert [document_["paths"][path]["get"]["operationId"] for path in ("/a", "/b")] == ["list", "prm_list"]
    assert document_["tags"] == [{"name": "t"}, {"name": "u"}]


def test_the_docs_page_loads_nothing_from_elsewhere(call: Caller) -> None:
    call.token = None
    page = call("GET", "/docs")
    assert page.mimetype == "text/html"
    assert "http" not in page.text.replace("http-equiv", "")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    for file, kind in {
        "swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript", "start.js": "text/javascript",
        "favicon-32x32.png": "image/png",
    }.items():  # fmt: skip
        assert f"/docs/{file}" in page.text
        answer = call("GET", f"/docs/{file}")
        assert (answer.status_code, answer.mimetype) == (200, kind)
    for absent in ("index.html", "swagger-initializer.js", "swagger-ui.css.map", "x"):
        assert call("GET", f"/docs/{absent}").status_code == 404


def test_the_index_points_the_way(call: Caller) -> None:
    call.token = None
    assert call("GET", "/").json["docs"] == "/docs"
    assert call("HEAD", "/").status_code == 200
    assert call("OPTIONS", "/").status_code == 200
    answer = call("POST", "/")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_health_asks_nothing_of_others(start_gateway, identity: FakeIdentity) -> None:
    identity.plan("/internal/access", Planned(500))
    call = start_gateway()
    assert call("GET", "/health/live").json == {"status": "live"}
    answer = call("GET", "/health/ready")  # revocations are not known yet
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    identity.reset()
    assert eventually(lambda: call("GET", "/health/ready").status_code == 200)
    identity.plan("/internal/access", Planned(500))
    before = len(identity.seen)
    assert eventually(lambda: len(identity.seen) > before)
    assert call("GET", "/health/ready").status_code == 200


def test_a_gateway_becomes_ready_without_identity_in_the_end(
    start_gateway, identity: FakeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.app.READY_WITHOUT_IDENTITY", 0.1)
    identity.plan("/internal/access", Planned(500))
    call = start_gateway()
    assert eventually(lambda: call("GET", "/health/ready").status_code == 200)


def test_metrics_are_shown_to_peers_of_the_house_only(call: Caller, start_gateway) -> None:
    call.token = None
    call("GET", "/api/v1/campaigns")
    call("BREW", "/api/v1/campaigns")
    call("GET", "/what-ever")
    text = call("GET", "/metrics").data.decode()
    assert 'concord_requests_total{method="GET",route="/api/v1/campaigns",status="401"}' in text
    assert 'concord_requests_total{method="other",route="none",status="405"}' in text
    assert "what-ever" not in text
    assert "concord_gateway_upstream_in_flight" in text
    for refused in (
        call("GET", "/metrics", environ={"REMOTE_ADDR": "10.0.0.9"}),
        call("GET", "/metrics", headers={"X-Forwarded-For": "127.0.0.1"}),
        call("GET", "/metrics", headers={"Forwarded": "for=127.0.0.1"}),
        call("GET", "/metrics", headers={"Via": "1.1 edge"}),
        call("GET", "/metrics", headers={"X-Real-IP": "127.0.0.1"}),
    ):
        assert (refused.status_code, refused.mimetype) == (404, "application/problem+json")
    call = start_gateway(metrics_from=(ip_network("10.0.0.0/8"),))
    assert call("GET", "/metrics", environ={"REMOTE_ADDR": "10.0.0.9"}).status_code == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW", "PROPFIND"])
def test_odd_methods_are_refused(call: Caller, platform: Platform, method: str) -> None:
    answer = call(method, "/api/v1/campaigns")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "PATCH" in answer.headers["Allow"]
    assert not platform.campaigns.seen


def test_an_unforeseen_failure_tells_nothing(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("/srv/secret")

    monkeypatch.setattr(Proxy, "forward", fail)
    answer = call("GET", "/api/v1/campaigns")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert b"secret" not in answer.data


def test_every_request_leaves_one_line_without_secrets(
    call: Caller, start_gateway, caplog: pytest.LogCaptureFixture
) -> None:
    def lines() -> list[dict[str, Any]]:
        return [record.msg for record in caplog.records if record.name == "gateway.access"]

    with caplog.at_level("INFO", logger="gateway.access"):
        call("GET", "/api/v1/campaigns/7?token=secret", headers={"X-Request-Id": "r1", "Cookie": "secret"})
        start_gateway(access_log=False)("GET", "/api/v1/campaigns/8")
    (line,) = lines()
    assert {name: line[name] for name in ("method", "path", "route", "status", "client", "request_id", "tenant")} == {
        "method": "GET",
        "path": "/api/v1/campaigns/7",
        "route": "/api/v1/campaigns",
        "status": 200,
        "client": "127.0.0.1",
        "request_id": "r1",
        "tenant": call.tenant,
    }
    assert "secret" not in str(line)
    assert call.token not in str(line)
