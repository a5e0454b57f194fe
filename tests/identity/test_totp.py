"""Codes of an authenticator and recovery codes: each good once, for its own person, while its time is."""

import threading
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import select

from chassis.core.principal import Principal, acting_as
from services.identity.factors import actions, rules
from services.identity.factors.models import RecoveryCode, TotpSecret
from tests.identity.conftest import is_problem
from tests.identity.factors import CONFIRM, NOW, RECOVERY, TOTP, code_of, secured, signed_in, use_code, with_totp
from tests.plugin import principal


@pytest.fixture
def person(identity, anna):
    return signed_in(identity)


def stored(identity, model):
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return session.scalars(select(model)).all()


def test_an_authenticator_is_set_up_and_counts_once_confirmed(identity, person, anna):
    started = person.post(TOTP)
    assert started.status_code == 201
    assert set(started.json) == {"secret", "otpauth"}
    url = urlsplit(started.json["otpauth"])
    assert (url.scheme, url.netloc) == ("otpauth", "totp")
    assert unquote(url.path) == "/Concord:anna@nordic-heating.example"
    assert parse_qs(url.query)["secret"] == [started.json["secret"]]
    assert not use_code(identity, UUID(anna), code_of(started.json["secret"]))
    assert person.get(TOTP).json == {"since": None, "passkeys": 0, "recoveryCodesLeft": 0, "required": False}
    confirmed = person.post(CONFIRM, json={"code": code_of(started.json["secret"])})
    assert (confirmed.status_code, list(confirmed.json)) == (200, ["recoveryCodes"])
    assert len(set(confirmed.json["recoveryCodes"])) == 10
    status = person.get(TOTP).json
    assert status["since"].endswith("Z")
    assert status["recoveryCodesLeft"] == 10
    assert secured(identity) == [("factor_added", "authenticator app")]


def test_secrets_and_codes_are_stored_so_that_a_reader_of_the_database_has_nothing(identity, person, anna):
    secret, codes = with_totp(person)
    pending = person.post(TOTP).json["secret"]
    (totp,) = stored(identity, TotpSecret)
    columns = f"{totp.secret} {totp.pending_secret} {[row.digest for row in stored(identity, RecoveryCode)]}"
    events = str(identity.running.events())
    trail = str(identity.trail())
    for shown in (secret, pending, *codes, *(code.replace("-", "") for code in codes)):
        assert shown not in columns
        assert shown not in events
        assert shown not in trail
    digests = {row.digest for row in stored(identity, RecoveryCode)}
    assert rules.recovery_digest(codes[0], UUID(anna), b"") not in digests, "keyed"
    assert "user.factor_added" in {entry["action"] for entry in identity.trail(anna)}


def test_a_code_counts_once(identity, person, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        secret, _ = with_totp(signed_in(identity))
        assert not use_code(identity, UUID(anna), code_of(secret)), "it has confirmed the authenticator"
        clock.shift(30)
        assert use_code(identity, UUID(anna), code_of(secret))
        assert not use_code(identity, UUID(anna), code_of(secret))
        clock.shift(30)
        assert use_code(identity, UUID(anna), code_of(secret))
        assert not use_code(identity, UUID(anna), code_of(secret, steps=-1)), "an older one after a newer one"


@pytest.mark.parametrize(
    ("seconds", "is_good"), [(-90, False), (-30, True), (0, True), (30, True), (90, False), (120, False), (-120, False)]
)
def test_clocks_may_be_half_a_minute_apart(identity, anna, seconds, is_good):
    """A phone two minutes off is refused like any wrong code, whichever way it is off."""
    with time_machine.travel(NOW, tick=False) as clock:
        secret, _ = with_totp(signed_in(identity))
        clock.shift(3600)
        phone = NOW + timedelta(seconds=3600 + seconds)
        assert use_code(identity, UUID(anna), code_of(secret, phone)) is is_good


def test_whoever_sets_up_with_a_wrong_clock_hears_so(identity, person):
    secret = person.post(TOTP).json["secret"]
    is_problem(person.post(CONFIRM, json={"code": code_of(secret, steps=4)}), 422, "clock_differs")
    is_problem(person.post(CONFIRM, json={"code": code_of(secret, steps=-4)}), 422, "clock_differs")
    is_problem(person.post(CONFIRM, json={"code": code_of(secret, steps=1000)}), 422, "wrong_code")
    assert person.post(CONFIRM, json={"code": code_of(secret)}).status_code == 200


def test_identity_processes_with_clocks_two_minutes_apart_take_no_code_twice(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        secret, codes = with_totp(signed_in(identity))
        clock.shift(600)
        fast = NOW + timedelta(seconds=720)
        assert use_code(identity, UUID(anna), code_of(secret, fast), now=fast)
        assert not use_code(identity, UUID(anna), code_of(secret, fast))
        assert not use_code(identity, UUID(anna), code_of(secret)), "the faster clock has gone past it"
        assert use_code(identity, UUID(anna), codes[0]), "recovery codes know no time"


def test_a_recovery_code_counts_once_and_its_owner_hears_of_it(identity, person, anna):
    _, codes = with_totp(person)
    typed = codes[0].upper().replace("-", " - ").replace("0", "O").replace("1", "l")
    assert use_code(identity, UUID(anna), f" {typed} ")
    assert not use_code(identity, UUID(anna), codes[0])
    assert use_code(identity, UUID(anna), codes[1])
    assert person.get(TOTP).json["recoveryCodesLeft"] == 8
    assert secured(identity)[1:] == [("recovery_code_used", "Firefox on Windows")] * 2
    (actor,) = {entry["actorId"] for entry in identity.trail(anna) if entry["action"] == "user.recovery_code_used"}
    assert actor == anna


def test_codes_of_another_person_are_no_good(identity, tenant, person, anna):
    other = UUID(identity.user(tenant, "otto@nordic-heating.example"))
    secret, codes = with_totp(person)
    with_totp(signed_in(identity, "otto@nordic-heating.example"))
    assert not use_code(identity, other, code_of(secret, steps=1))
    assert not use_code(identity, other, codes[0])
    assert use_code(identity, UUID(anna), codes[0])


@pytest.mark.parametrize(
    "code",
    [
        "",
        "000000",
        "12345",
        "1234567",
        "١٢٣٤٥٦",
        "１２３４５６",
        "\x00" * 6,
        "aaaaa-aaaaa",
        "uuuuu-uuuuu",
        "é" * 10,
        "-" * 20,
    ],
)
def test_what_is_no_code_is_refused(identity, person, anna, code):
    with_totp(person)
    assert not use_code(identity, UUID(anna), code)


def test_nobody_without_a_factor_uses_a_code(identity, anna):
    assert not use_code(identity, UUID(anna), "123456")
    assert not use_code(identity, UUID(int=1), "123456")


def race(work, times):
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_many_tries_with_one_code_at_once_one_succeeds(identity, person, anna):
    secret, codes = with_totp(person)
    for code in (code_of(secret, steps=1), codes[0]):
        results = race(lambda code=code: use_code(identity, UUID(anna), code), 8)
        assert sorted(results) == [False] * 7 + [True]


def test_of_many_confirmations_at_once_one_succeeds(identity, person):
    code = code_of(person.post(TOTP).json["secret"])
    results = race(lambda: person.post(CONFIRM, json={"code": code}).status_code, 6)
    assert sorted(results) == [200] + [409] * 5
    assert len(stored(identity, RecoveryCode)) == 10


def test_the_old_authenticator_counts_until_the_new_one_does(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        person = signed_in(identity)
        old, old_codes = with_totp(person)
        clock.shift(60)
        new = person.post(TOTP).json["secret"]
        assert use_code(identity, UUID(anna), code_of(old))
        assert not use_code(identity, UUID(anna), code_of(new))
        assert person.post(CONFIRM, json={"code": code_of(new)}).status_code == 200
        clock.shift(60)
        assert not use_code(identity, UUID(anna), code_of(old))
        assert not use_code(identity, UUID(anna), old_codes[0])
        assert use_code(identity, UUID(anna), code_of(new))


def test_a_started_authenticator_waits_a_quarter_of_an_hour(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        person = signed_in(identity)
        is_problem(person.post(CONFIRM, json={"code": "123456"}), 409, "totp_not_started")
        secret = person.post(TOTP).json["secret"]
        clock.shift(15 * 60)
        is_problem(person.post(CONFIRM, json={"code": code_of(secret)}), 409, "totp_not_started")


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_codes_cannot_be_tried_out(identity, person, headers):
    """Ten wrong ones, then the right one is not looked at either; an idempotency key is no way round."""
    secret = person.post(TOTP).json["secret"]
    wrong = code_of(secret, steps=1000)
    for number in range(10):
        more = {name: f"{value}{number}" for name, value in headers.items()}
        is_problem(person.post(CONFIRM, json={"code": wrong}, headers=more), 422, "wrong_code")
    refused = person.post(CONFIRM, json={"code": code_of(secret)})
    is_problem(refused, 429, "too_many_attempts")
    assert int(refused.headers["Retry-After"]) > 0
    rows = person.get("/api/v1/tenant/sign-ins?pageSize=50").json["items"]
    assert [(row["how"], row["outcome"]) for row in rows] == [
        ("step_up", "throttled"),
        *[("step_up", "wrong_code")] * 10,
        ("password", "ok"),
    ]


def test_changes_need_a_fresh_sign_in(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        person = signed_in(identity)
        with_totp(person)
        clock.shift(600)
        for call in (person.post(TOTP), person.delete(TOTP), person.post(RECOVERY)):
            is_problem(call, 403, "step_up_required")
        assert person.get(TOTP).json["recoveryCodesLeft"] == 10


def test_machines_and_callers_of_other_issuers_have_no_second_factor(identity, tenant):
    for caller in (principal(tenant_id=UUID(tenant)), principal(tenant_id=UUID(tenant), session_id=UUID(int=3))):
        client = identity.running.client(caller)
        before = identity.rows()
        for call in (client.post(TOTP), client.delete(TOTP), client.post(RECOVERY)):
            is_problem(call, 403, "step_up_required")
        is_problem(client.post(CONFIRM, json={"code": "123456"}), 401, "unauthorized")
        assert identity.rows() == before


def test_a_removed_authenticator_counts_no_more_and_takes_the_recovery_codes_along(identity, person, anna):
    is_problem(person.delete(TOTP), 404, "not_found")
    secret, codes = with_totp(person)
    assert person.delete(TOTP).status_code == 204
    assert not use_code(identity, UUID(anna), code_of(secret, steps=1))
    assert not use_code(identity, UUID(anna), codes[0])
    assert stored(identity, TotpSecret) == []
    assert stored(identity, RecoveryCode) == []
    assert secured(identity)[-1] == ("factor_removed", "authenticator app")
    is_problem(person.delete(TOTP), 404, "not_found")


def test_recovery_codes_are_made_anew(identity, person, anna):
    is_problem(person.post(RECOVERY), 409, "no_second_factor")
    _, codes = with_totp(person)
    renewed = person.post(RECOVERY)
    assert renewed.status_code == 201
    assert len(set(renewed.json["recoveryCodes"]) - set(codes)) == 10
    assert not use_code(identity, UUID(anna), codes[0])
    assert use_code(identity, UUID(anna), renewed.json["recoveryCodes"][0])


def test_a_retry_with_an_idempotency_key_shows_no_secret_again(identity, person, anna):
    """D7: it acts once; but an access token alone, stolen later, must not be enough to read secrets."""
    key = {"headers": {"Idempotency-Key": "k"}}
    secret = person.post(TOTP, **key).json["secret"]
    is_problem(person.post(TOTP, **key), 409, "already_done")
    confirm = {"json": {"code": code_of(secret)}}
    assert person.post(CONFIRM, **confirm, **key).status_code == 200, "the first secret is still the one that counts"
    is_problem(person.post(CONFIRM, **confirm, **key), 409, "already_done")
    codes = person.post(RECOVERY, **key).json["recoveryCodes"]
    is_problem(person.post(RECOVERY, **key), 409, "already_done")
    assert len(codes) == len(stored(identity, RecoveryCode))
    assert use_code(identity, UUID(anna), codes[0])


def test_bad_bodies_are_refused(person):
    person.post(TOTP)
    for body in ({}, {"code": ""}, {"code": 123456}, {"code": None}, {"code": "1" * 65}, {"code": "1", "x": 1}):
        is_problem(person.post(CONFIRM, json=body), 422, "validation_failed")


def test_whoever_is_forgotten_has_no_factors(identity, person, anna):
    with_totp(person)
    with acting_as(Principal.system("identity")), identity.running.database.begin() as session:
        actions.forget(session, UUID(anna))
    assert stored(identity, TotpSecret) == []
    assert stored(identity, RecoveryCode) == []
