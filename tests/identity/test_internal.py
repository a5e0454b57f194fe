"""What the gateway and the services ask identity: the access feed (features in force) and single tenants."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine

from chassis.core.clock import CLOCKS_APART
from chassis.core.principal import Principal
from contracts.roles import Role
from services.identity.signing_keys.rules import MARGIN
from tests.identity.conftest import ADMIN, is_problem
from tests.plugin import principal

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


def test_the_feed_tells_everything_at_first(identity, tenant):
    other = identity.tenant("Fjord Retail", "Retailer")
    feed = identity.feed()
    assert set(feed) == {"at", "tenants", "revoked"}
    assert sorted(feed["tenants"], key=lambda entry: entry["id"]) == [
        {
            "id": tenant,
            "slug": "nordic-heating",
            "name": "Nordic Heating",
            "kind": "Supplier",
            "features": ["campaigns", "prm"],
            "suspended": False,
        },
        {
            "id": other,
            "slug": "fjord-retail",
            "name": "Fjord Retail",
            "kind": "Retailer",
            "features": [],
            "suspended": False,
        },
    ]


def test_after_that_only_what_has_changed_and_three_minutes_before(identity):
    """S0-4: a change that waited for its lock, stamped by a clock that is late, is told all the same."""
    with time_machine.travel(NOW, tick=False) as clock:
        first, second = identity.tenant("One"), identity.tenant("Two")
        clock.shift(181)
        seen = identity.feed()["at"]
        assert seen == "2026-04-01T12:03:01Z"
        assert identity.feed(seen)["tenants"] == []
        identity.admin.put(f"{ADMIN}/{first}/features", json={"messaging": True})
        assert [entry["features"] for entry in identity.feed(seen)["tenants"]] == [["messaging"]]
        clock.shift(179)
        identity.admin.patch(f"{ADMIN}/{second}", json={"name": "Three"})
        names = [entry["name"] for entry in identity.feed(identity.feed()["at"])["tenants"]]
        assert sorted(names) == ["One", "Three"]


def test_revoked_are_told_as_long_as_a_token_may_live(identity, tenant, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        key = identity.api_key(tenant)["id"]
        identity.admin.delete(f"{ADMIN}/{tenant}/users/{anna}")
        identity.admin.delete(f"{ADMIN}/{tenant}/api-keys/{key}")
        clock.shift(timedelta(seconds=900) + MARGIN)
        assert {entry["id"] for entry in identity.feed()["revoked"]} == {anna, key}
        clock.shift(1)
        assert identity.feed()["revoked"] == []


def test_what_the_gateway_was_told_is_not_repeated_but_for_three_minutes(identity, tenant, anna):
    """Sign-ins as well, whose tokens are refused whenever they were issued."""
    with time_machine.travel(NOW, tick=False) as clock:
        token = identity.sign_in().json["access_token"]
        ended, key, vera = (
            identity.claims(token)["sid"],
            identity.api_key(tenant)["id"],
            identity.user(tenant, "vera@nordic-heating.example"),
        )
        me = identity.as_bearer(token)
        assert me.delete(f"/api/v1/me/sessions/{ended}").status_code == 204
        identity.admin.delete(f"{ADMIN}/{tenant}/users/{vera}")
        identity.admin.delete(f"{ADMIN}/{tenant}/api-keys/{key}")
        clock.shift(180)
        seen = identity.feed()["at"]
        assert {entry["id"] for entry in identity.feed(seen)["revoked"]} == {ended, key, vera}
        clock.shift(1)
        assert identity.feed(identity.feed()["at"])["revoked"] == []
        assert {entry["id"] for entry in identity.feed()["revoked"]} == {ended, key, vera}
        old = (NOW - timedelta(days=1)).isoformat()
        clock.shift(timedelta(seconds=900) + MARGIN)
        assert identity.feed(old)["revoked"] == []


def test_a_token_of_a_removed_key_is_refused_though_a_clock_was_ahead(identity, tenant):
    """Another process issued it two minutes in our future."""
    with time_machine.travel(NOW, tick=False):
        key = identity.api_key(tenant)["id"]
        identity.admin.delete(f"{ADMIN}/{tenant}/api-keys/{key}")
        [revoked] = identity.feed()["revoked"]
        assert (revoked["id"], datetime.fromisoformat(revoked["at"])) == (key, NOW + CLOCKS_APART)


@pytest.mark.parametrize("since", ["yesterday", "2026-04-01T12:00:00", "2026-04-01", "1775044800"])
def test_a_since_that_is_no_time_is_refused(identity, since):
    gateway = identity.running.client(Principal.system("gateway"), sender="gateway")
    is_problem(gateway.get("/internal/access", query_string={"since": since}), 422, "validation_failed")


@pytest.mark.parametrize("sender", ["prm", "campaigns", "notifier", "messaging", "promotions", "affiliates"])
def test_a_service_reads_any_tenant_on_behalf_of_another(identity, tenant, sender):
    supplier = principal(Role.SUPPLIER_ADMIN)
    asking = identity.running.client(supplier, sender=sender)
    assert asking.get(f"/internal/tenants/{tenant}").json == {
        "id": tenant,
        "slug": "nordic-heating",
        "name": "Nordic Heating",
        "kind": "Supplier",
        "timeZone": "Europe/Stockholm",
        "features": ["campaigns", "prm"],
    }
    is_problem(asking.get(f"/internal/tenants/{uuid4()}"), 404, "not_found")


def test_the_gateway_reads_what_signed_requests_are_checked_with(identity, tenant):
    """S2-26: the secret of a present key, and of no other."""
    key, gone = identity.api_key(tenant), identity.api_key(tenant)
    identity.admin.delete(f"{ADMIN}/{tenant}/api-keys/{gone['id']}")
    gateway = identity.running.client(Principal.system("gateway"), sender="gateway")
    answer = gateway.get(f"/internal/api-keys/{key['apiKey']}")
    assert answer.json == {
        "id": key["id"],
        "name": "till",
        "secret": key["secret"],
        "expiresAt": None,
        "tenant": {
            "id": tenant,
            "slug": "nordic-heating",
            "name": "Nordic Heating",
            "kind": "Supplier",
            "features": ["campaigns", "prm"],
            "suspended": False,
        },
    }
    assert answer.headers["Cache-Control"] == "no-store"
    for name in (gone["apiKey"], "ck_0", key["apiKey"].upper(), key["id"], "%25", "x" * 500):
        is_problem(gateway.get(f"/internal/api-keys/{name}"), 404, "not_found")


def test_keys_that_have_signed_requests_say_when(identity, tenant):
    """Also in many at once, and without a word in the audit trail; a removed key stays as it was."""
    used, unused, gone = (identity.api_key(tenant)["id"] for _ in range(3))
    identity.admin.delete(f"{ADMIN}/{tenant}/api-keys/{gone}")
    before = identity.rows()
    gateway = identity.running.client(Principal.system("gateway"), sender="gateway")
    with time_machine.travel(NOW, tick=False):
        answer = gateway.post("/internal/api-keys/used", json={"ids": [used, gone, str(uuid4())]})
    assert answer.json == {"noted": 1}
    shown = identity.admin.get(f"{ADMIN}/{tenant}/api-keys").json["items"]
    assert {key["id"]: key["lastUsedAt"] for key in shown} == {used: "2026-04-01T12:00:00Z", unused: None}
    assert identity.rows() == before
    for ids in ([used] * 1001, ["x"], used, None):
        is_problem(gateway.post("/internal/api-keys/used", json={"ids": ids}), 422, "validation_failed")


def test_nobody_else_reads_a_secret(identity, tenant):
    """Not even the gateway on behalf of somebody."""
    path = f"/internal/api-keys/{identity.api_key(tenant)['apiKey']}"
    admin = principal(Role.MERCHANT_ADMIN, tenant_id=tenant)
    for caller, sender in (
        (Principal.system("affiliates"), "affiliates"),
        (admin, "gateway"),
        (identity.operator, "prm"),
    ):
        is_problem(identity.running.client(caller, sender=sender).get(path), 403, "forbidden")
    is_problem(identity.nobody.get(path), 401, "unauthorized")


def test_a_caller_of_another_issuer_is_told_what_that_issuer_says(identity, tenant):
    foreign = principal(Role.SUPPLIER_ADMIN, tenant_id=tenant, name="Fredrik")
    me = identity.running.client(foreign).get("/api/v1/me").json
    assert (me["name"], me["email"], me["tenant"]["id"]) == ("Fredrik", None, tenant)
    is_problem(identity.running.client(principal(Role.SUPPLIER_ADMIN)).get("/api/v1/me"), 401, "unauthorized")
