"""Suspending a tenant, and ending it after its grace (http-contract, Own tenant: Operator)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import select

from chassis.core.principal import Principal, acting_as
from contracts.roles import Role
from services.identity.common.models import Base
from services.identity.teams import ending, tasks
from services.identity.tenant_exports import tasks as export_tasks
from services.identity.tenant_exports.models import TenantExportPart
from services.identity.users import bootstrap
from services.identity.users.models import User
from tests.identity.conftest import ADMIN, PASSWORD, is_oauth_error, is_problem
from tests.plugin import principal

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
BO = {"email": "bo@nordic-heating.example", "name": "Bo", "role": "SupplierViewer"}


def suspend(identity, tenant, suspended=True):
    answer = identity.admin.patch(f"{ADMIN}/{tenant}", json={"suspended": suspended})
    assert (answer.status_code, answer.json["suspended"]) == (200, suspended)
    return answer


def machine(identity, key):
    return identity.token(grant_type="client_credentials", client_id=key["apiKey"], client_secret=key["secret"])


def end_tenants(identity):
    """One turn of the scheduler."""
    with acting_as(Principal.system("identity")):
        return tasks.end_tenants(identity.running.runtime)


def suspended_in_feed(identity, tenant):
    return next(entry["suspended"] for entry in identity.feed()["tenants"] if entry["id"] == tenant)


def test_a_suspended_tenant_is_out_and_its_data_stays(identity, tenant, anna):
    """Sign-in, renewal and keys are refused here; the gateway refuses what tokens are still alive."""
    key = identity.api_key(tenant)
    signed_in = identity.sign_in().json
    identity.admin.post(f"{ADMIN}/{tenant}/users", json=BO)
    token = identity.invitation()
    suspend(identity, tenant)
    event = identity.running.events()[-1]
    assert (event["type"], event["subject"], event["tenantids"]) == ("identity.TenantSuspended.v1", tenant, tenant)
    assert event["data"] == {"tenantId": tenant}
    assert suspended_in_feed(identity, tenant)
    is_oauth_error(identity.sign_in(), 403, "tenant_suspended")
    is_oauth_error(identity.refresh(signed_in["refresh_token"]), 403, "tenant_suspended")
    is_oauth_error(machine(identity, key), 403, "tenant_suspended")
    is_oauth_error(machine(identity, key | {"secret": "wrong"}), 401, "invalid_client")
    tried = identity.admin.get(f"/api/v1/admin/sign-ins?tenantId={tenant}").json["items"]
    assert [row["outcome"] for row in tried if row["how"] == "api_key"] == ["wrong_secret", "tenant_suspended"]
    is_problem(identity.accept(token), 403, "tenant_suspended")
    assert identity.admin.get(f"{ADMIN}/{tenant}/users").json["totalItems"] == 2
    assert identity.trail(tenant)[0]["action"] == "tenant.suspended"

    suspend(identity, tenant, suspended=False)
    assert identity.running.events()[-1]["type"] == "identity.TenantResumed.v1"
    assert not suspended_in_feed(identity, tenant)
    assert identity.refresh(signed_in["refresh_token"]).status_code == 200
    assert identity.sign_in().status_code == 200
    assert machine(identity, key).status_code == 200
    assert identity.accept(token).status_code == 201


def test_the_feed_tells_it_to_a_gateway_that_knows_the_rest(identity, tenant):
    with time_machine.travel(NOW, tick=False) as clock:
        suspend(identity, identity.tenant("Other"))
        clock.shift(3600)
        seen = identity.feed()["at"]
        suspend(identity, tenant)
        assert [(entry["id"], entry["suspended"]) for entry in identity.feed(seen)["tenants"]] == [(tenant, True)]


def test_suspending_twice_is_once(identity, tenant):
    suspend(identity, tenant)
    before = identity.rows()
    suspend(identity, tenant)
    assert identity.rows() == before


def test_name_and_suspension_change_together(identity, tenant):
    answer = identity.admin.patch(f"{ADMIN}/{tenant}", json={"name": "Nordic Heat", "suspended": True})
    assert (answer.json["name"], answer.json["suspended"]) == ("Nordic Heat", True)
    assert [(event["type"], event["sequence"]) for event in identity.running.events()[-2:]] == [
        ("identity.TenantChanged.v2", 2),
        ("identity.TenantSuspended.v1", 3),
    ]
    is_problem(identity.admin.patch(f"{ADMIN}/{tenant}", json={"suspended": "yes"}), 422, "validation_failed")


def test_the_platform_itself_stays(identity):
    bootstrap.platform_admin(identity.running.runtime, "one@concord.example", PASSWORD)
    platform = identity.admin.get(f"{ADMIN}?kind=Platform").json["items"][0]["id"]
    before = identity.rows()
    is_problem(identity.admin.patch(f"{ADMIN}/{platform}", json={"suspended": True}), 409, "invalid_transition")
    is_problem(identity.admin.delete(f"{ADMIN}/{platform}?exported=true"), 409, "invalid_transition")
    assert identity.rows() == before


def test_a_tenant_ends_after_its_grace(identity, tenant, anna):
    """Its people are forgotten, keys and sign-ins go; its name and the trail stay."""
    other = identity.tenant("Other")
    identity.user(other, "olle@other.example")
    with time_machine.travel(NOW, tick=False) as clock:
        identity.api_key(tenant)
        identity.admin.post(f"{ADMIN}/{tenant}/users", json=BO)
        identity.sign_in()
        answer = identity.admin.delete(f"{ADMIN}/{tenant}?exported=true")
        assert (answer.status_code, answer.json["suspended"], answer.json["endsAt"]) == (
            *(202, True),
            "2026-05-01T12:00:00Z",
        )
        assert suspended_in_feed(identity, tenant)
        clock.shift(timedelta(days=30, seconds=-1))
        assert end_tenants(identity) is False
        assert identity.running.events("identity.TenantEnded.v1") == []
        assert identity.admin.delete(f"{ADMIN}/{tenant}?exported=true").json["endsAt"] == "2026-05-01T12:00:00Z"
        clock.shift(1)
        while end_tenants(identity):
            pass
    types = [event["type"] for event in identity.running.events()]
    assert types[types.index("identity.TenantSuspended.v1") + 1 :] == [
        *("identity.UserRemoved.v1", "identity.PersonErased.v1") * 2,
        "identity.TenantEnded.v1",
    ]
    event = identity.running.events()[-1]
    assert (event["subject"], event["data"]) == (tenant, {"tenantId": tenant})
    assert left_of(identity, tenant) == {"users"}
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        people = session.scalars(select(User).where(User.tenant_id == UUID(tenant))).all()
    assert {(user.name, user.email, user.password_hash) for user in people} == {
        ("former user", "former-user@erased.invalid", None)
    }
    assert identity.admin.get(f"{ADMIN}/{tenant}").json["name"] == "Nordic Heating"
    assert {"tenant.ended", "tenant.end_set", "user.erased"} <= {entry["action"] for entry in identity.trail()}
    assert identity.sign_in("olle@other.example").status_code == 200
    assert end_tenants(identity) is False, "once"


def left_of(identity, tenant):
    """The tables that still have rows of a tenant."""
    tables = [table for table in Base.metadata.sorted_tables if "tenant_id" in table.columns]
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return {
            table.name
            for table in tables
            if session.execute(select(table.c.tenant_id).where(table.c.tenant_id == UUID(tenant))).first()
        }


def test_an_export_goes_with_its_tenant(identity, tenant):
    """In pieces, by the task that lets exports go."""
    with time_machine.travel(NOW, tick=False) as clock:
        identity.admin.delete(f"{ADMIN}/{tenant}?exported=true")
        clock.shift(timedelta(days=29, hours=23))
        assert identity.admin.post(f"{ADMIN}/{tenant}/export").status_code == 202
        clock.shift(timedelta(hours=1))
        with acting_as(Principal.system("identity")):
            export_tasks.gather(identity.running.runtime)
            while tasks.end_tenants(identity.running.runtime) or export_tasks.forget_exports(identity.running.runtime):
                pass
    assert left_of(identity, tenant) == set()
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        assert session.scalars(select(TenantExportPart)).all() == []


def test_an_end_can_be_taken_back_until_then(identity, tenant, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        identity.admin.delete(f"{ADMIN}/{tenant}?exported=true")
        clock.shift(timedelta(days=29))
        answer = suspend(identity, tenant, suspended=False)
        assert answer.json["endsAt"] is None
        clock.shift(timedelta(days=2))
        assert end_tenants(identity) is False
        assert identity.sign_in().status_code == 200
        again = identity.admin.delete(f"{ADMIN}/{tenant}?exported=true")
        assert again.json["endsAt"] == "2026-06-01T12:00:00Z", "counted anew"


def test_what_has_ended_stays_ended(identity, tenant):
    with time_machine.travel(NOW, tick=False) as clock:
        identity.admin.delete(f"{ADMIN}/{tenant}?exported=true")
        clock.shift(timedelta(days=30))
        while end_tenants(identity):
            pass
        neighbour = identity.running.client(Principal.system("prm"), sender="prm")
        is_problem(neighbour.get(f"/internal/tenants/{tenant}"), 404, "not_found")
        before = identity.rows()
        for answer in (
            identity.admin.post(f"{ADMIN}/{tenant}/export"),
            identity.admin.patch(f"{ADMIN}/{tenant}", json={"suspended": False}),
            identity.admin.patch(f"{ADMIN}/{tenant}", json={"name": "Nordic again"}),
            identity.admin.put(f"{ADMIN}/{tenant}/features", json={"prm": False}),
            identity.admin.delete(f"{ADMIN}/{tenant}?exported=true"),
            identity.admin.post(f"{ADMIN}/{tenant}/users", json=BO),
            identity.admin.post(f"{ADMIN}/{tenant}/users", json=BO | {"password": PASSWORD}),
            identity.admin.post(f"{ADMIN}/{tenant}/api-keys", json={"name": "till"}),
        ):
            is_problem(answer, 409, "tenant_ended")
        assert identity.rows() == before


def test_no_end_is_taken_back_once_people_are_forgotten(identity, tenant, monkeypatch):
    monkeypatch.setattr(ending, "AT_ONCE", 1)
    for name in ("anna", "bo"):
        identity.user(tenant, f"{name}@nordic-heating.example")
    with time_machine.travel(NOW, tick=False) as clock:
        identity.admin.delete(f"{ADMIN}/{tenant}?exported=true")
        clock.shift(timedelta(days=30))
        assert end_tenants(identity) is True
        is_problem(identity.admin.patch(f"{ADMIN}/{tenant}", json={"suspended": False}), 409, "tenant_ended")
        while end_tenants(identity):
            pass
        assert identity.admin.get(f"{ADMIN}/{tenant}/users").json["totalItems"] == 0


@pytest.mark.parametrize("query", ["", "?exported=false"])
def test_a_tenant_gets_its_data_first(identity, tenant, query):
    before = identity.rows()
    is_problem(identity.admin.delete(f"{ADMIN}/{tenant}{query}"), 409, "not_exported")
    assert identity.rows() == before
    assert identity.admin.get(f"{ADMIN}/{tenant}").json["suspended"] is False


def test_letting_a_tenant_in_again_needs_a_fresh_factor(identity, tenant):
    """It gives everybody of the tenant their power back, and calls off an end."""
    stale = identity.running.client(principal(Role.PLATFORM_ADMIN))
    assert stale.patch(f"{ADMIN}/{tenant}", json={"suspended": True}).json["suspended"] is True
    before = identity.rows()
    is_problem(stale.patch(f"{ADMIN}/{tenant}", json={"suspended": False}), 403, "step_up_required")
    assert identity.rows() == before
    assert identity.admin.patch(f"{ADMIN}/{tenant}", json={"suspended": False}).json["suspended"] is False


def test_ending_needs_a_fresh_factor(identity, tenant):
    stale = identity.running.client(principal(Role.PLATFORM_ADMIN))
    is_problem(stale.delete(f"{ADMIN}/{tenant}?exported=true"), 403, "step_up_required")
