"""D7 where nobody has signed in: an ``Idempotency-Key`` counts for whoever shows the same token."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from chassis.core.clock import utcnow
from services.identity.account import password_actions
from services.identity.sessions.throttle import TooManyAttempts
from tests.identity.conftest import PASSWORD, is_problem

ACCEPT, RESET, RECOVER = "/session/accept-invitation", "/session/reset", "/session/recover"
PASSWORD_OF_MINE = "a long enough one"
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
KEY = "first-try"


@pytest.fixture
def invitation(identity, tenant, anna):
    """The token of somebody's invitation."""
    return identity.link(identity.invited(tenant), "invitation").token


@pytest.fixture
def reset_link(identity, anna):
    return identity.link(anna).token


def post(identity, path, body, key=KEY, **headers):
    return identity.nobody.post(path, json=body, headers={"Idempotency-Key": key, **headers})


def acceptance(token, **change):
    return {"token": token, "name": "Ines Ek", "password": PASSWORD_OF_MINE} | change


def stored(identity):
    with identity.running.database.engine.connect() as connection:
        return connection.execute(text("SELECT key, fingerprint, headers, body FROM idempotency")).all()


def test_an_accepted_invitation_is_answered_again(identity, invitation):
    first = post(identity, ACCEPT, acceptance(invitation))
    events = identity.running.events()
    again = post(identity, ACCEPT, acceptance(invitation))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert identity.running.events() == events


def test_a_reset_is_answered_again_and_without_the_key_the_link_is_used_up(identity, reset_link):
    body = {"token": reset_link, "password": PASSWORD_OF_MINE}
    assert [post(identity, RESET, body).status_code for _ in range(2)] == [204, 204]
    is_problem(identity.nobody.post(RESET, json=body), 422, "link_invalid")
    assert identity.sign_in(password=PASSWORD_OF_MINE).status_code == 200


def test_another_body_is_refused(identity, invitation):
    post(identity, ACCEPT, acceptance(invitation))
    is_problem(post(identity, ACCEPT, acceptance(invitation, name="Eva")), 422, "idempotency_key_reused")


def test_a_password_cannot_be_tried_out_by_a_used_link(identity, reset_link):
    """Whoever finds the mail later, and knows the key, has one try; then not even the right password is answered."""
    body = {"token": reset_link, "password": PASSWORD_OF_MINE}
    post(identity, RESET, body)
    for password in ("another guess of theirs", PASSWORD_OF_MINE):
        answer = post(identity, RESET, body | {"password": password})
        is_problem(answer, 422, "idempotency_key_reused")


def test_somebody_elses_key_means_nothing(identity, tenant, invitation):
    post(identity, ACCEPT, acceptance(invitation))
    other = identity.link(identity.invited(tenant, "eva@nordic-heating.example"), "invitation").token
    answer = post(identity, ACCEPT, acceptance(other, name="Eva"))
    assert (answer.status_code, answer.json["email"]) == (201, "eva@nordic-heating.example")
    is_problem(post(identity, ACCEPT, acceptance("made up")), 422, "link_invalid")


def test_what_was_refused_does_not_use_the_key_up(identity, invitation):
    is_problem(post(identity, ACCEPT, acceptance(invitation, password="short")), 422, "weak_password")
    is_problem(post(identity, ACCEPT, {"token": 7}), 422, "validation_failed")
    assert post(identity, ACCEPT, acceptance(invitation)).status_code == 201


def test_ten_at_once_accept_once(identity, invitation):
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: post(identity, ACCEPT, acceptance(invitation)), range(10)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json["code"] for answer in answers if answer.status_code == 409} <= {"request_in_progress"}
    assert len({answer.json["id"] for answer in answers if answer.status_code == 201}) == 1


def test_a_key_is_forgotten_after_a_day(identity, invitation, time_machine):
    post(identity, ACCEPT, acceptance(invitation))
    time_machine.move_to(utcnow() + timedelta(hours=24, seconds=1))
    is_problem(post(identity, ACCEPT, acceptance(invitation)), 422, "link_invalid")


def test_asking_for_a_link_twice_with_a_key_asks_once(identity, anna):
    for _ in range(2):
        answer = post(identity, RECOVER, {"email": "anna@nordic-heating.example"})
        assert (answer.status_code, answer.json) == (202, {})
    assert identity.rows()["asked_resets"] == 1
    post(identity, RECOVER, {"email": "nobody@nordic-heating.example"})
    assert identity.rows()["asked_resets"] == 2


def test_a_request_that_came_too_often_may_be_sent_again_with_its_key(identity, anna, monkeypatch):
    """It is answered like any other, so that it tells nothing, but nothing was asked."""
    email = {"email": "anna@nordic-heating.example"}
    with monkeypatch.context() as patch:
        patch.setattr(password_actions, "ask_reset", too_often)
        assert post(identity, RECOVER, email).status_code == 202
    assert identity.rows()["asked_resets"] == 0
    assert post(identity, RECOVER, email).status_code == 202
    assert identity.rows()["asked_resets"] == 1


def too_often(session, *_args, **_more):
    session.execute(select(1))
    raise TooManyAttempts(timedelta(minutes=1))


def test_nothing_that_was_sent_or_answered_is_stored_in_clear(identity, invitation, reset_link):
    post(identity, ACCEPT, acceptance(invitation))
    post(identity, RESET, {"token": reset_link, "password": PASSWORD_OF_MINE})
    rows = stored(identity)
    assert len(rows) == 2
    for secret in (KEY, invitation, reset_link, PASSWORD_OF_MINE, "Ines"):
        assert secret not in repr([tuple(map(bytes_or_text, row)) for row in rows])
    assert not any("cookie" in str(row.headers).lower() for row in rows)


def bytes_or_text(value):
    return bytes(value) if isinstance(value, memoryview) else value


def test_a_sign_in_is_never_answered_again(identity, anna):
    """Its answer is a cookie and an access token: each try makes a sign-in of its own, and nothing is stored."""
    body = {"username": "anna@nordic-heating.example", "password": PASSWORD}
    first, again = (post(identity, "/session", body, **OWN_PAGE) for _ in range(2))
    assert first.json["access_token"] != again.json["access_token"]
    assert first.headers["Set-Cookie"] != again.headers["Set-Cookie"]
    assert "Idempotent-Replayed" not in again.headers
    form = {"grant_type": "password", "username": body["username"], "password": PASSWORD}
    tokens = {identity.token({"Idempotency-Key": KEY}, **form).json["refresh_token"] for _ in range(2)}
    assert len(tokens) == 2
    assert stored(identity) == []
