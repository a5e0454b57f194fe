"""Of many who come with one token at once, one gets through, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor

from chassis.core.principal import Principal, acting_as
from services.identity.account import tasks
from tests.identity.conftest import PASSWORD, is_problem
from tests.identity.test_recovery import ask


def at_once(number, call):
    """The answers of ``number`` calls that begin at the same moment; each gets its number."""
    barrier = threading.Barrier(number)

    def wait_and_call(index):
        barrier.wait()
        return call(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(wait_and_call, range(number)))


def test_of_many_resets_with_one_token_one_wins(identity, anna):
    token = identity.link(anna).token
    bodies = [{"token": token, "password": f"lagom långt lösen {index}"} for index in range(6)]
    answers = at_once(6, lambda index: identity.nobody.post("/session/reset", json=bodies[index]))
    assert sorted(answer.status_code for answer in answers) == [204] + [422] * 5
    for answer in answers:
        if answer.status_code != 204:
            is_problem(answer, 422, "link_invalid")
    winner = next(index for index, answer in enumerate(answers) if answer.status_code == 204)
    signed_in = [identity.sign_in(password=body["password"]).status_code for body in bodies]
    assert [index for index, status in enumerate(signed_in) if status == 200] == [winner]
    assert len(identity.running.events("identity.AccountSecured.v2")) == 1


def test_of_many_links_made_at_once_one_is_good(identity, anna):
    """Nobody waits for another who waits for them: use and replacement lock in the same order."""
    first = identity.link(anna).token
    new = at_once(
        6,
        lambda index: (
            identity.link(anna).token
            if index
            else identity.nobody.post("/session/reset", json={"token": first, "password": "lagom långt lösen"})
        ),
    )
    assert new[0].status_code in (204, 422)
    answers = [
        identity.nobody.post("/session/reset", json={"token": token, "password": "ett annat lösenord"})
        for token in new[1:]
    ]
    assert sorted(answer.status_code for answer in answers) == [204] + [422] * 4


def test_of_many_schedulers_one_answers_what_was_asked(identity, anna):
    """One mail for one asking, however many processes of identity there are."""
    ask(identity)

    def answer(_index):
        with acting_as(Principal.system("identity")):
            return tasks.answer_asked_reset(identity.running.runtime)

    assert sorted(at_once(4, answer)) == [False, False, False, True]
    assert len(identity.running.events("identity.PasswordResetRequested.v1")) == 1


def test_of_many_changes_with_one_password_one_wins(identity, anna):
    """Who had the old password a moment ago does not have it any more."""
    signed_in = [identity.as_bearer(identity.sign_in().json["access_token"]) for _ in range(4)]
    bodies = [{"current": PASSWORD, "new": f"lagom långt lösen {index}"} for index in range(4)]
    answers = at_once(4, lambda index: signed_in[index].post("/api/v1/me/password", json=bodies[index]))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 409, 422}
    winner = statuses.index(204)
    assert identity.sign_in(password=bodies[winner]["new"]).status_code == 200


def test_first_settings_that_are_stored_at_once_are_one_row(identity, anna):
    me = identity.as_bearer(identity.sign_in().json["access_token"])
    answers = at_once(4, lambda index: me.put("/api/v1/me/settings", json={"n": index}, headers={"If-Match": '"0"'}))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    assert identity.rows()["user_settings"] == 1
