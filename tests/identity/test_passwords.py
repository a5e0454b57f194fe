"""What a good password is (contract, "Own account"), and what hashes make of spellings."""

import pytest

from chassis.core.errors import Invalid
from concord.demo_user import PASSWORD as DEMO_PASSWORD
from services.identity.passwords import rules
from services.identity.passwords.hashing import hash_password, is_password

ANNA = {"email": "anna@nordic-heating.example", "tenant_name": "Nordic Heating"}


def refusal(password, **more):
    with pytest.raises(Invalid) as refused:
        rules.check(password, **ANNA | more)
    return refused.value


@pytest.mark.parametrize(
    "password",
    [
        "x1" * 6,
        "kaffe med grädde",
        "👩‍🔧 verkstad 🔧🔧",
        "סיסמה ארוכה מאוד",
        "ordentligt långt " * 7,
        " " * 3 + "mellanrum" + " " * 3,
        DEMO_PASSWORD,
        "anna@nordic-heating.example!",
    ],
)
def test_good_ones_are_taken(password):
    rules.check(password, **ANNA)


@pytest.mark.parametrize(("length", "good"), [(11, False), (12, True), (128, True), (129, False)])
def test_12_to_128_characters_are_counted_after_nfc(length, good):
    """An å typed as two characters is one."""
    for letter in ("å", "a\u030a", "🔧"):
        if good:
            rules.check(letter * length, **ANNA)
        else:
            assert "between 12 and 128" in refusal(letter * length).detail


@pytest.mark.parametrize("blank", [" " * 12, "\t\n" * 6, "\u200b" * 12, "\u3000" * 20, "\u200b " * 6, ""])
def test_blank_ones_are_refused(blank):
    assert "blank" in refusal(blank).detail


@pytest.mark.parametrize(
    "password", ["password1234", "PASSWORD1234", "Password1234", "pASSwORD1234", "correcthorsebatterystaple", "1" * 12]
)
def test_common_ones_are_refused_in_any_case(password):
    assert "Many people" in refusal(password).detail


@pytest.mark.parametrize(
    "password", ["anna@nordic-heating.example", "ANNA@Nordic-Heating.example", "nordic heating", " NORDIC Heating "]
)
def test_the_address_and_the_companys_name_are_refused_in_any_case(password):
    assert "company's name" in refusal(password).detail


def test_a_refusal_names_the_field_and_not_the_password():
    failure = refusal("password1234", field="new")
    assert (failure.code, failure.status) == ("weak_password", 422)
    assert [error["field"] for error in failure.errors] == ["new"]
    assert "password1234" not in f"{failure} {failure.errors}"


def test_spellings_of_one_password_are_one():
    """D62: keyboards write an å as one character or as two."""
    assert is_password("kaffe på bål", hash_password("kaffe pa\u030a ba\u030al"))
