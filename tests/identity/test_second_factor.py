"""Second factors at every door: the browser's sign-in, the token endpoint, step-up, and what is recorded of it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import select, update

from chassis.core.principal import Principal, acting_as
from services.identity.sign_ins.models import SignIn
from services.identity.tenants.models import Tenant
from tests.identity.browsers import ANNA, Browser, together
from tests.identity.conftest import PASSWORD, is_oauth_error, is_problem
from tests.identity.factors import (
    NOW,
    SESSION,
    TOTP,
    code_of,
    new_passkey,
    secured,
    signed_in,
    step_up,
    with_totp,
)

STEP_UP = "/api/v1/me/step-up"


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def person(identity, clock, anna):
    return signed_in(identity)


@pytest.fixture
def browser(identity):
    return Browser(identity)


def by_passkey(browser, device, **body):
    options = browser.send("POST", f"{SESSION}/options", json={}).json
    return browser.send("POST", SESSION, json={"credential": device.get(options)} | body)


def outcomes(identity):
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        rows = session.scalars(select(SignIn).order_by(SignIn.id)).all()
    return [(row.how, row.outcome, row.account) for row in rows]


def test_a_browser_signs_in_with_a_code_once(identity, browser, person, clock):
    secret, _ = with_totp(person)
    is_problem(browser.sign_in(), 401, "second_factor_required")
    is_problem(browser.sign_in(code=code_of(secret)), 401, "invalid_credentials")
    clock.shift(30)
    code = code_of(secret)
    is_problem(browser.sign_in(password="not the password", code=code), 401, "invalid_credentials")
    assert browser.sign_in(code=code).status_code == 200
    is_problem(Browser(identity).sign_in(code=code), 401, "invalid_credentials")


def test_of_many_browsers_with_one_code_one_gets_in(identity, person, clock):
    secret, _ = with_totp(person)
    clock.shift(30)
    code = code_of(secret)
    answers = together(lambda: Browser(identity).sign_in(code=code).status_code, 4)
    assert sorted(answers) == [200, 401, 401, 401]


def test_a_recovery_code_opens_once_and_is_reported(identity, browser, person):
    _, codes = with_totp(person)
    assert browser.sign_in(code=codes[3]).status_code == 200
    is_problem(browser.sign_in(code=codes[3]), 401, "invalid_credentials")
    assert ("recovery_code_used", "Firefox on Windows") in secured(identity)


def test_the_token_endpoint_is_no_way_round(identity, person, clock):
    secret, _ = with_totp(person)
    clock.shift(30)
    form = {"grant_type": "password", "username": ANNA, "password": PASSWORD}
    is_oauth_error(identity.token(**form), 400, "second_factor_required")
    assert identity.token(**form, code=code_of(secret)).status_code == 200


def test_step_up_takes_the_factor_and_not_the_password(identity, person, clock):
    secret, codes = with_totp(person)
    clock.shift(600)
    is_problem(person.post(TOTP), 403, "step_up_required")
    is_problem(person.post(STEP_UP, json={"password": PASSWORD}), 403, "second_factor_required")
    is_problem(person.post(TOTP), 403, "step_up_required")
    assert person.post(STEP_UP, json={"code": code_of(secret)}).status_code == 204
    assert person.post(TOTP).status_code == 201
    is_problem(person.post(STEP_UP, json={"code": code_of(secret)}), 403, "invalid_credentials")
    assert person.post(STEP_UP, json={"code": codes[0]}).status_code == 204


def test_whoever_has_only_a_passkey_steps_up_with_it(identity, person, clock):
    device, _ = new_passkey(identity, person)
    clock.shift(600)
    is_problem(person.post(STEP_UP, json={"password": PASSWORD}), 403, "second_factor_required")
    assert step_up(person, device).status_code == 204


def test_a_passkey_replaces_the_browsers_sign_in(identity, browser, person):
    device, _ = new_passkey(identity, person)
    assert by_passkey(browser, device, keep=True).status_code == 200
    before = browser.cookie[1]
    assert browser.renew().status_code == 200
    assert by_passkey(browser, device).status_code == 200
    is_problem(browser.with_cookie(before).renew(), 401, "session_ended")
    assert browser.renew().status_code == 200


def test_passkeys_and_failures_are_recorded(identity, browser, person):
    device, _ = new_passkey(identity, person)
    assert by_passkey(browser, device).status_code == 200
    device.sign_count = 0
    is_problem(by_passkey(browser, device), 401, "passkey_refused")
    device.credential_id = b"unknown"
    is_problem(by_passkey(browser, device), 401, "passkey_refused")
    assert outcomes(identity)[1:] == [
        ("passkey", "ok", ANNA),
        ("passkey", "wrong_passkey", ANNA),
        ("passkey", "unknown_account", None),
    ]


def test_a_suspended_company_signs_in_by_no_passkey(identity, browser, tenant, person):
    device, _ = new_passkey(identity, person)
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        change = update(Tenant).where(Tenant.id == UUID(tenant))
        session.execute(change.values(suspended_at=datetime(2026, 4, 1, tzinfo=UTC)))
    is_problem(by_passkey(browser, device), 403, "tenant_suspended")


def test_setting_up_what_is_required_frees_the_browser_at_its_next_renewal(identity, browser, tenant, anna):
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(update(Tenant).where(Tenant.id == UUID(tenant)).values(second_factor_required=True))
    token = browser.sign_in().json["access_token"]
    waiting = identity.as_bearer(token)
    assert waiting.post(STEP_UP, json={"password": PASSWORD}).status_code == 204
    with_totp(waiting)
    assert "setup" not in identity.claims(browser.renew().json["access_token"])
