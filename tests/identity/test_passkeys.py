"""Passkeys: added, listed, removed, and shown for a step-up; a forged, replayed or foreign one is good for nothing."""

from uuid import UUID, uuid4

import pytest
import time_machine

from chassis.core.principal import Principal, acting_as
from services.identity.factors import tasks
from services.identity.factors.models import Passkey, PasskeyChallenge
from tests.identity.authenticator import Authenticator, decoded, encoded
from tests.identity.conftest import is_problem
from tests.identity.factors import (
    ANNA,
    NOW,
    OTTO,
    PASSKEYS,
    RECOVERY,
    STEP_UP,
    TOTP,
    add,
    count,
    new_passkey,
    origin,
    secured,
    sign_in_options,
    signed_in,
    step_up,
    with_totp,
)


@pytest.fixture
def person(identity, anna):
    return signed_in(identity)


@pytest.fixture
def other(identity, tenant, anna):
    identity.user(tenant, OTTO)
    return signed_in(identity, OTTO)


# Adding


def test_a_passkey_is_added_listed_and_removed(identity, person, anna):
    options = person.post(f"{PASSKEYS}/options").json
    assert options["rp"] == {"id": "localhost", "name": "Concord"}
    assert options["user"] == {"id": encoded(UUID(anna).bytes), "name": ANNA, "displayName": "Anna"}
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert (options["attestation"], options["timeout"], options["excludeCredentials"]) == ("none", 300_000, [])
    assert len(decoded(options["challenge"])) == 64
    device = Authenticator(origin(identity))
    answer = person.post(PASSKEYS, json={"name": "Büro 🔑", "credential": device.create(options)})
    assert answer.status_code == 201
    assert answer.json == {
        "id": answer.json["id"],
        "name": "Büro 🔑",
        "createdAt": answer.json["createdAt"],
        "lastUsedAt": None,
    }
    assert person.get(PASSKEYS).json["items"] == [answer.json]
    (excluded,) = person.post(f"{PASSKEYS}/options").json["excludeCredentials"]
    assert excluded == {"type": "public-key", "id": encoded(device.credential_id)}
    assert person.delete(f"{PASSKEYS}/{answer.json['id']}").status_code == 204
    assert person.get(PASSKEYS).json["totalItems"] == 0
    assert secured(identity) == [("factor_added", "passkey Büro 🔑"), ("factor_removed", "passkey Büro 🔑")]
    actions = [entry["action"] for entry in identity.trail(anna)]
    assert actions[:2] == ["user.factor_removed", "user.factor_added"]


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8080.evil.example"},
        {"rp_id": "evil.example"},
        {"type": "webauthn.get"},
        {"challenge": encoded(b"x" * 64)},
        {"challenge": ""},
    ],
    ids=str,
)
def test_a_passkey_made_elsewhere_or_for_another_challenge_is_refused(identity, person, changes):
    is_problem(add(person, Authenticator(origin(identity)), **changes), 422, "passkey_refused")
    assert count(identity, Passkey) == 0
    assert secured(identity) == []


def test_a_challenge_to_add_is_good_once_and_for_its_person(identity, person, other):
    options = person.post(f"{PASSKEYS}/options").json
    credential = Authenticator(origin(identity)).create(options)
    is_problem(other.post(PASSKEYS, json={"name": "x", "credential": credential}), 422, "passkey_refused")
    is_problem(person.post(PASSKEYS, json={"name": "x", "credential": credential}), 422, "passkey_refused")
    assert count(identity, Passkey) == 0


def test_a_refused_try_uses_up_its_challenge_also_with_an_idempotency_key(identity, person):
    options = person.post(f"{PASSKEYS}/options").json
    device = Authenticator(origin(identity))
    forged = {"name": "x", "credential": device.create(options, origin="https://evil.example")}
    is_problem(person.post(PASSKEYS, json=forged, headers={"Idempotency-Key": "k"}), 422, "passkey_refused")
    good = {"name": "x", "credential": device.create(options)}
    is_problem(person.post(PASSKEYS, json=good), 422, "passkey_refused")


def test_a_passkey_is_known_once(identity, person, other):
    device, _ = new_passkey(identity, person)
    is_problem(add(other, device), 409, "passkey_taken")
    is_problem(add(person, device), 409, "passkey_taken")


def test_twenty_passkeys_are_enough(identity, person):
    for _ in range(20):
        new_passkey(identity, person)
    is_problem(add(person, Authenticator(origin(identity))), 409, "too_many_passkeys")


def test_changes_need_a_fresh_sign_in(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        person = signed_in(identity)
        device, passkey = new_passkey(identity, person)
        options = person.post(f"{PASSKEYS}/options").json
        clock.shift(600)
        body = {"name": "x", "credential": Authenticator(origin(identity)).create(options)}
        for call in (
            person.post(f"{PASSKEYS}/options"),
            person.post(PASSKEYS, json=body),
            person.delete(f"{PASSKEYS}/{passkey}"),
        ):
            is_problem(call, 403, "step_up_required")
        assert count(identity, Passkey) == 1
        assert step_up(person, device).status_code == 204
        assert person.delete(f"{PASSKEYS}/{passkey}").status_code == 204


def test_nobody_sees_or_removes_somebody_elses_passkey(identity, person, other):
    _, passkey = new_passkey(identity, person)
    assert other.get(PASSKEYS).json["items"] == []
    foreign, absent = (other.delete(f"{PASSKEYS}/{name}") for name in (passkey, uuid4()))
    is_problem(foreign, 404, "not_found")
    assert foreign.json | {"requestId": 0} == absent.json | {"requestId": 0}
    assert count(identity, Passkey) == 1


def test_names_are_one_visible_line(identity, person):
    device = Authenticator(origin(identity))
    for name in ("", " ", "a\nb", "\u202egp", "x" * 201, "\u200b", 5, None):
        options = person.post(f"{PASSKEYS}/options").json
        body = {"name": name, "credential": device.create(options)}
        is_problem(person.post(PASSKEYS, json=body), 422, "validation_failed")
    assert add(person, device, "x" * 200).status_code == 201


# Step-up


def test_step_up_by_passkey(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        person = signed_in(identity)
        is_problem(person.post(f"{STEP_UP}/options"), 409, "no_passkey")
        device, _ = new_passkey(identity, person, verifies=False)
        clock.shift(600)
        is_problem(person.post(TOTP), 403, "step_up_required")
        options = person.post(f"{STEP_UP}/options").json
        assert [entry["id"] for entry in options["allowCredentials"]] == [encoded(device.credential_id)]
        answer = person.post(STEP_UP, json={"credential": device.get(options)})
        assert (answer.status_code, answer.data) == (204, b"")
        assert person.post(TOTP).status_code == 201
        clock.shift(600)
        is_problem(person.post(TOTP), 403, "step_up_required")


def test_nobody_steps_up_with_somebody_elses_passkey_or_challenge(identity, anna, tenant):
    with time_machine.travel(NOW, tick=False) as clock:
        person = signed_in(identity)
        identity.user(tenant, OTTO)
        other = signed_in(identity, OTTO)
        hers, _ = new_passkey(identity, person)
        his, _ = new_passkey(identity, other)
        clock.shift(600)
        is_problem(step_up(other, hers), 403, "passkey_refused")
        options = person.post(f"{STEP_UP}/options").json
        is_problem(other.post(STEP_UP, json={"credential": hers.get(options)}), 403, "passkey_refused")
        is_problem(other.post(STEP_UP, json={"credential": his.get(options)}), 403, "passkey_refused")
        is_problem(other.post(TOTP), 403, "step_up_required")
        assert step_up(other, his).status_code == 204


def test_a_tampered_step_up_is_refused(identity, person):
    device, _ = new_passkey(identity, person)
    for changes in ({"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"sign_count": 0}):
        assert step_up(person, device).status_code == 204
        is_problem(step_up(person, device, **changes), 403, "passkey_refused")


# Together with the rest


def test_a_passkey_is_a_factor_for_recovery_codes_and_the_last_one_takes_them_along(identity, person):
    _, passkey = new_passkey(identity, person)
    assert person.post(RECOVERY).status_code == 201
    assert person.get(TOTP).json["recoveryCodesLeft"] == 10
    with_totp(person)
    assert person.delete(TOTP).status_code == 204
    assert person.get(TOTP).json["recoveryCodesLeft"] == 10, "the passkey is left"
    assert person.delete(f"{PASSKEYS}/{passkey}").status_code == 204
    assert person.get(TOTP).json["recoveryCodesLeft"] == 0


def test_challenges_nobody_answers_are_cleared_away(identity, person):
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3):
            sign_in_options(identity)
        clock.shift(200)
        sign_in_options(identity)
        clock.shift(101)
        with acting_as(Principal.system("identity")):
            assert tasks.trim(identity.running.runtime) is False
        assert count(identity, PasskeyChallenge) == 1
