"""Of many who come with one token at once, one gets through, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor

from tests.identity.conftest import is_problem


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
    assert len(identity.running.events("identity.AccountSecured.v1")) == 1


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
