"""Trying passwords out (SECURITY M3), and that nobody is locked out by it (ADR 26)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from services.identity.sessions.rules import Bucket, Buckets
from tests.identity.browsers import ANNA, FIREFOX, SAFARI, Browser, together
from tests.identity.conftest import PASSWORD, is_oauth_error, is_problem
from tests.plugin.matrix import generated

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
HOME = "192.0.2.1"
NOBODY = "nobody@nordic-heating.example"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    with time_machine.travel(NOW, tick=False) as travel:
        yield travel


def attempt(identity, address, username=ANNA, password="not the password"):
    return identity.sign_in(username, password, **{"X-Concord-Client": address})


def statuses(identity, addresses, **more):
    return [attempt(identity, address, **more).status_code for address in addresses]


# Who counts as one


@pytest.mark.parametrize("username", [ANNA, NOBODY])
def test_sixty_addresses_of_one_network_are_one(identity, anna, clock, username):
    """SECURITY M3."""
    addresses = [f"2001:db8:0:7::{number:x}" for number in range(1, 61)]
    assert statuses(identity, addresses, username=username) == [400] * 10 + [429] * 50
    assert attempt(identity, "2001:db8:0:7:ffff::1", username, PASSWORD).status_code == 429


@pytest.mark.parametrize("username", [ANNA, NOBODY])
def test_sixty_networks_that_try_one_account_are_stopped_together(identity, anna, clock, username):
    addresses = [f"2001:db8:0:{number:x}::1" for number in range(1, 31)] + [f"198.51.100.{n}" for n in range(30)]
    assert statuses(identity, addresses, username=username) == [400] * 30 + [429] * 30


def test_one_network_that_tries_many_accounts_is_stopped(identity, anna, clock):
    """Password spraying: one password for everybody."""
    names = [f"person{number}@nordic-heating.example" for number in range(105)]
    answers = [attempt(identity, "198.51.100.7", name).status_code for name in names]
    assert answers == [400] * 100 + [429] * 5
    assert attempt(identity, "198.51.100.8", names[-1]).status_code == 400


def test_many_networks_that_try_many_accounts_are_held_to_a_rate(identity, anna, monkeypatch, clock):
    small = Buckets(*(Bucket(1000, MINUTE, MINUTE) for _ in range(4)), overall=Bucket(20, MINUTE / 20, MINUTE))
    monkeypatch.setattr(Buckets, "of", lambda _attempts, _period: small)

    def tries(first):
        return [attempt(identity, f"198.51.100.{n}", f"p{n}@x.example").status_code for n in range(first, first + 22)]

    assert tries(0) == [400] * 20 + [429] * 2
    clock.shift(MINUTE)
    assert tries(50) == [400] * 20 + [429] * 2


def tries_of_site(identity, site, count):
    """Each from another /64 and for another account, so that nothing but the site counts them together."""
    addresses = [(f"2001:db8:{site:x}:{number:x}::1", f"p{site}-{number}@x.example") for number in range(count)]
    return [attempt(identity, *of).status_code for of in addresses]


def test_all_networks_of_an_ipv6_site_are_stopped_together(identity, anna, monkeypatch, clock):
    """A /48 has 65,536 networks. It may try as much as a few of them, another site goes on, and so does IPv4."""
    assert Buckets.of(10, MINUTE).site == Bucket(400, MINUTE * 1.5 / 4, MINUTE / 4)
    large = Bucket(1000, MINUTE, MINUTE)
    small = Buckets(large, large, large, site=Bucket(20, MINUTE / 2, MINUTE / 4), overall=large)
    monkeypatch.setattr(Buckets, "of", lambda _attempts, _period: small)
    assert tries_of_site(identity, 1, 22) == [400] * 20 + [429] * 2
    refused = is_oauth_error(attempt(identity, "2001:db8:1:ffff::1", password=PASSWORD), 429, "too_many_attempts")
    assert refused.headers["Retry-After"] == "15"
    assert tries_of_site(identity, 2, 3) == [400] * 3
    assert statuses(identity, ["198.51.100.7"]) == [400]
    clock.shift(15)
    assert attempt(identity, "2001:db8:1:ffff::1", password=PASSWORD).status_code == 200


def test_a_site_stops_nobody_in_a_network_of_their_own(identity, anna, monkeypatch, clock):
    home = "2001:db8:1:ffff::1"
    assert attempt(identity, home, password=PASSWORD).status_code == 200
    large = Bucket(1000, MINUTE, MINUTE)
    small = Buckets(large, large, large, site=Bucket(20, MINUTE / 2, MINUTE / 4), overall=large)
    monkeypatch.setattr(Buckets, "of", lambda _attempts, _period: small)
    assert tries_of_site(identity, 1, 21) == [400] * 20 + [429]
    assert attempt(identity, home, password=PASSWORD).status_code == 200


@pytest.mark.parametrize("address", ["::ffff:198.51.100.7", "198.51.100.7:4711", "[::ffff:198.51.100.7]:4711"])
def test_an_address_is_the_same_in_every_spelling(identity, anna, clock, address):
    assert statuses(identity, ["198.51.100.7"] * 10 + [address]) == [400] * 10 + [429]


@pytest.mark.parametrize("username", ["ANNA@nordic-heating.example", " anna@Nordic-Heating.example "])
def test_an_account_is_the_same_in_every_spelling(identity, anna, clock, username):
    assert statuses(identity, [HOME] * 10) == [400] * 10
    assert attempt(identity, HOME, username).status_code == 429


# Growing pauses


def test_pauses_double_up_to_a_quarter_of_an_hour(identity, anna, clock):
    """In the quarter of an hour that the first four take one try has been forgotten."""
    assert statuses(identity, [HOME] * 10) == [400] * 10
    for minutes in (1, 2, 4, 8, 8, 15, 15):
        refused = is_oauth_error(attempt(identity, HOME), 429, "too_many_attempts")
        assert refused.headers["Retry-After"] == str(minutes * 60)
        clock.shift(minutes * MINUTE - timedelta(seconds=1))
        assert is_oauth_error(attempt(identity, HOME), 429, "too_many_attempts").headers["Retry-After"] == "1"
        clock.shift(1)
        is_oauth_error(attempt(identity, HOME), 400, "invalid_grant")


def test_after_a_quiet_time_everything_is_forgotten(identity, anna, clock):
    statuses(identity, [HOME] * 11)
    clock.shift(timedelta(hours=4))
    assert statuses(identity, [HOME] * 11) == [400] * 10 + [429]


def test_a_success_forgets_the_persons_own_mistakes(identity, anna, clock):
    assert statuses(identity, [HOME] * 9) == [400] * 9
    assert attempt(identity, HOME, password=PASSWORD).status_code == 200
    assert statuses(identity, [HOME] * 11) == [400] * 10 + [429]


def test_a_success_of_an_attackers_own_account_forgets_nothing_of_the_others(identity, tenant, anna, clock):
    eve = "eve@nordic-heating.example"
    identity.user(tenant, eve, "SupplierViewer")
    attacker = "198.51.100.7"
    for turn in range(20):
        for number in range(5):
            attempt(identity, attacker, f"person{turn}-{number}@x.example")
    assert attempt(identity, attacker, eve, PASSWORD).status_code == 429
    clock.shift(MINUTE)
    assert attempt(identity, attacker, eve, PASSWORD).status_code == 200
    assert statuses(identity, [attacker] * 2) == [400, 429]


# Nobody is locked out by others


def test_a_person_signs_in_from_a_known_network_while_strangers_try(identity, anna, clock):
    assert attempt(identity, HOME, password=PASSWORD).status_code == 200
    statuses(identity, [f"2001:db8:0:{number:x}::1" for number in range(1, 41)])
    is_oauth_error(attempt(identity, "203.0.113.9", password=PASSWORD), 429, "too_many_attempts")
    assert attempt(identity, HOME, password=PASSWORD).status_code == 200
    assert Browser(identity, HOME).sign_in().status_code == 200


def test_mistakes_in_a_known_network_use_up_nothing_of_what_strangers_have(identity, anna, clock):
    assert attempt(identity, HOME, password=PASSWORD).status_code == 200
    statuses(identity, [HOME] * 10)
    strangers = [f"198.51.100.{number}" for number in range(31)]
    assert statuses(identity, strangers) == [400] * 30 + [429]


def test_a_network_is_known_to_its_own_person_only(identity, tenant, anna, clock):
    vera = "vera@nordic-heating.example"
    identity.user(tenant, vera, "SupplierViewer")
    assert attempt(identity, HOME, password=PASSWORD).status_code == 200
    statuses(identity, [f"198.51.100.{number}" for number in range(31)], username=vera)
    is_oauth_error(attempt(identity, HOME, vera, PASSWORD), 429, "too_many_attempts")
    assert attempt(identity, HOME, password=PASSWORD).status_code == 200


def test_somebody_in_a_new_network_gets_a_turn_between_strangers(identity, anna, clock):
    statuses(identity, [f"198.51.100.{number}" for number in range(31)])
    refused = is_oauth_error(attempt(identity, "203.0.113.9", password=PASSWORD), 429, "too_many_attempts")
    clock.shift(int(refused.headers["Retry-After"]))
    assert attempt(identity, "203.0.113.9", password=PASSWORD).status_code == 200
    statuses(identity, [f"203.0.113.{number}" for number in range(50, 80)])
    assert attempt(identity, "203.0.113.9", password=PASSWORD).status_code == 200  # it is known now


def test_a_device_is_no_proof(identity, anna, clock):
    """A User-Agent is easily guessed."""
    assert Browser(identity, HOME, SAFARI).sign_in().status_code == 200
    statuses(identity, [f"198.51.100.{number}" for number in range(31)])
    is_problem(Browser(identity, "203.0.113.9", SAFARI).sign_in(), 429, "too_many_attempts")
    assert Browser(identity, HOME, FIREFOX).sign_in().status_code == 200


# Every way in, and at once


def test_every_way_of_trying_counts_together(identity, anna, clock):
    browser = Browser(identity, HOME)
    signed_in = identity.as_bearer(browser.sign_in().json["access_token"])
    for _ in range(4):
        is_oauth_error(attempt(identity, HOME), 400, "invalid_grant")
        is_problem(browser.sign_in(password="not the password"), 401, "invalid_credentials")
    step_up = {"json": {"password": "not the password"}, "headers": {"X-Concord-Client": HOME}}
    for _ in range(2):
        is_problem(signed_in.post("/api/v1/me/step-up", **step_up), 403, "invalid_credentials")
    refused = is_problem(signed_in.post("/api/v1/me/step-up", **step_up), 429, "too_many_attempts")
    assert refused["title"] == "Too Many Requests"
    answer = browser.sign_in()
    is_problem(answer, 429, "too_many_attempts")
    assert answer.headers["Retry-After"] == "60"


def test_an_idempotency_key_does_not_undo_a_counted_try(identity, anna, clock):
    """The refusal undoes what a request has written; a counted try stays."""
    browser = Browser(identity, HOME)
    signed_in = identity.as_bearer(browser.sign_in().json["access_token"])
    answers = [
        signed_in.post(
            "/api/v1/me/step-up",
            json={"password": "not the password"},
            headers={"X-Concord-Client": HOME, "Idempotency-Key": f"try-{number}"},
        ).status_code
        for number in range(12)
    ]
    assert answers == [403] * 10 + [429] * 2


@pytest.mark.parametrize("username", [ANNA, NOBODY])
def test_fifty_tries_at_the_same_moment_are_no_more_than_allowed(identity, anna, username):
    numbers = iter(range(50))
    answers = together(lambda: attempt(identity, f"2001:db8::{next(numbers):x}", username).status_code, 50)
    assert sorted(answers) == [400] * 10 + [429] * 40


def test_fifty_networks_at_the_same_moment_are_no_more_than_allowed(identity, anna):
    numbers = iter(range(50))
    answers = together(lambda: attempt(identity, f"198.51.100.{next(numbers)}").status_code, 50)
    assert sorted(answers) == [400] * 30 + [429] * 20


def test_right_passwords_at_the_same_moment_leave_nothing_counted(identity, anna):
    answers = together(lambda: attempt(identity, HOME, password=PASSWORD).status_code, 8)
    assert answers == [200] * 8
    assert statuses(identity, [HOME] * 10) == [400] * 10


def test_what_nobody_types_is_not_looked_at(identity, anna):
    """Hashing it takes time, and a name as long as a book would be digested: refused before a try is counted."""
    browser = Browser(identity, HOME)
    me = identity.as_bearer(browser.sign_in().json["access_token"])
    before = identity.rows()
    for long in ({"username": "x" * 321}, {"password": "x" * 1001}):
        is_problem(browser.sign_in(**long), 422, "validation_failed")
        is_oauth_error(attempt(identity, HOME, **long), 400, "invalid_request")
    is_problem(me.post("/api/v1/me/step-up", json={"password": "x" * 1001}), 422, "validation_failed")
    body = {"current": "x" * 1001, "new": "a long enough one"}
    is_problem(me.post("/api/v1/me/password", json=body), 422, "validation_failed")
    assert identity.rows() == before
    is_problem(browser.sign_in(username="x" * 320, password="x" * 1000), 401, "invalid_credentials")


# The rule itself

GAPS = st.lists(st.integers(0, 3600), min_size=1, max_size=300)


@generated(200)
@given(gaps=GAPS, limit=st.integers(1, 20), pause=st.integers(1, 60), slower=st.integers(1, 20))
def test_no_rhythm_gets_more_tries_than_waiting_does(gaps, limit, pause, slower):
    """However the tries are spread, so many at once and one for each time in which one is forgotten; the first pauses
    are shorter than that and let a few more in."""
    bucket = Bucket(limit, timedelta(seconds=pause * slower), timedelta(seconds=pause))
    attempts, since, next_at = 0, NOW, NOW
    now, admitted = NOW, 0
    for gap in gaps:
        now += timedelta(seconds=gap)
        if now < next_at:
            continue
        attempts, since = bucket.remaining(attempts, since, now)
        attempts, admitted = attempts + 1, admitted + 1
        next_at = now + bucket.pause(attempts)
        assert bucket.pause(attempts) <= bucket.forget_after
        assert admitted <= limit + 6 + (now - NOW) / bucket.forget_after


@given(limit=st.integers(1, 100), attempts=st.integers(0, 200))
def test_pauses_only_grow(limit, attempts):
    bucket = Bucket(limit, timedelta(minutes=15), MINUTE)
    assert bucket.pause(attempts) <= bucket.pause(attempts + 1)
    assert (bucket.pause(attempts) > timedelta()) == (attempts >= limit)
