"""Signing in, features, and the gateway as the single entry point."""

import time
from uuid import uuid4

import jwt
import pytest
import requests

from concord.platform import port_of
from tests.e2e.harness import OPERATOR, PASSWORD, until


def test_signing_in_refreshing_and_me(platform, network):
    form = {"grant_type": "password", "username": network.supplier.email, "password": PASSWORD}
    tokens = requests.post(f"{platform.url}/oauth/token", data=form, timeout=10).json()
    assert tokens["token_type"] == "Bearer"
    refreshed = requests.post(
        f"{platform.url}/oauth/token",
        data={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        timeout=10,
    )
    assert refreshed.status_code == 200
    me = network.supplier.get("/api/v1/me").json()
    assert (me["role"], me["tenant"]["id"], me["tenant"]["kind"]) == ("SupplierAdmin", network.supplier_id, "Supplier")
    assert me["features"]["campaigns"] is True
    assert me["features"]["affiliates"] is False


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password", "username": "nobody@nowhere.example", "password": "x"},
        {"grant_type": "password", "username": OPERATOR[0], "password": "wrong"},
        {"grant_type": "refresh_token", "refresh_token": "made-up"},
        {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"},
        {"grant_type": "magic"},
        {},
    ],
)
def test_wrong_credentials_are_refused_as_oauth_says(platform, form):
    answer = requests.post(f"{platform.url}/oauth/token", data=form, timeout=10)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] in ("invalid_grant", "invalid_client", "unsupported_grant_type", "invalid_request")


def test_the_token_is_verified_with_the_published_keys_alone(platform, network):
    token = network.supplier.sign_in()
    keys = jwt.PyJWKClient(f"{platform.url}/.well-known/jwks.json")
    claims = jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=["EdDSA"], audience="concord")
    assert claims["tenant"] == network.supplier_id


def test_a_machine_signs_in_with_its_key(platform, network):
    operator = platform.user(*OPERATOR)
    key = operator.post(f"/api/v1/admin/tenants/{network.supplier_id}/api-keys", {"name": "ERP"}).json()
    form = {"grant_type": "client_credentials", "client_id": key["apiKey"], "client_secret": key["secret"]}
    token = requests.post(f"{platform.url}/oauth/token", data=form, timeout=10).json()["access_token"]
    me = requests.get(f"{platform.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
    assert (me["role"], me["tenant"]["id"]) == ("Machine", network.supplier_id)
    listed = operator.get(f"/api/v1/admin/tenants/{network.supplier_id}/api-keys").text
    assert key["secret"] not in listed


def test_a_feature_is_switched_within_five_seconds_without_signing_in_again(platform, network):
    """S0-1, S0-2, S0-4: the operator switches, the tenant cannot."""
    operator = platform.user(*OPERATOR)
    address = f"/api/v1/admin/tenants/{network.supplier_id}/features"
    anna = network.supplier
    assert anna.get("/api/v1/campaigns").status_code == 200
    assert anna.put(address, {"campaigns": True}).status_code == 403
    assert operator.put(address, {"campaigns": False}).status_code == 200
    started = time.monotonic()
    until(lambda: anna.get("/api/v1/campaigns").status_code == 403, within=5, what="switching off")
    assert time.monotonic() - started <= 5
    assert anna.get("/api/v1/campaigns").json()["code"] == "feature_disabled"
    assert anna.get("/api/v1/prm/tiers").status_code == 200
    assert anna.get("/api/v1/me").json()["features"]["campaigns"] is False
    operator.put(address, {"campaigns": True})
    until(lambda: anna.get("/api/v1/campaigns").status_code == 200, within=5, what="switching on")


def test_a_removed_user_is_out_within_five_seconds(platform, network):
    operator = platform.user(*OPERATOR)
    users = operator.get(f"/api/v1/admin/tenants/{network.supplier_id}/users").json()["items"]
    viewer = next(user for user in users if user["email"] == network.viewer.email)
    assert network.viewer.get("/api/v1/campaigns").status_code == 200
    gone = operator.delete(f"/api/v1/admin/tenants/{network.supplier_id}/users/{viewer['id']}")
    assert gone.status_code == 204
    until(lambda: network.viewer.get("/api/v1/campaigns").status_code == 401, within=5, what="being signed out")


def test_nobody_gets_in_without_a_credential(platform):
    for path in ("/api/v1/campaigns", "/api/v1/prm/tiers", "/api/v1/me", "/api/v1/admin/tenants"):
        answer = requests.get(platform.url + path, timeout=10)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["X-Request-Id"] == answer.json()["requestId"]


def test_an_identity_made_up_by_a_client_counts_nowhere(platform, network):
    """Neither through the gateway nor straight at a service's port."""
    forged = jwt.encode({"sub": str(uuid4()), "role": "PlatformAdmin", "aud": "campaigns"}, "k" * 32, algorithm="HS256")
    headers = {"X-Concord-Identity": forged, "X-Internal-User": "admin", "X-Forwarded-User": "admin"}
    direct = f"http://127.0.0.1:{port_of('campaigns', platform.port)}/api/v1/campaigns"
    bearer = {"Authorization": f"Bearer {network.supplier.sign_in()}"}
    for url, more in ((platform.url + "/api/v1/campaigns", {}), (direct, {}), (direct, bearer)):
        assert requests.get(url, headers=headers | more, timeout=10).status_code == 401
    mine = network.supplier.get("/api/v1/me", headers=headers).json()
    assert mine["role"] == "SupplierAdmin"


def test_internal_endpoints_are_not_routed(network):
    assert network.supplier.get("/internal/access").status_code == 404
    assert network.supplier.post("/internal/network/expand", {"retailerIds": []}).status_code == 404


def test_deliveries_show_what_was_sent_to_whom(platform, network):
    """S0-27, as the retailer's admin sees it."""
    shop, owner = next(iter(network.retailers.items()))
    campaign = {
        "name": "Seen in deliveries",
        "description": "d",
        "participationAsk": "p",
        "startDate": "2027-01-01T00:00:00Z",
        "endDate": "2027-02-01T00:00:00Z",
    }
    created = network.supplier.post("/api/v1/campaigns", campaign).json()["id"]
    sent = network.supplier.post(f"/api/v1/campaigns/{created}/send", {"retailerIds": [shop]})
    assert sent.json()["invitesCreated"] == 1

    def sent_deliveries():
        items = owner.get("/api/v1/notifications/deliveries?topic=invite").json()["items"]
        return [item for item in items if item["state"] == "sent"]

    (delivery,) = until(sent_deliveries, what="a delivery")
    assert delivery["to"] == owner.email
    assert "Seen in deliveries" in delivery["subject"]
    of_supplier = network.supplier.get("/api/v1/notifications/deliveries?pageSize=200").json()["items"]
    assert owner.email not in {item["to"] for item in of_supplier}
