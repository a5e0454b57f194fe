"""API keys: the secret is shown once and kept encrypted, and a machine signs in with it."""

import base64
from uuid import uuid4

import pytest
from sqlalchemy import select

from chassis.core.principal import Principal, acting_as
from services.identity import settings
from services.identity.api_keys.models import ApiKey
from tests.identity.conftest import ADMIN, is_oauth_error, is_problem


@pytest.fixture
def key(identity, tenant):
    return identity.api_key(tenant)


def machine(identity, key, **change):
    form = {"client_id": key["apiKey"], "client_secret": key["secret"]} | change
    return identity.token(grant_type="client_credentials", **form)


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def stored_key(identity, key):
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return session.scalars(select(ApiKey).where(ApiKey.api_key == key["apiKey"])).one()


def test_the_secret_appears_once(identity, tenant, key):
    assert set(key) == {"id", "apiKey", "secret"}
    assert key["apiKey"].startswith("ck_")
    assert len(key["secret"]) >= 43
    (listed,) = identity.admin.get(f"{ADMIN}/{tenant}/api-keys").json["items"]
    assert listed == {
        "id": key["id"],
        "apiKey": key["apiKey"],
        "name": "till",
        "createdAt": listed["createdAt"],
        "expiresAt": None,
        "lastUsedAt": None,
    }
    assert key["secret"] not in str(identity.trail()) + str(identity.running.events())
    (entry,) = identity.trail(key["id"])
    assert entry["action"] == "api_key.issued"
    assert "secret" not in entry["changes"]


def test_the_secret_is_kept_encrypted_so_that_signed_requests_can_be_checked(identity, key):
    locked = stored_key(identity, key).secret
    assert key["secret"] not in locked
    assert settings.of(identity.running.runtime.settings).secret_box.decrypt(locked) == key["secret"]


def test_a_machine_signs_in_for_its_tenant(identity, tenant, key):
    answer = machine(identity, key)
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "token_type", "expires_in"}
    claims = identity.claims(answer.json["access_token"])
    assert (claims["role"], claims["tenant"], claims["sub"], claims["name"]) == ("Machine", tenant, key["id"], "till")
    assert claims["features"] == ["campaigns", "prm"]
    assert identity.admin.get(f"{ADMIN}/{tenant}/api-keys").json["items"][0]["lastUsedAt"] is not None
    me = identity.as_bearer(answer.json["access_token"]).get("/api/v1/me").json
    assert (me["email"], me["role"], me["name"]) == (None, "Machine", "till")


def test_http_basic_is_another_way(identity, key):
    headers = basic(key["apiKey"], key["secret"])
    assert identity.token(headers, grant_type="client_credentials").status_code == 200
    both = identity.token(headers, grant_type="client_credentials", client_secret=key["secret"])
    is_oauth_error(both, 400, "invalid_request")


@pytest.mark.parametrize(
    "change", [{"client_secret": "wrong"}, {"client_id": "ck_unknown"}, {"client_id": ""}, {"client_secret": ""}]
)
def test_wrong_credentials(identity, key, change):
    refused = is_oauth_error(machine(identity, key, **change), 401, "invalid_client")
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    assert stored_key(identity, key).last_used_at is None


def test_wrong_basic_credentials(identity, key):
    odd = [basic(key["apiKey"], "wrong"), basic("ck_\x00", "x"), {"Authorization": "Basic %%%"}, basic("ü", "é")]
    for headers in [*odd, {}]:
        is_oauth_error(identity.token(headers, grant_type="client_credentials"), 401, "invalid_client")


def test_a_removed_key_is_out(identity, tenant, key):
    assert identity.admin.delete(f"{ADMIN}/{tenant}/api-keys/{key['id']}").status_code == 204
    is_oauth_error(machine(identity, key), 401, "invalid_client")
    assert stored_key(identity, key).secret is None
    assert [entry["id"] for entry in identity.feed()["revoked"]] == [key["id"]]
    assert identity.trail(key["id"])[0]["action"] == "api_key.removed"
    is_problem(identity.admin.delete(f"{ADMIN}/{tenant}/api-keys/{key['id']}"), 404, "not_found")


def test_a_key_is_removed_under_the_own_tenant_only(identity, key):
    other = identity.tenant("Other")
    foreign = identity.admin.delete(f"{ADMIN}/{other}/api-keys/{key['id']}")
    absent = identity.admin.delete(f"{ADMIN}/{other}/api-keys/{uuid4()}")
    is_problem(foreign, 404, "not_found")
    assert foreign.json | {"requestId": 0} == absent.json | {"requestId": 0}
    assert machine(identity, key).status_code == 200


BAD = [{}, {"name": " "}, {"name": 1}, {"name": "x" * 201}, {"name": "a", "secret": "mine"}]


def test_bad_keys_are_refused_and_nothing_is_written(identity, tenant):
    before = identity.rows()
    for body in BAD:
        is_problem(identity.admin.post(f"{ADMIN}/{tenant}/api-keys", json=body), 422, "validation_failed")
        assert identity.rows() == before
