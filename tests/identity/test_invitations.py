"""Invitations: a mail with a link that is good once; nobody else hears of the person before it is accepted."""

import json
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine

from services.identity.passwords.hashing import hash_password
from services.identity.teams import enrolment, rules
from tests.identity.conftest import ADMIN, PASSWORD, is_oauth_error, is_problem
from tests.plugin import principal

TEAM = "/api/v1/tenant/users"
BO = {"email": "Bo@Nordic-Heating.example", "name": "Bo", "role": "SupplierViewer"}
NEW = "a long enough one"
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


@pytest.fixture
def admin(identity, anna):
    return identity.as_user()


@pytest.fixture
def bo(admin):
    """Somebody invited; the id of the user."""
    answer = admin.post(TEAM, json=BO)
    assert answer.status_code == 201, answer.json
    return answer.json["id"]


def types(identity):
    return [event["type"] for event in identity.running.events()]


def test_a_colleague_is_invited_and_joins(identity, tenant, admin, bo):
    (event,) = identity.running.events("identity.UserInvited.v1")
    assert (event["subject"], event["sequence"], event["tenantids"]) == (bo, 1, tenant)
    link = identity.mailed(event["data"]["linkId"]).json
    assert event["data"] == {
        "userId": bo,
        "tenantId": tenant,
        "email": "Bo@nordic-heating.example",
        "name": "Bo",
        "role": "SupplierViewer",
        "tenantName": "Nordic Heating",
        "invitedBy": "Anna",
        "linkId": event["data"]["linkId"],
        "expiresAt": link["expiresAt"],
    }
    assert link | {"token": 0} == {
        "token": 0,
        "purpose": "invitation",
        "email": "Bo@nordic-heating.example",
        "name": "Bo",
        "expiresAt": event["data"]["expiresAt"],
    }
    is_oauth_error(identity.sign_in(BO["email"]), 400, "invalid_grant")
    answer = identity.accept(link["token"], name=" Bo Ek ")
    assert (answer.status_code, answer.json["id"], answer.json["name"], answer.json["status"]) == (
        *(201, bo),
        *("Bo Ek", "Active"),
    )
    added = identity.running.events("identity.UserAdded.v1")[-1]
    assert (added["subject"], added["sequence"]) == (bo, 2)
    assert (added["data"]["name"], added["data"]["role"]) == ("Bo Ek", "SupplierViewer")
    claims = identity.claims(identity.sign_in("bo@NORDIC-heating.example", NEW).json["access_token"])
    assert (claims["sub"], claims["role"], claims["tenant"]) == (bo, "SupplierViewer", tenant)
    joined, invited = identity.trail(bo)
    assert (invited["action"], invited["actorName"]) == ("user.invited", "Anna")
    assert (joined["action"], joined["actorId"], joined["changes"]["name"]) == ("user.joined", bo, ["Bo", "Bo Ek"])


def test_nobody_hears_of_an_invitation_that_is_withdrawn(identity, admin, bo):
    token = identity.invitation()
    before = types(identity)
    assert admin.patch(f"{TEAM}/{bo}", json={"role": "SupplierAdmin"}).json["role"] == "SupplierAdmin"
    assert admin.delete(f"{TEAM}/{bo}").status_code == 204
    assert types(identity) == [*before, "identity.UserRemoved.v1"]
    is_problem(identity.accept(token), 422, "link_invalid")
    link_id = identity.running.events("identity.UserInvited.v1")[-1]["data"]["linkId"]
    is_problem(identity.mailed(link_id), 404, "not_found")
    assert admin.post(TEAM, json=BO).status_code == 201, "the address is free again"


def test_a_link_is_good_once(identity, bo):
    token = identity.invitation()
    assert identity.accept(token).status_code == 201
    before = identity.rows()
    is_problem(identity.accept(token, password="another long one"), 422, "link_invalid")
    assert identity.rows() == before
    is_oauth_error(identity.sign_in(BO["email"], "another long one"), 400, "invalid_grant")


def test_of_two_who_accept_one_invitation_one_wins(identity, bo):
    token = identity.invitation()
    passwords = [f"a long enough one {number}" for number in range(4)]
    answers = {}

    def accept(password):
        answers[password] = identity.accept(token, name=password, password=password)

    threads = [threading.Thread(target=accept, args=(password,)) for password in passwords]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcomes = sorted((answer.status_code, answer.json.get("code")) for answer in answers.values())
    assert outcomes == [(201, None)] + [(422, "link_invalid")] * 3
    winner = next(password for password, answer in answers.items() if answer.status_code == 201)
    assert [password for password in passwords if identity.sign_in(BO["email"], password).status_code == 200] == [
        winner
    ]
    assert types(identity).count("identity.UserAdded.v1") == 2  # Anna and the winner


def test_a_link_ends_after_seven_days(identity, tenant):
    with time_machine.travel(NOW, tick=False) as clock:
        identity.admin.post(f"{ADMIN}/{tenant}/users", json=BO)
        event = identity.running.events("identity.UserInvited.v1")[-1]
        assert event["data"]["expiresAt"] == "2026-04-08T12:00:00Z"
        token = identity.invitation()
        clock.shift(timedelta(days=7))
        is_problem(identity.accept(token), 422, "link_invalid")
        is_problem(identity.mailed(event["data"]["linkId"]), 404, "not_found")
        clock.shift(timedelta(seconds=-1))
        assert identity.accept(token).status_code == 201


@pytest.mark.parametrize("token", ["x", "", "a" * 43, "ü" * 43, "a" * 201, None, 7, str(UUID(int=7))])
def test_made_up_links_open_nothing(identity, bo, token):
    before = identity.rows()
    answer = identity.accept(token)
    good_shape = isinstance(token, str) and 1 <= len(token) <= 200
    is_problem(answer, *((422, "link_invalid") if good_shape else (422, "validation_failed")))
    assert identity.rows() == before


def test_passwords_are_hashed_for_good_links_alone(identity, bo, monkeypatch):
    """Hashing is slow on purpose, and everybody may ask for it here."""
    hashed = []

    def count(text):
        hashed.append(text)
        return hash_password(text)

    monkeypatch.setattr(enrolment, "hash_password", count)
    token = identity.invitation()
    is_problem(identity.accept("a" * 43), 422, "link_invalid")
    is_problem(identity.accept(token, password="bo@nordic-heating.example"), 422, "weak_password")
    assert hashed == []
    assert identity.accept(token).status_code == 201
    is_problem(identity.accept(token), 422, "link_invalid")
    assert hashed == [NEW]


def test_the_link_of_a_reset_is_no_invitation(identity, tenant, anna, bo):
    identity.admin.post(f"{ADMIN}/{tenant}/users/{anna}/recover")
    event = identity.running.events("identity.PasswordResetRequested.v1")[-1]
    is_problem(identity.accept(identity.mailed(event["data"]["linkId"]).json["token"]), 422, "link_invalid")


BAD = [
    {"password": "too short 1"},
    {"password": "x" * 129},
    {"password": " " * 12},
    {"password": "bo@nordic-heating.example"},
    {"password": "NORDIC heating"},
    {"password": None},
    {"name": " "},
    {"name": "Bo\r\nBcc: x"},
    {"name": "Bo\u202e"},
    {"name": "x" * 201},
    {"role": "SupplierAdmin"},
    {"email": "eve@evil.example"},
]


@pytest.mark.parametrize("change", BAD, ids=lambda change: str(change)[:40])
def test_what_is_refused_leaves_the_link_good(identity, bo, change):
    token = identity.invitation()
    before = identity.rows()
    problem = is_problem(identity.accept(token, **change), 422, identity.accept(token, **change).json["code"])
    assert {error["field"] for error in problem["errors"]} == set(change)
    assert identity.rows() == before
    assert identity.accept(token).status_code == 201


@pytest.mark.parametrize("name", ["👩‍🔧 Bo", "בו אק", "ö" * 200, "Bo\u0308 Ek"])
def test_names_of_all_kinds_join(identity, bo, name):
    answer = identity.accept(identity.invitation(), name=name)
    assert answer.status_code == 201
    assert answer.json["name"] == name.replace("o\u0308", "ö")


def test_only_json_is_taken(identity, bo):
    """So that no form of another site can send it."""
    form = {"token": identity.invitation(), "name": "Bo", "password": NEW}
    is_problem(identity.nobody.post("/session/accept-invitation", data=form), 415, "unsupported_media_type")
    text = identity.nobody.post(
        "/session/accept-invitation", data=json.dumps(form), headers={"Content-Type": "text/plain"}
    )
    is_problem(text, 415, "unsupported_media_type")


def test_an_invited_address_is_taken(identity, tenant, admin, bo):
    other = identity.tenant("Other")
    before = identity.rows()
    again = BO | {"email": "BO@nordic-heating.example"}
    is_problem(admin.post(TEAM, json=again), 409, "email_taken")
    is_problem(identity.admin.post(f"{ADMIN}/{other}/users", json=again), 409, "email_taken")
    assert identity.rows() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"role": "RetailerAdmin"}, "role_does_not_fit"),
        ({"role": "PlatformAdmin"}, "role_does_not_fit"),
        ({"role": "Machine"}, "validation_failed"),
        ({"password": NEW}, "validation_failed"),
        ({"email": "no address"}, "validation_failed"),
        ({"name": ""}, "validation_failed"),
    ],
)
def test_bad_invitations_are_refused_and_nothing_is_written(identity, admin, change, code):
    before = identity.rows()
    is_problem(admin.post(TEAM, json=BO | change), 422, code)
    assert identity.rows() == before


def test_a_repeated_invitation_is_sent_once(identity, admin):
    """D7."""
    key = {"Idempotency-Key": "bo"}
    first, again = (admin.post(TEAM, json=BO, headers=key) for _ in range(2))
    assert (again.status_code, again.json, again.headers["Idempotent-Replayed"]) == (201, first.json, "true")
    assert types(identity).count("identity.UserInvited.v1") == 1


def test_an_invitation_that_never_arrived_is_sent_again(identity, tenant):
    """The new link replaces the old one; at most one a minute, and five a day to one address."""
    with time_machine.travel(NOW, tick=False) as clock:
        path = f"{ADMIN}/{tenant}/users"
        user = identity.admin.post(path, json=BO).json["id"]
        first = identity.invitation()
        admin = identity.running.client(principal(tenant_id=UUID(tenant)))
        early = is_problem_with_wait(admin.post(f"{TEAM}/{user}/resend-invitation"))
        assert early == 60
        clock.shift(60)
        assert admin.post(f"{TEAM}/{user}/resend-invitation").status_code == 204
        second = identity.invitation()
        assert second != first
        is_problem(identity.accept(first), 422, "link_invalid")
        for _ in range(3):
            clock.shift(60)
            assert admin.post(f"{TEAM}/{user}/resend-invitation").status_code == 204
        clock.shift(60)
        wait = is_problem_with_wait(admin.post(f"{TEAM}/{user}/resend-invitation"))
        assert wait == 24 * 3600 - 5 * 60
        admin.delete(f"{TEAM}/{user}")
        is_problem_with_wait(admin.post(TEAM, json=BO))  # withdrawing is no way round
        clock.shift(wait)
        assert admin.post(TEAM, json=BO).status_code == 201
        assert identity.accept(identity.invitation()).status_code == 201


def is_problem_with_wait(answer):
    is_problem(answer, 429, "too_many_invitations")
    return int(answer.headers["Retry-After"])


@pytest.mark.parametrize(
    ("sent", "apart", "wait"),
    [
        ([], 0, 0),
        ([], 60, 0),
        ([-10], 0, 0),
        ([-10], 60, 50),
        ([-60], 60, 0),
        ([-500, -400, -300, -200], 0, 0),
        ([-500, -400, -300, -200, -100], 0, 86_400 - 500),
        ([-500, -400, -300, -200, -100, -10], 60, 86_400 - 400),
    ],
)
def test_how_long_to_wait(sent, apart, wait):
    moments = [NOW + timedelta(seconds=seconds) for seconds in sent]
    assert rules.seconds_to_wait(moments, NOW, apart=timedelta(seconds=apart)) == wait


def test_who_has_joined_is_not_invited_again(identity, admin, anna, bo):
    identity.accept(identity.invitation())
    is_problem(admin.post(f"{TEAM}/{bo}/resend-invitation"), 409, "invalid_transition")
    is_problem(admin.post(f"{TEAM}/{anna}/resend-invitation"), 409, "invalid_transition")


def test_an_invitation_is_withdrawn_not_suspended(identity, admin, bo):
    before = identity.rows()
    is_problem(admin.patch(f"{TEAM}/{bo}", json={"suspended": True}), 409, "invalid_transition")
    assert identity.rows() == before


def test_the_operator_invites_by_leaving_the_password_out(identity, tenant):
    answer = identity.admin.post(f"{ADMIN}/{tenant}/users", json=BO)
    assert (answer.status_code, answer.json["status"]) == (201, "Invited")
    assert identity.accept(identity.invitation()).status_code == 201
    (listed,) = identity.admin.get(f"{ADMIN}/{tenant}/users").json["items"]
    assert listed["status"] == "Active"


def test_the_operator_sends_the_mail_to_set_a_password(identity, tenant, anna):
    """No operator ever types a password for somebody else."""
    with time_machine.travel(NOW, tick=False):
        answer = identity.admin.post(f"{ADMIN}/{tenant}/users/{anna}/recover")
    assert (answer.status_code, answer.data) == (204, b"")
    event = identity.running.events()[-1]
    assert (event["type"], event["tenantids"]) == ("identity.PasswordResetRequested.v1", "")
    assert event["data"] == {
        "userId": anna,
        "tenantId": tenant,
        "linkId": event["data"]["linkId"],
        "expiresAt": "2026-04-01T13:00:00Z",
    }
    assert {entry["action"] for entry in identity.trail(anna)} == {"user.added", "user.recovered"}
    assert identity.sign_in().status_code == 200, "the old password stands until another is chosen"
    other = identity.tenant("Other")
    is_problem(identity.admin.post(f"{ADMIN}/{other}/users/{anna}/recover"), 404, "not_found")
    bert = identity.user(tenant, "bert@nordic-heating.example")
    identity.as_user().patch(f"{TEAM}/{bert}", json={"suspended": True})
    is_problem(identity.admin.post(f"{ADMIN}/{tenant}/users/{bert}/recover"), 409, "invalid_transition")


def test_who_has_not_joined_gets_the_invitation_again(identity, tenant):
    with time_machine.travel(NOW, tick=False) as clock:
        user = identity.admin.post(f"{ADMIN}/{tenant}/users", json=BO).json["id"]
        clock.shift(60)
        assert identity.admin.post(f"{ADMIN}/{tenant}/users/{user}/recover").status_code == 204
    assert types(identity)[-1] == "identity.UserInvited.v1"


def test_no_secret_is_written_anywhere(identity, admin, bo):
    token = identity.invitation()
    identity.accept(token, password="a very secret one")
    written = str(identity.running.events()) + str(identity.trail())
    for secret in (token, "a very secret one", "argon2", "digest"):
        assert secret not in written
    assert PASSWORD not in written
