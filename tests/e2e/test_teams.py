"""A tenant's people and keys, and its suspension, through the gateway and by real mails."""

import re
from datetime import timedelta
from uuid import uuid4

import requests

from chassis.core.clock import rfc3339, utcnow
from tests.e2e.harness import OPERATOR, build_merchant, build_network, until
from tests.e2e.signed import Signed

TEAM = "/api/v1/tenant/users"
PASSWORD = "warm-floors-in-winter"


def token_in_mail(platform, address):
    """What the link of the newest mail to somebody carries."""
    mails = until(lambda: platform.mailbox(address), what=f"a mail to {address}")
    return re.search(r"token=([\w-]+)", mails[-1]["text"])[1]


def accept(platform, token, name="Nils Dahl"):
    body = {"token": token, "name": name, "password": PASSWORD}
    return requests.post(f"{platform.url}/session/accept-invitation", json=body, timeout=20)


def test_a_colleague_joins_by_the_link_in_a_mail(platform, network):
    address = f"nils-{uuid4().hex[:8]}@supplier.example"
    invitation = {"email": address, "name": "Nils", "role": "SupplierViewer"}
    invited = network.supplier.post(TEAM, invitation)
    assert (invited.status_code, invited.json()["status"]) == (201, "Invited")
    token = token_in_mail(platform, address)
    assert accept(platform, token).status_code == 201
    assert accept(platform, token).json()["code"] == "link_invalid"
    nils = platform.user(address, PASSWORD)
    assert nils.get("/api/v1/me").json()["name"] == "Nils Dahl"
    assert nils.post("/api/v1/campaigns", {}).status_code == 403
    assert len(platform.mailbox(address)) == 1


def test_a_suspended_colleague_is_out_within_five_seconds(platform, network):
    viewer = network.viewer
    team = network.supplier.get(TEAM).json()["items"]
    viewer_id = next(person["id"] for person in team if person["email"] == viewer.email)
    assert viewer.get("/api/v1/campaigns").status_code == 200
    changed = network.supplier.ask("PATCH", f"{TEAM}/{viewer_id}", {"suspended": True})
    assert changed.json()["status"] == "Suspended"
    until(lambda: viewer.get("/api/v1/campaigns").status_code == 401, within=5, what="being signed out")
    network.supplier.ask("PATCH", f"{TEAM}/{viewer_id}", {"suspended": False})


def test_a_tenant_makes_its_own_key_that_ends(platform):
    """The gateway remembers the secret and refuses the key all the same; so it does its tokens."""
    merchant = build_merchant(platform)
    end = rfc3339(utcnow() + timedelta(seconds=6))
    key = merchant.admin.post("/api/v1/tenant/api-keys", {"name": "ERP", "expiresAt": end}).json()
    software = Signed(platform.url, key["apiKey"], key["secret"])
    form = {"grant_type": "client_credentials", "client_id": key["apiKey"], "client_secret": key["secret"]}
    token = requests.post(f"{platform.url}/oauth/token", data=form, timeout=10).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}

    def statuses():
        me = requests.get(f"{platform.url}/api/v1/me", headers=bearer, timeout=10)
        return software.get("/api/v1/campaigns").status_code, me.status_code

    assert statuses() == (200, 200)
    until(lambda: statuses() == (401, 401), within=15, what="the end of the key")


def test_a_suspended_tenant_is_refused_everywhere_until_it_is_resumed(platform):
    """S0-4: within seconds, people and keys alike; others go on."""
    operator, merchant, other = platform.user(*OPERATOR), build_merchant(platform), build_network(platform, retailers=0)
    address = f"/api/v1/admin/tenants/{merchant.tenant_id}"
    assert merchant.admin.get("/merchant/api/v1/campaigns").status_code == 200
    assert operator.ask("PATCH", address, {"suspended": True}).json()["suspended"] is True
    until(lambda: merchant.admin.get("/api/v1/me").status_code == 403, within=5, what="the suspension")
    assert merchant.admin.get("/api/v1/me").json()["code"] == "tenant_suspended"
    assert merchant.software.get("/api/v1/campaigns").status_code == 403
    again = {"grant_type": "password", "username": merchant.admin.email, "password": merchant.admin.password}
    assert requests.post(f"{platform.url}/oauth/token", data=again, timeout=10).status_code == 403
    assert other.supplier.get("/api/v1/campaigns").status_code == 200
    operator.ask("PATCH", address, {"suspended": False})
    until(lambda: merchant.admin.get("/api/v1/me").status_code == 200, within=5, what="the resumption")
    assert merchant.software.get("/api/v1/campaigns").status_code == 200


def test_a_tenant_ends_with_its_people_when_its_grace_is_over(platform):
    """At once here (``CONCORD_TENANT_GRACE_DAYS``); its shop's door stays shut."""
    operator = platform.user(*OPERATOR)
    merchant = build_merchant(platform)
    address = f"/api/v1/admin/tenants/{merchant.tenant_id}"
    assert operator.delete(address).json()["code"] == "not_exported"
    assert operator.delete(f"{address}?exported=true").status_code == 202
    people = f"{address}/users"
    until(lambda: operator.get(people).json()["totalItems"] == 0, within=40, what="the end of the tenant")
    assert operator.get(f"{address}/api-keys").json()["items"] == []
    assert operator.ask("PATCH", address, {"suspended": False}).json()["code"] == "tenant_ended"
    assert merchant.software.get("/api/v1/campaigns").status_code in (401, 403)
