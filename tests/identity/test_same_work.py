"""What strangers ask is the same work for every address, so that no time tells which have an account: as many hashes,
and the same statements with as many rows. How long they take is measured in ``bench``.

From a network that a person has signed in from it is not: there fewer tries are counted (ADR 26)."""

from contextlib import contextmanager
from dataclasses import dataclass, field

import argon2
import pytest
from sqlalchemy import event

from tests.identity.browsers import OWN_PAGE
from tests.identity.factors import signed_in, with_totp

UNKNOWN = "nobody@nordic-heating.example"
WRONG = {"password": "not the password"}
PEOPLE = {
    "active": "anna@nordic-heating.example",
    "with a factor": "otto@nordic-heating.example",
    "suspended": "sara@nordic-heating.example",
    "invited": "ines@nordic-heating.example",
}


@pytest.fixture
def people(identity, tenant, anna):
    identity.user(tenant, PEOPLE["with a factor"])
    with_totp(signed_in(identity, PEOPLE["with a factor"]))
    suspended = identity.user(tenant, PEOPLE["suspended"])
    answer = signed_in(identity).patch(f"/api/v1/tenant/users/{suspended}", json={"suspended": True})
    assert answer.status_code == 200, answer.json
    identity.invited(tenant, PEOPLE["invited"])
    assert identity.sign_in().status_code == 200


def ask_token(identity, email, headers):
    return identity.sign_in(email, "not the password", **headers)


def ask_session(identity, email, headers):
    return identity.nobody.post("/session", json={"username": email, **WRONG}, headers=OWN_PAGE | headers)


def ask_recovery(identity, email, headers):
    return identity.nobody.post("/session/recover", json={"email": email}, headers=headers)


def ask_recovery_page(identity, email, headers):
    return identity.nobody.post("/account/recover", data={"email": email}, headers=headers)


def ask_options(identity, email, headers):
    return identity.nobody.post("/session/passkey/options", json={"username": email}, headers=OWN_PAGE | headers)


DOORS = [ask_token, ask_session, ask_recovery, ask_recovery_page, ask_options]


@dataclass
class Work:
    steps: list[str] = field(default_factory=list)
    counts: int = 0


@contextmanager
def work(identity, monkeypatch):
    """The hashes and statements of the block, in their order; and how many counts of tries are written, which takes
    another statement where the last try was a while ago."""
    done = Work()
    verify, engine = argon2.PasswordHasher.verify, identity.running.database.engine

    def verify_noted(hasher, *shown):
        done.steps.append("hash")
        return verify(hasher, *shown)

    def note(_connection, _cursor, statement, parameters, _context, executemany):
        if statement.startswith("UPDATE login_throttle"):
            done.counts += len(parameters) if executemany else 1
        else:
            done.steps.append(statement)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify_noted)
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield done
    finally:
        event.remove(engine, "before_cursor_execute", note)
        monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)


@pytest.mark.parametrize("kind", PEOPLE)
@pytest.mark.parametrize("door", DOORS)
def test_a_known_address_is_as_much_work_as_an_unknown_one(identity, people, monkeypatch, door, kind):
    with work(identity, monkeypatch) as for_known:
        known = door(identity, PEOPLE[kind], {"X-Concord-Client": "192.0.2.1"})
    with work(identity, monkeypatch) as for_unknown:
        unknown = door(identity, UNKNOWN, {"X-Concord-Client": "192.0.2.2"})
    assert known.status_code == unknown.status_code < 500
    assert for_known.steps
    assert for_known == for_unknown
