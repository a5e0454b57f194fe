"""The token that a tenant's directory shows."""

from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.identity.tenants.models import Tenant
from tests.identity.conftest import is_problem
from tests.identity.scim.conftest import LARS, TOKEN, USERS, Directory, admin_of, directory_of, is_scim_error


def test_the_token_is_shown_once_and_kept_as_a_digest(identity, tenant, anna):
    made = admin_of(identity).post(TOKEN)
    assert set(made.json) == {"token", "baseUrl", "createdAt"}
    assert made.json["baseUrl"] == "http://localhost:8080/scim/v2"
    assert len(made.json["token"]) >= 43
    shown = admin_of(identity).get(TOKEN).json
    assert shown == {"createdAt": made.json["createdAt"], "lastUsedAt": None}
    entry = identity.trail(tenant)[0]
    assert entry["action"] == "scim_token.issued"
    assert "digest" not in entry["changes"]
    assert made.json["token"] not in str(identity.trail()) + str(identity.running.events())


def test_a_repeated_post_does_not_show_it_again(identity, tenant, anna):
    """D7: it acts once."""
    made, again = (admin_of(identity).post(TOKEN, headers={"Idempotency-Key": "k"}) for _ in range(2))
    is_problem(again, 409, "already_done")
    assert Directory(identity, made.json["token"]).call("GET").status_code == 200


def test_a_new_token_replaces_the_one_before(identity, directory):
    second = directory_of(identity)
    is_scim_error(directory.call("GET"), 401)
    assert second.call("GET").status_code == 200


def test_a_removed_token_opens_nothing(identity, tenant, directory):
    admin = admin_of(identity)
    assert admin.delete(TOKEN).status_code == 204
    is_scim_error(directory.call("GET"), 401)
    is_problem(admin.get(TOKEN), 404, "not_found")
    is_problem(admin.delete(TOKEN), 404, "not_found")
    assert identity.trail(tenant)[0]["action"] == "scim_token.removed"


def test_only_a_fresh_sign_in_makes_or_removes_one(identity, anna):
    with time_machine.travel(utcnow(), tick=False) as clock:
        admin = admin_of(identity)
        clock.shift(601)
        is_problem(admin.post(TOKEN), 403, "step_up_required")
        is_problem(admin.delete(TOKEN), 403, "step_up_required")


def test_its_last_use_is_noted_once_a_minute(identity, directory):
    with time_machine.travel(utcnow().replace(microsecond=0), tick=False) as clock:
        admin = admin_of(identity)
        directory.call("GET")
        first = admin.get(TOKEN).json["lastUsedAt"]
        clock.shift(59)
        directory.call("GET")
        assert admin.get(TOKEN).json["lastUsedAt"] == first
        clock.shift(1)
        directory.call("GET")
        assert admin.get(TOKEN).json["lastUsedAt"] > first


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer x", "Bearer  ", "Basic YTpi", "Bearer a b"])
def test_without_a_good_token_everything_is_refused(identity, directory, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    for method, path in (
        ("GET", ""),
        ("POST", ""),
        ("GET", f"/{uuid4()}"),
        ("PUT", f"/{uuid4()}"),
        ("PATCH", f"/{uuid4()}"),
        ("DELETE", f"/{uuid4()}"),
    ):
        body = LARS if method in ("POST", "PUT", "PATCH") else None
        answer = identity.nobody.open(USERS + path, method=method, json=body, headers=headers)
        is_scim_error(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_persons_access_token_is_no_directorys(identity, anna):
    token = identity.sign_in().json["access_token"]
    is_scim_error(Directory(identity, token).call("GET"), 401)


def test_a_suspended_tenants_directory_is_refused(identity, tenant, directory):
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(update(Tenant).where(Tenant.id == UUID(tenant)).values(suspended_at=utcnow()))
    is_scim_error(directory.call("GET"), 403)
