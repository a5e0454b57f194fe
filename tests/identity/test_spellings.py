"""One person, however a keyboard spells the password and the address (D62)."""

import unicodedata

import argon2
import pytest
from sqlalchemy import select, update

from chassis.core.principal import acting_as
from services.identity.passwords import hashing
from services.identity.users.models import User
from tests.identity.conftest import ADMIN, PASSWORD, is_oauth_error, is_problem

SECRET = "Ünsäglich-Åse-한국"
FORMS = ["NFC", "NFD"]
MIXED = unicodedata.normalize("NFD", SECRET[:4]) + SECRET[4:]
EXAMPLE = "anna@xn--exmple-cua.com"
SPELLINGS = [
    "anna@exämple.com",
    "anna@exa\u0308mple.com",
    "ANNA@EXÄMPLE.COM",
    EXAMPLE,
    "anna@ｅxämple.com",
    " anna@XN--EXMPLE-CUA.com ",
]


def add(identity, tenant, **changes):
    body = {"email": "anna@x.example", "name": "Anna", "role": "SupplierAdmin", "password": PASSWORD} | changes
    return identity.admin.post(f"{ADMIN}/{tenant}/users", json=body)


def store_hash(identity, password):
    """As it was stored before passwords were brought to NFC."""
    with acting_as(identity.operator), identity.running.database.begin() as session:
        session.execute(update(User).values(password_hash=argon2.PasswordHasher().hash(password)))


@pytest.mark.parametrize("chosen", FORMS)
@pytest.mark.parametrize("typed", FORMS)
def test_a_password_counts_in_composed_and_in_decomposed_letters(identity, tenant, chosen, typed):
    add(identity, tenant, password=unicodedata.normalize(chosen, SECRET))
    assert identity.sign_in("anna@x.example", unicodedata.normalize(typed, SECRET)).status_code == 200
    is_oauth_error(identity.sign_in("anna@x.example", SECRET.replace("Å", "A")), 400, "invalid_grant")


@pytest.mark.parametrize("stored", [unicodedata.normalize("NFD", SECRET), MIXED])
def test_a_password_stored_as_it_was_typed_goes_on_and_is_renewed(identity, tenant, stored):
    add(identity, tenant)
    store_hash(identity, stored)
    assert identity.sign_in("anna@x.example", stored).status_code == 200
    assert identity.sign_in("anna@x.example", SECRET).status_code == 200
    with acting_as(identity.operator), identity.running.database.read() as session:
        assert hashing.is_password(SECRET, session.scalars(select(User.password_hash)).one())


def test_a_decomposed_password_of_before_fits_a_keyboard_that_composes(identity, tenant):
    add(identity, tenant)
    store_hash(identity, unicodedata.normalize("NFD", SECRET))
    assert identity.sign_in("anna@x.example", SECRET).status_code == 200


def test_an_unknown_account_costs_as_much_in_any_spelling(identity, tenant, monkeypatch):
    add(identity, tenant)
    verified = []
    real = argon2.PasswordHasher.verify
    monkeypatch.setattr(argon2.PasswordHasher, "verify", lambda *args: (verified.append(args[2]), real(*args))[1])
    counts = []
    for username in ("anna@x.example", "nobody@x.example"):
        verified.clear()
        is_oauth_error(identity.sign_in(username, MIXED), 400, "invalid_grant")
        counts.append(len(verified))
    assert counts == [3, 3]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_mailbox_is_one_user(identity, tenant, spelling):
    answer = add(identity, tenant, email=spelling)
    assert (answer.status_code, answer.json["email"].casefold()) == (201, EXAMPLE)
    assert identity.running.events("identity.UserAdded.v1")[0]["data"]["email"] == answer.json["email"]
    before = identity.rows()
    for other in SPELLINGS:
        is_problem(add(identity, tenant, email=other), 409, "email_taken")
    assert identity.rows() == before
    for other in SPELLINGS:
        assert identity.sign_in(other).status_code == 200


def test_attempts_count_for_the_mailbox_whatever_its_spelling(identity, tenant):
    add(identity, tenant, email=EXAMPLE)
    for number in range(10):
        is_oauth_error(identity.sign_in(SPELLINGS[number % len(SPELLINGS)], "wrong"), 400, "invalid_grant")
    assert identity.sign_in(SPELLINGS[0]).status_code == 429


def test_a_name_in_decomposed_letters_is_kept_composed(identity, tenant):
    answer = add(identity, tenant, name="A\u030ase")
    assert answer.json["name"] == "Åse"
