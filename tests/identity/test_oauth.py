"""Signing in (http-contract; RFC 6749, RFC 7009): grants, refresh tokens, the throttle, and what a token says."""

import threading
from datetime import UTC, datetime, timedelta

import argon2
import pytest
import time_machine
from sqlalchemy import select

from chassis.core.principal import Principal, acting_as
from services.identity.common.secrets import digest
from services.identity.passwords import hashing
from services.identity.sessions import tasks
from services.identity.sessions.models import RefreshToken
from services.identity.users.models import User
from tests.identity.conftest import ADMIN, HASHER, NOBODYS_HASH, PASSWORD, is_oauth_error, is_problem

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


def together(work, times):
    results = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_user_signs_in_with_password(identity, tenant, anna):
    answer = identity.sign_in("ANNA@nordic-heating.example ")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    claims = identity.claims(answer.json["access_token"])
    assert claims == {
        "iss": "concord",
        "aud": "concord",
        "sub": anna,
        "tenant": tenant,
        "tenant_name": "Nordic Heating",
        "tenant_kind": "Supplier",
        "tenant_slug": "nordic-heating",
        "role": "SupplierAdmin",
        "name": "Anna",
        "features": ["campaigns", "prm"],
        "iat": claims["iat"],
        "exp": int(claims["iat"]) + 900,
        "jti": claims["jti"],
        "sid": claims["sid"],
    }
    again = identity.claims(identity.sign_in().json["access_token"])
    assert again["jti"] != claims["jti"]
    assert again["sid"] != claims["sid"]


def test_me_is_fresh_from_the_database(identity, tenant, anna):
    """S0-3: every feature is named, so that a client knows which sections to show."""
    me = identity.as_bearer(identity.sign_in().json["access_token"])
    identity.admin.put(f"{ADMIN}/{tenant}/features", json={"prm": False, "messaging": True})
    assert me.get("/api/v1/me").json == {
        "userId": anna,
        "name": "Anna",
        "email": "anna@nordic-heating.example",
        "role": "SupplierAdmin",
        "locale": None,
        "timeZone": None,
        "hasPassword": True,
        "secondFactor": False,
        "tenant": {
            "id": tenant,
            "slug": "nordic-heating",
            "name": "Nordic Heating",
            "kind": "Supplier",
            "locale": None,
            "timeZone": "Europe/Stockholm",
            "secondFactorRequired": False,
        },
        "features": {"campaigns": True, "prm": False, "messaging": True, "promotions": False, "affiliates": False},
    }


def test_wrong_password_and_unknown_user_look_the_same(identity, anna):
    wrong = is_oauth_error(identity.sign_in(password="not the password"), 400, "invalid_grant")
    unknown = is_oauth_error(identity.sign_in("nobody@nordic-heating.example"), 400, "invalid_grant")
    assert wrong.data == unknown.data
    assert set(wrong.headers.keys()) == set(unknown.headers.keys())


def test_an_unknown_user_costs_as_much(identity, anna, monkeypatch):
    """A hash with today's parameters is verified for an account that does not exist, too."""
    verified = []
    real = argon2.PasswordHasher.verify

    def spy(hasher, password_hash, password):
        verified.append(password_hash)
        return real(hasher, password_hash, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", spy)
    identity.sign_in("nobody@nordic-heating.example")
    assert verified == [hashing.NOBODYS_HASH]
    assert not HASHER.check_needs_rehash(NOBODYS_HASH), "it takes as long as a hash of today"


def test_the_dummy_hash_lets_nobody_in():
    assert not hashing.is_password("", None)
    assert not hashing.is_password("concord-demo", None)
    assert not hashing.is_password("concord-demo", "no hash")


def test_an_outdated_hash_is_replaced_at_the_next_sign_in(identity, anna, monkeypatch):
    stronger = argon2.PasswordHasher(time_cost=3, memory_cost=19_456, parallelism=1)
    monkeypatch.setattr(hashing, "HASHER", stronger)
    assert identity.sign_in().status_code == 200
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        stored = session.scalars(select(User.password_hash)).one()
    assert "t=3" in stored
    assert identity.sign_in().status_code == 200


FORM = {"grant_type": "password", "username": "anna@nordic-heating.example", "password": "concord-demo"}


BAD_FORMS = [
    ({}, "invalid_request"),
    ({"grant_type": ""}, "invalid_request"),
    ({"grant_type": "implicit"}, "unsupported_grant_type"),
    ({"grant_type": "password"}, "invalid_request"),
    (FORM | {"password": ""}, "invalid_request"),
    (FORM | {"username": "anna\x00"}, "invalid_request"),
    (FORM | {"username": ["anna@nordic-heating.example"] * 2}, "invalid_request"),
    (FORM | {"username": "x" * 10_000}, "invalid_request"),
    (FORM | {"password": "x" * 10_000}, "invalid_request"),
    ({"grant_type": "refresh_token"}, "invalid_request"),
    ({"grant_type": "refresh_token", "refresh_token": "unknown"}, "invalid_grant"),
    ({"grant_type": "refresh_token", "refresh_token": "ü\U0001f600"}, "invalid_grant"),
]


@pytest.mark.parametrize(("form", "error"), BAD_FORMS)
def test_bad_forms_are_refused_in_the_shape_of_the_rfc(identity, anna, form, error):
    is_oauth_error(identity.nobody.post("/oauth/token", data=form), 400, error)


def test_json_and_queries_are_no_forms(identity, anna):
    is_oauth_error(identity.nobody.post("/oauth/token", json=FORM), 400, "invalid_request")
    is_oauth_error(identity.nobody.post("/oauth/token", query_string=FORM), 400, "invalid_request")
    is_problem(identity.nobody.get("/oauth/token"), 405, "method_not_allowed")


def test_unknown_parameters_are_ignored(identity, anna):
    form = FORM | {"scope": "all", "client_id": "console", "colour": ["red", "blue"]}
    assert identity.nobody.post("/oauth/token", data=form).status_code == 200


def test_a_refresh_token_is_good_once_and_gives_the_next(identity, tenant, anna):
    first = identity.sign_in().json
    identity.admin.put(f"{ADMIN}/{tenant}/features", json={"prm": False})
    second = identity.refresh(first["refresh_token"])
    assert second.status_code == 200
    assert identity.claims(second.json["access_token"])["features"] == ["campaigns"]
    third = identity.refresh(second.json["refresh_token"])
    assert third.status_code == 200
    assert len({first["refresh_token"], second.json["refresh_token"], third.json["refresh_token"]}) == 3


def test_a_used_refresh_token_that_comes_again_later_ends_its_session(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        stolen = identity.sign_in().json["refresh_token"]
        other_sign_in = identity.sign_in().json["refresh_token"]
        newest = identity.refresh(stolen).json["refresh_token"]
        clock.shift(10)
        is_oauth_error(identity.refresh(stolen), 400, "invalid_grant")
        is_oauth_error(identity.refresh(newest), 400, "invalid_grant")
        assert identity.refresh(other_sign_in).status_code == 200


def test_within_ten_seconds_a_used_refresh_token_gives_the_same_successor(identity, anna):
    """Two tabs, or an answer that was lost; also when the successor has been used since."""
    with time_machine.travel(NOW, tick=False) as clock:
        first = identity.sign_in().json["refresh_token"]
        second = identity.refresh(first).json["refresh_token"]
        clock.shift(9)
        assert identity.refresh(first).json["refresh_token"] == second
        third = identity.refresh(second).json["refresh_token"]
        assert third not in (first, second)
        assert identity.refresh(first).json["refresh_token"] == third


def test_all_who_bring_one_refresh_token_at_once_get_one_successor(identity, anna):
    token = identity.sign_in().json["refresh_token"]
    answers = together(lambda: identity.refresh(token), 5)
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json["refresh_token"] for answer in answers}) == 1
    assert identity.rows()["refresh_tokens"] == 2


def test_refresh_tokens_end_after_two_idle_weeks_and_are_trimmed(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        token = identity.sign_in().json["refresh_token"]
        clock.shift(timedelta(days=14, seconds=-1))
        fresh = identity.refresh(token).json["refresh_token"]
        clock.shift(timedelta(days=14))
        is_oauth_error(identity.refresh(fresh), 400, "invalid_grant")
        clock.shift(1)
        with acting_as(Principal.system("identity")):
            assert tasks.trim(identity.running.runtime) is False
        rows = identity.rows()
        assert (rows["refresh_tokens"], rows["login_throttle"]) == (0, 0)


def test_refresh_tokens_are_kept_as_digests(identity, anna):
    token = identity.sign_in().json["refresh_token"]
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        row = session.scalars(select(RefreshToken)).one()
    assert row.digest == digest(token) != token
    assert token not in str(identity.trail()) + str(identity.running.events())


def test_revoking_ends_the_sign_in(identity, anna):
    first = identity.sign_in().json["refresh_token"]
    newest = identity.refresh(first).json["refresh_token"]
    other_sign_in = identity.sign_in().json["refresh_token"]
    revoked = identity.nobody.post("/oauth/revoke", data={"token": newest, "token_type_hint": "refresh_token"})
    assert (revoked.status_code, revoked.json) == (200, {})
    is_oauth_error(identity.refresh(newest), 400, "invalid_grant")
    assert identity.refresh(other_sign_in).status_code == 200


def test_revoking_what_is_unknown_says_the_same(identity):
    """RFC 7009, 2.2."""
    assert identity.nobody.post("/oauth/revoke", data={"token": "unknown"}).json == {}
    for form in ({}, {"token": ""}, {"token": ["a", "b"]}, {"token": "\x00"}):
        is_oauth_error(identity.nobody.post("/oauth/revoke", data=form), 400, "invalid_request")


def wrong(identity, username="anna@nordic-heating.example", address="192.0.2.1"):
    return identity.sign_in(username, "not the password", **{"X-Concord-Client": address})


def test_the_eleventh_attempt_in_a_minute_waits(identity, tenant, anna):
    identity.user(tenant, "vera@nordic-heating.example", "SupplierViewer")
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(10):
            is_oauth_error(wrong(identity), 400, "invalid_grant")
            clock.shift(1)
        refused = is_oauth_error(wrong(identity, "Anna@Nordic-Heating.example"), 429, "too_many_attempts")
        assert refused.headers["Retry-After"] == "59"
        right = identity.sign_in(**{"X-Concord-Client": "192.0.2.1", "X-Forwarded-For": "198.51.100.7"})
        is_oauth_error(right, 429, "too_many_attempts")
        assert identity.sign_in("vera@nordic-heating.example", **{"X-Concord-Client": "192.0.2.1"}).status_code == 200
        assert identity.sign_in(**{"X-Concord-Client": "192.0.2.2"}).status_code == 200
        clock.shift(59)
        assert identity.sign_in(**{"X-Concord-Client": "192.0.2.1"}).status_code == 200


def test_unknown_accounts_are_throttled_alike(identity):
    for _ in range(10):
        is_oauth_error(wrong(identity, "nobody@x.example"), 400, "invalid_grant")
    is_oauth_error(wrong(identity, "nobody@x.example"), 429, "too_many_attempts")


def test_right_passwords_do_not_count(identity, anna):
    for _ in range(12):
        assert identity.sign_in().status_code == 200
    for _ in range(9):
        is_oauth_error(identity.sign_in(password="not the password"), 400, "invalid_grant")
    assert identity.sign_in().status_code == 200


def test_attempts_at_the_same_moment_are_no_way_round_the_throttle(identity, anna):
    answers = together(lambda: wrong(identity).status_code, 14)
    assert sorted(answers) == [400] * 10 + [429] * 4


def test_accounts_and_addresses_are_not_kept_by_the_throttle(identity):
    wrong(identity, "a-password-typed-here")
    with acting_as(Principal.system("test")), identity.running.database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM login_throttle").all()
    assert "typed" not in str(rows)
    assert "192.0.2.1" not in str(rows)


def test_no_log_line_holds_a_credential(identity, tenant, anna, caplog):
    caplog.set_level("DEBUG")
    key = identity.api_key(tenant)
    first = identity.sign_in().json
    second = identity.refresh(first["refresh_token"]).json
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        identity.refresh(first["refresh_token"])
    identity.token(grant_type="client_credentials", client_id=key["apiKey"], client_secret=key["secret"])
    written = "\n".join(str(record.__dict__) for record in caplog.records)
    assert "came again" in written
    secrets = [key["secret"], PASSWORD]
    secrets += [answer[name] for answer in (first, second) for name in ("access_token", "refresh_token")]
    assert [secret for secret in secrets if secret in written or digest(secret) in written] == []
