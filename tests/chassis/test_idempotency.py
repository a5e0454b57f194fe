"""A retried POST acts once (D7)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from contracts.roles import Role
from tests.chassis.sample import service
from tests.plugin import principal

ANNA = principal(Role.SUPPLIER_ADMIN)


@pytest.fixture
def sample(start_service):
    return start_service(service)


@pytest.fixture
def anna(sample):
    return sample.client(ANNA)


def post(client, title, key):
    return client.post("/notes", json={"title": title}, headers={"Idempotency-Key": key})


def count(client):
    return client.get("/notes").json["totalItems"]


def test_the_same_key_gives_the_first_answer_again(anna, sample):
    first, again = post(anna, "One", "k1"), post(anna, "One", "k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert count(anna) == 1
    assert len(sample.events()) == 1


def test_another_spelling_of_the_header_counts_too(anna):
    for _ in range(2):
        anna.post("/notes", json={"title": "One"}, headers={"X-Idempotency-Key": "k"})
    assert count(anna) == 1


def test_the_same_key_with_another_body_is_refused(anna):
    post(anna, "One", "k1")
    refused = post(anna, "Two", "k1")
    assert (refused.status_code, refused.json["code"]) == (422, "idempotency_key_reused")
    assert count(anna) == 1


def test_keys_belong_to_their_caller(anna, sample):
    post(anna, "One", "k1")
    assert post(sample.client(principal(Role.SUPPLIER_ADMIN)), "One", "k1").status_code == 201


def test_a_business_refusal_is_an_answer_too_a_validation_error_is_not(anna):
    assert post(anna, "refuse me", "k1").status_code == 409
    replayed = post(anna, "refuse me", "k1")
    assert (replayed.status_code, replayed.json["code"]) == (409, "refused")
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert replayed.content_type == "application/problem+json"
    assert post(anna, "", "k2").status_code == 422
    assert post(anna, "Mended", "k2").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "with space"])
def test_a_key_must_be_visible_ascii(anna, key):
    assert post(anna, "One", key).json["code"] == "invalid_idempotency_key"


def test_a_key_is_forgotten_after_a_day(anna, time_machine):
    time_machine.move_to("2026-04-01T00:00:00Z")
    post(anna, "One", "k1")
    time_machine.move_to("2026-04-02T00:00:01Z")
    assert "Idempotent-Replayed" not in post(anna, "One", "k1").headers


def test_what_is_stored_can_be_read_by_nobody_with_the_database_alone(anna, sample):
    post(anna, "a secret shown once", "k1")
    with sample.database.engine.connect() as connection:
        (row,) = connection.exec_driver_sql("SELECT key, fingerprint, body FROM idempotency").all()
    assert b"secret" not in bytes(row.body)
    assert "k1" not in row.key


def test_fifty_at_once_act_once(sample):
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: post(sample.client(ANNA), "One", "k1"), range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json["code"] for answer in answers if answer.status_code == 409} <= {"request_in_progress"}
    assert count(sample.client(ANNA)) == 1
