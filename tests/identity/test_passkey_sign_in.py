"""Signing in with a passkey, and what a forged, replayed or foreign one opens: nothing."""

import copy
import json
import threading
from uuid import uuid4

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as generated
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from chassis.core.principal import Principal, acting_as
from services.identity.factors.models import PasskeyChallenge
from tests.identity.authenticator import Authenticator, decoded, encoded
from tests.identity.browsers import OWN_PAGE
from tests.identity.conftest import PASSWORD, is_problem
from tests.identity.factors import (
    ANNA,
    NOW,
    OTTO,
    PASSKEYS,
    SESSION,
    STEP_UP,
    TOTP,
    count,
    new_passkey,
    origin,
    show,
    sign_in,
    sign_in_options,
    signed_in,
    tampered,
)
from tests.identity.test_recovery import enforce_sso


@pytest.fixture
def person(identity, anna):
    return signed_in(identity)


@pytest.fixture
def other(identity, tenant, anna):
    identity.user(tenant, OTTO)
    return signed_in(identity, OTTO)


def test_no_passkey_counts_where_single_sign_on_is_the_only_way(identity, tenant, person):
    device, _ = new_passkey(identity, person)
    enforce_sso(identity, tenant)
    problem = is_problem(show(identity, device.get(sign_in_options(identity))), 403, "sso_required")
    assert problem["signInUrl"] == "http://localhost:8080/session/sso/nordic-heating"


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


def test_a_network_asks_for_so_many_challenges_and_then_one_in_three_seconds(identity):
    """Nobody has to sign in for one, and each is stored."""

    def ask(address="192.0.2.1"):
        return identity.nobody.post(f"{SESSION}/options", json={}, headers=OWN_PAGE | {"X-Concord-Client": address})

    with time_machine.travel(NOW, tick=False) as clock:
        assert [ask().status_code for _ in range(100)] == [200] * 100
        assert count(identity, PasskeyChallenge) == 100
        is_problem(ask(), 429, "too_many_attempts")
        assert ask().headers["Retry-After"] == "3"
        assert count(identity, PasskeyChallenge) == 100
        assert ask("198.51.100.7").status_code == 200
        clock.shift(3)
        assert [ask().status_code for _ in range(2)] == [200, 429]


def test_a_challenge_stands_once(identity):
    """So that it is found without reading all that strangers have asked for."""
    row = {"purpose": "sign_in", "challenge": b"x" * 64, "expires_at": NOW}
    with (
        pytest.raises(IntegrityError),
        acting_as(Principal.system("test")),
        identity.running.database.begin() as session,
    ):
        session.add_all(PasskeyChallenge(id=uuid4(), **row) for _ in range(2))


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
