"""Passkeys: added, shown, removed; and whatever a forged, replayed or foreign one is good for: nothing."""

import copy
import json
import threading
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as generated
from hypothesis import strategies as st
from sqlalchemy import func, select

from chassis.core.principal import Principal, acting_as
from services.identity.factors import tasks, verification
from services.identity.factors.models import Passkey, PasskeyChallenge
from services.identity.factors.verification import RelyingParty
from tests.identity.authenticator import Authenticator, decoded, encoded
from tests.identity.conftest import PASSWORD, is_problem
from tests.identity.factors import PASSKEYS, RECOVERY, TOTP, add, new_passkey, origin, secured, signed_in, with_totp

NOW = datetime(2026, 4, 1, 12, 0, 10, tzinfo=UTC)
STEP_UP = "/api/v1/me/step-up/passkey"
SESSION = "/session/passkey"
OTTO = "otto@nordic-heating.example"
ANNA = "anna@nordic-heating.example"


@pytest.fixture
def person(identity, anna):
    return signed_in(identity)


@pytest.fixture
def other(identity, tenant, anna):
    identity.user(tenant, OTTO)
    return signed_in(identity, OTTO)


def from_our_page(client, path, body, **headers):
    return client.post(path, json=body, headers={"Sec-Fetch-Site": "same-origin"} | headers)


def sign_in_options(identity, **body):
    answer = from_our_page(identity.nobody, f"{SESSION}/options", body)
    assert answer.status_code == 200, answer.json
    return answer.json


def show(identity, credential, **body):
    return from_our_page(identity.nobody, SESSION, {"credential": credential} | body)


def sign_in(identity, device, username=None, body=None, **changes):
    options = sign_in_options(identity, **({"username": username} if username else {}))
    return show(identity, device.get(options, **changes), **(body or {}))


def step_up(client, device, **changes):
    options = client.post(f"{STEP_UP}/options").json
    return client.post(STEP_UP, json={"credential": device.get(options, **changes)})


def count(identity, model):
    with acting_as(Principal.system("test")), identity.running.database.read() as session:
        return session.scalar(select(func.count()).select_from(model))


def tampered(credential, field):
    """The same with one bit of a field turned over."""
    forged = copy.deepcopy(credential)
    data = bytearray(decoded(forged["response"][field]))
    data[-1] ^= 1
    forged["response"][field] = encoded(bytes(data))
    return forged


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


# Signing in


def test_a_passkey_is_the_only_factor_where_its_device_checks_who_holds_it(identity, person, anna):
    device, _ = new_passkey(identity, person)
    options = sign_in_options(identity)
    assert options["userVerification"] == "required"
    assert (options["rpId"], options["allowCredentials"]) == ("localhost", [])
    answer = show(identity, device.get(options), keep=True)
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "expires_in"}
    claims = identity.claims(answer.json["access_token"])
    assert claims["sub"] == anna
    assert "setup" not in claims
    cookie = answer.headers["Set-Cookie"]
    for part in ("concord_session=", "HttpOnly", "SameSite=Strict", "Path=/session", "Max-Age="):
        assert part in cookie
    assert person.get(PASSKEYS).json["items"][0]["lastUsedAt"].endswith("Z")
    assert identity.as_bearer(answer.json["access_token"]).post(TOTP).status_code == 201, "it counts as fresh"


def test_without_that_check_it_is_the_second_factor(identity, person, anna):
    device, _ = new_passkey(identity, person, verifies=False)
    is_problem(sign_in(identity, device, ANNA), 401, "second_factor_required")
    is_problem(sign_in(identity, device, ANNA, {"password": "not-hers-at-all"}), 401, "passkey_refused")
    answer = sign_in(identity, device, ANNA, {"password": PASSWORD})
    assert answer.status_code == 200
    assert identity.claims(answer.json["access_token"])["sub"] == anna


def test_passwords_beside_a_passkey_are_throttled(identity, person):
    device, _ = new_passkey(identity, person, verifies=False)
    for _ in range(10):
        is_problem(sign_in(identity, device, ANNA, {"password": "not-hers-at-all"}), 401, "passkey_refused")
    is_problem(sign_in(identity, device, ANNA, {"password": PASSWORD}), 429, "too_many_attempts")


def test_options_do_not_tell_which_names_there_are(identity, person, other):
    """Known with a passkey, known without, unknown: the same but for the challenge; nor does a passkey of one's own."""
    new_passkey(identity, person)
    mine, _ = new_passkey(identity, other)
    identity.user(identity.tenant("Else"), "eve@else.example")
    for name in (ANNA, ANNA.upper(), "eve@else.example", "nobody@nordic-heating.example", "no address", "x" * 320):
        options = sign_in_options(identity, username=name)
        assert options | {"challenge": ""} == {
            "challenge": "",
            "timeout": 300_000,
            "rpId": "localhost",
            "allowCredentials": [],
            "userVerification": "preferred",
        }
        assert len(decoded(options["challenge"])) == 64
        is_problem(show(identity, mine.get(options)), 401, "passkey_refused")
    assert sign_in(identity, mine, OTTO).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost"},
        {"rp_id": "evil.example"},
        {"type": "webauthn.create"},
        {"challenge": encoded(b"x" * 64)},
        {"challenge": None},
        {"user_handle": b"somebody else"},
        {"sign_count": 0},
    ],
    ids=str,
)
def test_what_was_signed_for_something_else_opens_nothing(identity, person, changes):
    device, _ = new_passkey(identity, person)
    assert sign_in(identity, device).status_code == 200
    is_problem(sign_in(identity, device, **changes), 401, "passkey_refused")
    assert sign_in(identity, device).status_code == 200


@pytest.mark.parametrize("field", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
def test_a_tampered_assertion_opens_nothing(identity, person, field):
    device, _ = new_passkey(identity, person)
    credential = device.get(sign_in_options(identity))
    is_problem(show(identity, tampered(credential, field)), 401, "passkey_refused")


def test_another_key_under_the_same_name_opens_nothing(identity, person):
    device, _ = new_passkey(identity, person)
    forger = Authenticator(origin(identity))
    forger.credential_id, forger.user_handle, forger.sign_count = device.credential_id, device.user_handle, 50
    is_problem(sign_in(identity, forger), 401, "passkey_refused")
    is_problem(sign_in(identity, Authenticator(origin(identity))), 401, "passkey_refused")


def test_an_assertion_is_good_once(identity, person):
    device, _ = new_passkey(identity, person, counts=False)
    credential = device.get(sign_in_options(identity))
    assert show(identity, credential).status_code == 200
    is_problem(show(identity, credential), 401, "passkey_refused")


def test_of_many_tries_with_one_assertion_at_once_one_succeeds(identity, person):
    device, _ = new_passkey(identity, person, counts=False)
    credential = device.get(sign_in_options(identity))
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(show(identity, credential).status_code)) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [200] + [401] * 5


def test_a_challenge_lasts_five_minutes(identity, anna):
    with time_machine.travel(NOW, tick=False) as clock:
        device, _ = new_passkey(identity, signed_in(identity))
        early, late = sign_in_options(identity), sign_in_options(identity)
        clock.shift(299)
        assert show(identity, device.get(early)).status_code == 200
        clock.shift(1)
        is_problem(show(identity, device.get(late)), 401, "passkey_refused")


def test_a_challenge_is_good_for_its_purpose_only(identity, person):
    device, _ = new_passkey(identity, person)
    to_step_up = person.post(f"{STEP_UP}/options").json
    is_problem(show(identity, device.get(to_step_up)), 401, "passkey_refused")
    to_sign_in = sign_in_options(identity)
    is_problem(person.post(STEP_UP, json={"credential": device.get(to_sign_in)}), 403, "passkey_refused")


def test_a_cloned_device_is_noticed_by_its_count(identity, person):
    device, _ = new_passkey(identity, person)
    clone = copy.copy(device)
    for _ in range(3):
        assert sign_in(identity, device).status_code == 200
    is_problem(sign_in(identity, clone), 401, "passkey_refused")
    assert sign_in(identity, device).status_code == 200


def test_counts_of_32_bits_are_kept(identity, person):
    device, _ = new_passkey(identity, person)
    assert sign_in(identity, device, sign_count=2**32 - 1).status_code == 200
    is_problem(sign_in(identity, device), 401, "passkey_refused")


def test_devices_that_do_not_count_are_good_for_ever(identity, person):
    device, _ = new_passkey(identity, person, counts=False)
    for _ in range(3):
        assert sign_in(identity, device).status_code == 200


def test_a_removed_passkey_or_person_opens_nothing(identity, tenant, person, other, anna):
    device, passkey = new_passkey(identity, person)
    options = sign_in_options(identity)
    person.delete(f"{PASSKEYS}/{passkey}")
    is_problem(show(identity, device.get(options)), 401, "passkey_refused")
    device, _ = new_passkey(identity, person)
    identity.admin.delete(f"/api/v1/admin/tenants/{tenant}/users/{anna}")
    is_problem(sign_in(identity, device), 401, "passkey_refused")


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8080"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
    ids=str,
)
def test_only_pages_of_ours_sign_in(identity, headers):
    for path in (f"{SESSION}/options", SESSION):
        body = {} if path != SESSION else {"credential": Authenticator("x").get({"challenge": "eA", "rpId": "x"})}
        answer = identity.nobody.post(path, json=body, headers=headers)
        assert answer.status_code == 403
    assert count(identity, PasskeyChallenge) == 0


def test_a_browser_without_fetch_metadata_shows_its_origin(identity):
    answer = identity.nobody.post(f"{SESSION}/options", json={}, headers={"Origin": origin(identity)})
    assert answer.status_code == 200


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


@pytest.mark.parametrize(
    ("public_url", "party"),
    [
        ("https://concord.example", ("concord.example", "https://concord.example")),
        ("https://Concord.example:443", ("concord.example", "https://concord.example")),
        ("https://concord.example:8443/base", ("concord.example", "https://concord.example:8443")),
        ("http://localhost:8080", ("localhost", "http://localhost:8080")),
    ],
)
def test_passkeys_belong_to_the_public_address(public_url, party):
    known = RelyingParty.at(public_url)
    assert (known.id, known.origin) == party


BYTES = st.binary(max_size=200).map(encoded)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
CLIENT_DATA = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("type", "challenge", "origin", "crossOrigin", "tokenBinding"), JSON)
).map(lambda content: encoded(json.dumps(content).encode()))


@generated(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(client_data=CLIENT_DATA | BYTES, data=BYTES, signature=BYTES | st.text(min_size=1), use_challenge=st.booleans())
def test_arbitrary_credentials_are_refused_and_nothing_breaks(identity, client_data, data, signature, use_challenge):
    options = sign_in_options(identity)
    if use_challenge:
        content = {"type": "webauthn.get", "challenge": options["challenge"], "origin": origin(identity)}
        client_data = encoded(json.dumps(content).encode())
    response = {"clientDataJSON": client_data, "authenticatorData": data, "signature": signature}
    credential = {"id": "eA", "rawId": "eA", "type": "public-key", "response": response}
    assert show(identity, credential).status_code in (400, 401, 422)


PARTY = RelyingParty("localhost", "http://localhost:8080")
CHALLENGE = b"c" * 64


def made(device):
    user = {"id": encoded(b"u" * 16)}
    return device.create({"user": user, "rp": {"id": PARTY.id}, "challenge": encoded(CHALLENGE)})


@given(
    position=st.integers(0, 10_000),
    flip=st.integers(1, 255),
    field=st.sampled_from(["clientDataJSON", "attestationObject"]),
)
def test_a_damaged_registration_is_refused_or_is_none_of_ours(position, flip, field):
    """Without attestation a device may say what it likes of itself; what must hold are challenge, origin and host."""
    device = Authenticator(PARTY.origin)
    credential = made(device)
    data = bytearray(decoded(credential["response"][field]))
    data[position % len(data)] ^= flip
    credential["response"][field] = encoded(bytes(data))
    try:
        verification.verified_passkey(PARTY, credential, CHALLENGE)
    except verification.NotVerified:
        return
    if field == "clientDataJSON":
        content = json.loads(bytes(data))
        assert (decoded(content["challenge"]), content["origin"]) == (CHALLENGE, PARTY.origin)


@given(
    position=st.integers(0, 10_000),
    flip=st.integers(1, 255),
    field=st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]),
)
def test_no_damaged_assertion_is_accepted(position, flip, field):
    device = Authenticator(PARTY.origin)
    passkey = verification.verified_passkey(PARTY, made(device), CHALLENGE)
    known = {"public_key": passkey.public_key, "sign_count": passkey.sign_count}
    credential = device.get({"rpId": PARTY.id, "challenge": encoded(CHALLENGE)})
    assert verification.verified_assertion(PARTY, credential, CHALLENGE, **known).user_verified
    data = bytearray(decoded(credential["response"][field]))
    data[position % len(data)] ^= flip
    credential["response"][field] = encoded(bytes(data))
    with pytest.raises(verification.NotVerified):
        verification.verified_assertion(PARTY, credential, CHALLENGE, **known)


@given(data=st.binary(max_size=300), signature=st.binary(max_size=100))
def test_arbitrary_bytes_are_no_passkey_and_no_assertion(data, signature):
    device = Authenticator(PARTY.origin)
    passkey = verification.verified_passkey(PARTY, made(device), CHALLENGE)
    known = {"public_key": passkey.public_key, "sign_count": passkey.sign_count}
    new, shown = made(device), device.get({"rpId": PARTY.id, "challenge": encoded(CHALLENGE)})
    new["response"]["attestationObject"] = encoded(data)
    shown["response"] |= {"authenticatorData": encoded(data), "signature": encoded(signature)}
    with pytest.raises(verification.NotVerified):
        verification.verified_passkey(PARTY, new, CHALLENGE)
    with pytest.raises(verification.NotVerified):
        verification.verified_assertion(PARTY, shown, CHALLENGE, **known)
