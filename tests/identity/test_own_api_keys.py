"""API keys that a tenant's admins make themselves, with an end if they want one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine

from chassis.core.clock import utcnow
from chassis.core.principal import Principal
from contracts.roles import Role
from services.identity.signing_keys.rules import MARGIN
from tests.identity.conftest import ADMIN, is_oauth_error, is_problem
from tests.plugin import principal

KEYS = "/api/v1/tenant/api-keys"
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
END = "2026-04-01T13:00:00Z"


@pytest.fixture
def admin(identity, anna):
    return identity.as_user()


def machine(identity, key):
    return identity.token(grant_type="client_credentials", client_id=key["apiKey"], client_secret=key["secret"])


def asked_by_gateway(identity, key):
    gateway = identity.running.client(Principal.system("gateway"), sender="gateway")
    return gateway.get(f"/internal/api-keys/{key['apiKey']}")


def test_an_admin_makes_and_removes_a_key(identity, tenant, admin):
    key = admin.post(KEYS, json={"name": "ERP"})
    assert key.status_code == 201
    assert set(key.json) == {"id", "apiKey", "secret"}
    claims = identity.claims(machine(identity, key.json).json["access_token"])
    assert (claims["role"], claims["tenant"], claims["sub"]) == ("Machine", tenant, key.json["id"])
    (listed,) = admin.get(KEYS).json["items"]
    assert (listed["name"], listed["expiresAt"], listed["lastUsedAt"] is None) == ("ERP", None, False)
    assert key.json["secret"] not in str(listed)
    assert identity.admin.get(f"{ADMIN}/{tenant}/api-keys").json["items"] == [listed]
    assert admin.delete(f"{KEYS}/{key.json['id']}").status_code == 204
    is_oauth_error(machine(identity, key.json), 401, "invalid_client")
    assert [entry["actorName"] for entry in identity.trail(key.json["id"])] == ["Anna", "Anna"]
    is_problem(admin.delete(f"{KEYS}/{key.json['id']}"), 404, "not_found")


def test_a_key_ends_with_its_tokens(identity, tenant):
    with time_machine.travel(NOW, tick=False) as clock:
        admin = identity.running.client(identity.fresh(principal(tenant_id=UUID(tenant))))
        key = admin.post(KEYS, json={"name": "ERP", "expiresAt": "2026-04-01T15:00:00+02:00"}).json
        assert admin.get(KEYS).json["items"][0]["expiresAt"] == END
        assert machine(identity, key).json["expires_in"] == 900
        assert asked_by_gateway(identity, key).json["expiresAt"] == END
        clock.shift(timedelta(minutes=50))
        granted = machine(identity, key).json
        assert granted["expires_in"] == 600
        assert identity.claims(granted["access_token"])["exp"] == (NOW + timedelta(hours=1)).timestamp()
        clock.shift(timedelta(seconds=599))
        assert machine(identity, key).json["expires_in"] == 1
        assert identity.feed()["revoked"] == []
        clock.shift(1)
        is_oauth_error(machine(identity, key), 401, "invalid_client")
        is_problem(asked_by_gateway(identity, key), 404, "not_found")
        assert identity.feed()["revoked"] == [{"id": key["id"], "at": END}], "the gateway refuses its tokens"
        clock.shift(timedelta(minutes=15, seconds=1) + MARGIN)
        assert identity.feed()["revoked"] == []
        assert admin.get(KEYS).json["totalItems"] == 1, "until somebody removes it"


@pytest.mark.parametrize(
    "body",
    [
        {"name": " "},
        {"name": None},
        {"name": "ERP", "expiresAt": "2026-04-01T12:00:00Z"},
        {"name": "ERP", "expiresAt": "2020-01-01T00:00:00Z"},
        {"name": "ERP", "expiresAt": "2027-01-01"},
        {"name": "ERP", "expiresAt": "soon"},
        {"name": "ERP", "secret": "mine"},
    ],
)
def test_bad_keys_are_refused_and_nothing_is_written(identity, tenant, body):
    with time_machine.travel(NOW, tick=False):
        admin = identity.running.client(identity.fresh(principal(tenant_id=UUID(tenant))))
        before = identity.rows()
        problem = is_problem(admin.post(KEYS, json=body), 422, "validation_failed")
        assert {error["field"] for error in problem["errors"]} == {list(body)[-1]}
        assert identity.rows() == before


def test_keys_need_a_fresh_factor(identity, tenant, admin):
    """Also of the operator: a stolen access token makes no lasting key."""
    key = admin.post(KEYS, json={"name": "ERP"}).json
    before = identity.rows()
    stale = identity.running.client(principal(Role.PLATFORM_ADMIN))
    is_problem(stale.post(f"{ADMIN}/{tenant}/api-keys", json={"name": "ERP"}), 403, "step_up_required")
    is_problem(stale.delete(f"{ADMIN}/{tenant}/api-keys/{key['id']}"), 403, "step_up_required")
    with time_machine.travel(utcnow() + timedelta(minutes=11)):
        is_problem(admin.post(KEYS, json={"name": "ERP"}), 403, "step_up_required")
        is_problem(admin.delete(f"{KEYS}/{key['id']}"), 403, "step_up_required")
        assert admin.get(KEYS).status_code == 200
    assert identity.rows() == before


def test_a_repeated_post_makes_one_key(identity, tenant, admin):
    """D7; its secret is shown once, also to the operator."""
    operators = f"{ADMIN}/{tenant}/api-keys"
    for client, path, keys in ((admin, KEYS, 1), (identity.admin, operators, 2)):
        first, again = (client.post(path, json={"name": "ERP"}, headers={"Idempotency-Key": "erp"}) for _ in range(2))
        assert machine(identity, first.json).status_code == 200
        assert first.json["secret"] not in str(is_problem(again, 409, "already_done"))
        assert admin.get(KEYS).json["totalItems"] == keys


def test_keys_of_another_tenant_are_404(identity, tenant, admin):
    key = admin.post(KEYS, json={"name": "ERP"}).json
    other = identity.tenant("Other")
    identity.user(other, "olle@other.example")
    stranger = identity.as_user("olle@other.example")
    foreign, absent = stranger.delete(f"{KEYS}/{key['id']}"), stranger.delete(f"{KEYS}/{uuid4()}")
    is_problem(foreign, 404, "not_found")
    assert foreign.json | {"requestId": 0} == absent.json | {"requestId": 0}
    assert stranger.get(KEYS).json["items"] == []
    assert machine(identity, key).status_code == 200


def test_viewers_and_machines_have_no_say(identity, tenant, anna):
    identity.user(tenant, "vera@nordic-heating.example", "SupplierViewer")
    key = identity.api_key(tenant)
    software = identity.as_bearer(machine(identity, key).json["access_token"])
    for client in (identity.as_user("vera@nordic-heating.example"), software):
        for answer in (
            client.get(KEYS),
            client.post(KEYS, json={"name": "ERP"}),
            client.delete(f"{KEYS}/{key['id']}"),
        ):
            is_problem(answer, 403, "forbidden")
