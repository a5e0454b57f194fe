"""Where a second factor is required, people without one sign in, and get only what is needed to set one up."""

import re
import threading
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import update

from chassis.core.principal import Principal, acting_as
from contracts.roles import Role
from services.identity import settings
from services.identity.account import bootstrap
from services.identity.factors import queries
from services.identity.tenants.models import Tenant
from services.identity.users.bootstrap import platform_admin
from tests.identity.conftest import is_oauth_error, is_problem
from tests.identity.factors import (
    CONFIRM,
    PASSKEYS,
    RECOVERY,
    TOTP,
    add,
    code_of,
    new_passkey,
    origin,
    signed_in,
    with_totp,
)
from tests.plugin import endpoints

OPERATOR = "olga@concord.example"
OPEN = ("/api/v1/me", "/session/", "/oauth/")


def require(identity, tenant):
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(update(Tenant).where(Tenant.id == UUID(tenant)).values(second_factor_required=True))


@pytest.fixture
def strict(identity, tenant, anna):
    """Anna's company, which requires a second factor."""
    require(identity, tenant)
    return tenant


def tokens(identity, email="anna@nordic-heating.example"):
    answer = identity.sign_in(email)
    assert answer.status_code == 200
    return answer.json


def test_whoever_has_none_gets_a_token_for_setting_one_up(identity, strict):
    granted = tokens(identity)
    assert identity.claims(granted["access_token"])["setup"] is True
    person = identity.as_bearer(granted["access_token"])
    assert person.get("/api/v1/me").status_code == 200
    assert person.get(TOTP).json["required"] is True
    with_totp(person)
    renewed = identity.refresh(granted["refresh_token"]).json
    assert "setup" not in identity.claims(renewed["access_token"])


def test_a_passkey_will_do(identity, strict):
    granted = tokens(identity)
    new_passkey(identity, identity.as_bearer(granted["access_token"]))
    assert "setup" not in identity.claims(identity.refresh(granted["refresh_token"]).json["access_token"])


def test_identity_refuses_everything_else_itself(identity, strict):
    """Also to whoever reaches it past the gateway: every endpoint but those of the own account."""
    person = signed_in(identity)
    before = identity.rows()
    guarded = [(method, rule) for (method, rule), roles in endpoints(identity.running.app).items() if roles]
    assert len(guarded) > 20
    for method, rule in guarded:
        if rule.startswith((*OPEN, "/internal/", "/scim/")):
            continue
        path = re.sub("<[^>]+>", strict, rule)
        body = {} if method in ("POST", "PUT", "PATCH") else None
        is_problem(person.open(path, method=method, json=body), 403, "second_factor_setup_required")
    assert identity.rows() == before


def test_requiring_one_restricts_the_next_token_and_names_whose_to_refuse(identity, tenant, anna):
    identity.user(tenant, "otto@nordic-heating.example")
    granted = tokens(identity)
    with_totp(signed_in(identity, "otto@nordic-heating.example"))
    require(identity, tenant)
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        assert list(queries.people_without_factor(session, UUID(tenant))) == [UUID(anna)]
    assert identity.claims(identity.refresh(granted["refresh_token"]).json["access_token"])["setup"] is True


def test_another_tenants_rule_concerns_nobody_here(identity, strict):
    other = identity.tenant("Fjord Retail", "Retailer")
    identity.user(other, "rita@fjord.example", "RetailerAdmin")
    assert "setup" not in identity.claims(tokens(identity, "rita@fjord.example")["access_token"])


def test_the_last_factor_cannot_be_removed(identity, strict):
    person = signed_in(identity)
    with_totp(person)
    is_problem(person.delete(TOTP), 409, "second_factor_required")
    assert person.get(TOTP).json["since"] is not None
    _, passkey = new_passkey(identity, person)
    assert person.delete(TOTP).status_code == 204
    is_problem(person.delete(f"{PASSKEYS}/{passkey}"), 409, "second_factor_required")
    assert person.get(PASSKEYS).json["totalItems"] == 1
    assert person.get(TOTP).json["recoveryCodesLeft"] == 10


def test_the_last_two_factors_cannot_both_go_at_once(identity, strict):
    person = signed_in(identity)
    with_totp(person)
    _, passkey = new_passkey(identity, person)
    results = []
    paths = [TOTP, f"{PASSKEYS}/{passkey}"]
    threads = [threading.Thread(target=lambda p=path: results.append(person.delete(p).status_code)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [204, 409]


def test_an_authenticator_can_be_replaced_though_it_is_the_last(identity, strict):
    person = signed_in(identity)
    with_totp(person)
    with_totp(person)
    assert person.post(RECOVERY).status_code == 201


# The operator


@pytest.fixture
def production(identity, monkeypatch):
    own = identity.running.runtime.settings.own
    ours = settings.of(identity.running.runtime.settings)
    monkeypatch.setitem(own, "identity", replace(ours, operator_needs_factor=True))
    platform_admin(identity.running.runtime, OPERATOR, "concord-demo-operator")


def operator_tokens(identity):
    answer = identity.sign_in(OPERATOR, "concord-demo-operator")
    assert answer.status_code == 200, answer.json
    return answer.json


def test_the_operator_must_have_one_in_production(identity, production):
    granted = operator_tokens(identity)
    olga = identity.as_bearer(granted["access_token"])
    assert identity.claims(granted["access_token"])["role"] == Role.PLATFORM_ADMIN
    is_problem(olga.get("/api/v1/admin/tenants"), 403, "second_factor_setup_required")
    secret = olga.post(TOTP).json["secret"]
    assert olga.post(CONFIRM, json={"code": code_of(secret)}).status_code == 200
    is_problem(olga.delete(TOTP), 409, "second_factor_required")
    olga = identity.as_bearer(identity.refresh(granted["refresh_token"]).json["access_token"])
    assert olga.get("/api/v1/admin/tenants").status_code == 200


def test_the_operators_rule_concerns_no_tenant(identity, production, tenant, anna):
    assert "setup" not in identity.claims(tokens(identity)["access_token"])


def test_the_operator_sees_own_passkeys_only(identity, production, tenant, anna):
    """The operator's statements are not narrowed to a tenant, so each must name its person."""
    person = signed_in(identity)
    device, passkey = new_passkey(identity, person)
    olga = identity.as_bearer(operator_tokens(identity)["access_token"])
    assert olga.get(PASSKEYS).json["items"] == []
    assert olga.get(TOTP).json["passkeys"] == 0
    is_problem(olga.delete(f"{PASSKEYS}/{passkey}"), 404, "not_found")
    is_problem(olga.post("/api/v1/me/step-up/passkey/options"), 409, "no_passkey")
    is_problem(add(olga, device), 409, "passkey_taken")
    assert origin(identity) == device.origin


def test_an_operator_who_has_lost_all_factors_comes_back_by_a_command(identity, production):
    """Nobody's browser asks, so the mail names no address; what is signed in ends, and a new factor is needed."""
    granted = operator_tokens(identity)
    with_totp(identity.as_bearer(granted["access_token"]))
    is_oauth_error(identity.sign_in(OPERATOR, "concord-demo-operator"), 400, "second_factor_required")
    assert bootstrap.operator_link(identity.running.runtime, OPERATOR, without_factors=True)
    event = identity.running.events("identity.AccountSecured.v2")[-1]["data"]
    assert (event["what"], event["detail"], event["address"]) == ("factor_removed", "all of them", "")
    is_oauth_error(identity.refresh(granted["refresh_token"]), 400, "invalid_grant")
    assert identity.claims(operator_tokens(identity)["access_token"])["setup"] is True


@pytest.mark.parametrize(("environment", "needs"), [("dev", False), ("production", True)])
def test_production_decides(test_settings, monkeypatch, environment, needs):
    monkeypatch.setenv("CONCORD_IDENTITY_SECRET", "s" * 32)
    process = replace(test_settings, environment=environment, public_url="https://concord.example")
    assert settings.of(process).operator_needs_factor is needs
