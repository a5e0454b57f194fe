"""The own account (contract, "Own account"): name, language, time zone, password and settings of whoever asks."""

import itertools
import json
from uuid import uuid4

import pytest

from chassis.core.principal import Principal
from contracts.roles import Role
from tests.identity.conftest import ADMIN, PASSWORD, is_oauth_error, is_problem
from tests.plugin import principal

ME = "/api/v1/me"
NEW = "ett långt nytt lösenord"


@pytest.fixture
def me(identity, anna):
    """Anna's browser."""
    return identity.as_bearer(identity.sign_in().json["access_token"])


@pytest.fixture
def outsiders(identity, tenant):
    """Callers who have no account of a person here."""
    key = identity.api_key(tenant)
    machine = identity.token(grant_type="client_credentials", client_id=key["apiKey"], client_secret=key["secret"])
    foreign = principal(Role.SUPPLIER_ADMIN, tenant_id=tenant, name="Fredrik")
    return [identity.as_bearer(machine.json["access_token"]), identity.running.client(foreign)]


def test_name_language_and_zone_are_ones_own_to_change(identity, tenant, anna, me):
    answer = me.patch(ME, json={"name": " Anna Ek ", "locale": "sv", "timeZone": "Europe/Oslo"})
    assert answer.status_code == 200
    assert answer.json == me.get(ME).json
    assert [answer.json[name] for name in ("name", "locale", "timeZone")] == ["Anna Ek", "sv", "Europe/Oslo"]
    (event,) = identity.running.events("identity.UserChanged.v1")
    assert (event["subject"], event["tenantids"]) == (anna, tenant)
    assert event["data"] == {
        "userId": anna,
        "tenantId": tenant,
        "email": "anna@nordic-heating.example",
        "name": "Anna Ek",
        "role": "SupplierAdmin",
        "suspended": False,
        "locale": "sv",
        "timeZone": "Europe/Oslo",
    }
    entry = identity.trail(anna)[0]
    assert (entry["action"], entry["changes"]["name"]) == ("user.changed", ["Anna", "Anna Ek"])


def test_what_is_left_out_stays_and_null_gives_the_choice_back(identity, me):
    me.patch(ME, json={"locale": "nb", "timeZone": "Europe/Oslo"})
    assert me.patch(ME, json={"locale": None}).json["locale"] is None
    assert me.get(ME).json["timeZone"] == "Europe/Oslo"
    before = identity.rows()
    assert me.patch(ME, json={"name": "Anna", "timeZone": "Europe/Oslo"}).status_code == 200
    assert me.patch(ME, json=me.get(ME).json).status_code == 200, "D65: what was answered can be sent back"
    assert identity.rows() == before


@pytest.mark.parametrize("name", ["Åsa 👩🏽‍🔧", "שרה לוי", "é" * 200, "O'Neill <b>"])
def test_names_of_all_letters_are_taken(me, name):
    assert me.patch(ME, json={"name": name}).json["name"] == name


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "a\u202eb"},
        {"name": "a\r\nb"},
        {"name": None},
        {"locale": "tlh"},
        {"locale": "SV"},
        {"timeZone": "Mars/Base"},
        {"timeZone": "../etc/passwd"},
        {"userid": "x"},
        {"password": NEW},
    ],
)
def test_bad_changes_are_refused(identity, me, change):
    before = identity.rows()
    is_problem(me.patch(ME, json=change), 422, "validation_failed")
    assert identity.rows() == before


def test_a_read_only_role_or_mail_is_not_changed(me):
    """D65: fields of the answer that cannot be written are ignored."""
    answer = me.patch(ME, json={"role": "PlatformAdmin", "email": "x@y.example", "tenant": {"id": str(uuid4())}})
    assert (answer.json["role"], answer.json["email"]) == ("SupplierAdmin", "anna@nordic-heating.example")


def test_only_people_with_an_account_here_change_one(identity, outsiders):
    before = identity.rows()
    for client in outsiders:
        is_problem(client.patch(ME, json={"name": "X"}), 403, "no_account")
        is_problem(client.post(f"{ME}/password", json={"current": PASSWORD, "new": NEW}), 403, "no_account")
        is_problem(client.get(f"{ME}/settings"), 403, "no_account")
        is_problem(client.put(f"{ME}/settings", json={}), 403, "no_account")
        assert client.get(ME).json["hasPassword"] is False
    assert identity.rows() == before


def test_another_tenants_claim_reaches_nobodys_account(identity, anna, me):
    """S0-9: Anna's id with another tenant's is not Anna."""
    me.put(f"{ME}/settings", json={"views": [1]})
    other = identity.tenant("Other")
    stranger = identity.running.client(principal(Role.SUPPLIER_ADMIN, tenant_id=other, user_id=anna))
    is_problem(stranger.patch(ME, json={"name": "X"}), 403, "no_account")
    is_problem(stranger.get(f"{ME}/settings"), 403, "no_account")
    is_problem(stranger.put(f"{ME}/settings", json={}), 403, "no_account")
    is_problem(stranger.post(f"{ME}/password", json={"current": PASSWORD, "new": NEW}), 403, "no_account")
    assert me.get(f"{ME}/settings").json == {"views": [1]}


def test_a_changed_password_ends_the_other_sessions_and_tells_its_owner(identity, tenant, anna):
    here, elsewhere = identity.sign_in().json, identity.sign_in().json
    me = identity.as_bearer(here["access_token"])
    headers = {"User-Agent": "Firefox", "X-Concord-Client": "192.0.2.7"}
    answer = me.post(f"{ME}/password", json={"current": PASSWORD, "new": NEW}, headers=headers)
    assert (answer.status_code, answer.data) == (204, b"")
    is_oauth_error(identity.sign_in(), 400, "invalid_grant")
    assert identity.sign_in(password=NEW).status_code == 200
    assert identity.refresh(here["refresh_token"]).status_code == 200
    is_oauth_error(identity.refresh(elsewhere["refresh_token"]), 400, "invalid_grant")
    assert identity.claims(elsewhere["access_token"])["sid"] in {entry["id"] for entry in identity.feed()["revoked"]}
    (event,) = identity.running.events("identity.AccountSecured.v2")
    assert (event["subject"], event["tenantids"]) == (anna, "")
    data = event["data"]
    assert {name: data[name] for name in ("what", "detail", "address")} == {
        "what": "password_changed",
        "detail": "Firefox",
        "address": "192.0.2.7",
    }
    assert identity.trail(anna)[0]["action"] == "user.password_changed"
    assert "argon2" not in str(identity.trail()) + str(identity.running.events())


def test_the_new_password_follows_the_policy(identity, me):
    before = identity.rows()
    for weak in ("kort", "password1234", "anna@nordic-heating.example", "Nordic Heating"):
        answer = me.post(f"{ME}/password", json={"current": PASSWORD, "new": weak})
        assert is_problem(answer, 422, "weak_password")["errors"][0]["field"] == "new"
    assert identity.rows() == before
    assert identity.sign_in().status_code == 200


def test_an_old_password_of_any_length_can_be_shown(me):
    answer = me.post(f"{ME}/password", json={"current": "x" * 500, "new": NEW})
    assert is_problem(answer, 422, "wrong_password")["errors"][0]["field"] == "current"


@pytest.mark.parametrize("keys", [False, True])
def test_wrong_passwords_count_also_with_idempotency_keys(identity, me, keys):
    """M3: a stolen access token does not become a way to try passwords; a new key each time is no way round."""
    statuses = []
    for index in range(12):
        headers = {"Idempotency-Key": str(index)} if keys else {}
        body = {"current": f"wrong {index}", "new": NEW}
        statuses.append(me.post(f"{ME}/password", json=body, headers=headers).status_code)
    assert statuses == [422] * 10 + [429] * 2
    refused = me.post(f"{ME}/password", json={"current": PASSWORD, "new": NEW})
    assert int(is_problem(refused, 429, "too_many_attempts") and refused.headers["Retry-After"]) > 0


@pytest.mark.parametrize("keys", [False, True])
def test_wrong_passwords_are_recorded(identity, me, keys):
    """And once that there were too many. Whoever watches the sign-ins sees a stolen token being used."""
    for index in range(12):
        headers = {"Idempotency-Key": str(index)} if keys else {}
        me.post(f"{ME}/password", json={"current": f"wrong {index}", "new": NEW}, headers=headers)
    rows = me.get("/api/v1/tenant/sign-ins?pageSize=50").json["items"]
    assert [(row["how"], row["outcome"]) for row in rows] == [
        ("step_up", "throttled"),
        *[("step_up", "wrong_password")] * 10,
        ("password", "ok"),
    ]


def test_right_passwords_do_not_count(identity, me):
    passwords = [PASSWORD, *(f"{NEW} {index}" for index in range(12))]
    for current, new in itertools.pairwise(passwords):
        assert me.post(f"{ME}/password", json={"current": current, "new": new}).status_code == 204


def test_a_change_acts_once_with_an_idempotency_key(identity, me):
    """D7: a retry after a lost answer is not refused because the old password is gone."""
    body, headers = {"current": PASSWORD, "new": NEW}, {"Idempotency-Key": "once"}
    assert me.post(f"{ME}/password", json=body, headers=headers).status_code == 204
    again = me.post(f"{ME}/password", json=body, headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (204, "true")
    assert len(identity.running.events("identity.AccountSecured.v2")) == 1


def test_settings_are_ones_own_and_versioned(identity, tenant, me):
    """D6."""
    empty = me.get(f"{ME}/settings")
    assert (empty.json, empty.headers["ETag"]) == ({}, '"0"')
    saved = {"views": [{"name": "Öppna 👀", "filter": {"status": ["Draft"]}}], "dense": True, "n": 1.5, "none": None}
    stored = me.put(f"{ME}/settings", json=saved, headers={"If-Match": '"0"'})
    assert (stored.status_code, stored.json, stored.headers["ETag"]) == (200, saved, '"1"')
    is_problem(me.put(f"{ME}/settings", json={}, headers={"If-Match": '"0"'}), 412, "stale_version")
    assert me.get(f"{ME}/settings").json == saved
    assert me.put(f"{ME}/settings", json={"dense": False}).headers["ETag"] == '"2"'
    identity.user(tenant, "bo@nordic-heating.example")
    bo = identity.as_bearer(identity.sign_in("bo@nordic-heating.example").json["access_token"])
    assert bo.get(f"{ME}/settings").json == {}


def test_settings_have_at_most_16_kib(me):
    room = 16 * 1024 - len(json.dumps({"x": ""}, separators=(",", ":")))
    assert me.put(f"{ME}/settings", json={"x": "a" * room}).status_code == 200
    is_problem(me.put(f"{ME}/settings", json={"x": "a" * (room + 1)}), 413, "settings_too_large")
    is_problem(me.put(f"{ME}/settings", json={"x": "å" * (room // 2 + 1)}), 413, "settings_too_large")


@pytest.mark.parametrize("body", ["[]", '"x"', "7", "null", '{"x": 1e999}', '{"x": NaN}', '{"x": "\\u0000"}'])
def test_settings_are_one_json_object(identity, me, body):
    before = identity.rows()
    answer = me.put(f"{ME}/settings", data=body, content_type="application/json")
    assert answer.status_code in (400, 413, 422)
    assert identity.rows() == before


@pytest.mark.parametrize("depth", [21, 900, 8000])
def test_settings_are_not_nested_without_end(me, depth):
    body = '{"x":' + "[" * depth + "]" * depth + "}"
    assert me.put(f"{ME}/settings", data=body, content_type="application/json").status_code in (400, 413)


def test_who_was_removed_has_no_settings(identity, tenant, anna, me):
    identity.admin.delete(f"{ADMIN}/{tenant}/users/{anna}")
    is_problem(me.get(f"{ME}/settings"), 403, "no_account")
    system = identity.running.client(Principal.system("notifier"), sender="notifier")
    is_problem(system.put(f"{ME}/settings", json={}), 403, "no_account")
