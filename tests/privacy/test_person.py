"""A person in texts and JSON: found by id and address, and taken out without changing the shape."""

import json
from uuid import UUID

import pytest

from privacy.person import FORMER_USER, NO_ADDRESS, Person, email_digest, mentions, text_without, without

ANNA = UUID("01890000-0000-7000-8000-000000000001")
ROLF = UUID("01890000-0000-7000-8000-000000000002")
TENANT = UUID("01890000-0000-7000-8000-0000000000aa")
PERSON = Person(ANNA, TENANT, email_digest("anna@nordic.example"))


def test_the_digest_is_that_of_the_mailbox_in_any_spelling():
    assert email_digest("anna@Exämple.com") == email_digest(" ANNA@xn--exmple-cua.com ")
    assert email_digest("anna@nordic.example") != email_digest("anna@nordic.example.org")


@pytest.mark.parametrize(
    "text",
    [
        "anna@nordic.example",
        "Mail to ANNA@Nordic.Example, please",
        "<anna@nordic.example>: 550 no such user",
        "https://x.example/u?to=anna@nordic.example&a=1",
        '"Anna Lind" <anna@nordic.example>',
        f"user {str(ANNA).upper()}",
    ],
)
def test_a_text_mentions_them(text):
    assert mentions(text, PERSON)


@pytest.mark.parametrize("text", ["", "@", "joanna@nordic.example", "anna@nordic.example.org", str(ROLF), "Anna Lind"])
def test_a_text_does_not_mention_them(text):
    assert not mentions(text, PERSON)
    assert text_without(text, PERSON) == text


def test_an_address_in_a_text_gets_another_in_its_place():
    text = "Ask Anna@nordic.example or joanna@nordic.example."
    assert text_without(text, PERSON) == f"Ask {NO_ADDRESS} or joanna@nordic.example."


def test_where_addresses_do_not_count_they_stay():
    assert text_without("anna@nordic.example", PERSON, by_address=False) == "anna@nordic.example"


def event(actor, subject, **data):
    envelope = {"specversion": "1.0", "subject": str(subject), "actorid": str(actor), "type": "a.B.v1", "data": data}
    return json.dumps(envelope)


def test_an_event_about_them_loses_name_and_address_and_keeps_its_shape():
    data = {"userId": str(ANNA), "email": "Anna@nordic.example", "name": "Anna Lind", "role": "SupplierAdmin"}
    erased = json.loads(text_without(event(ROLF, ANNA, **data), PERSON))
    assert erased["data"] == data | {"email": NO_ADDRESS, "name": FORMER_USER}
    assert erased["subject"] == str(ANNA)


def test_an_event_that_they_caused_loses_only_the_name_of_who_caused_it():
    """Their campaign keeps its name, and the invited person theirs."""
    data = {"name": "Spring", "invitedBy": "Anna Lind", "senderName": "Anna Lind", "supplierName": "Nordic"}
    erased = json.loads(text_without(event(ANNA, ROLF, **data), PERSON))
    assert erased["data"] == data | {"invitedBy": FORMER_USER, "senderName": FORMER_USER}


def test_an_event_of_somebody_else_stays_letter_by_letter():
    text = event(ROLF, ROLF, email="rolf@fjord.example", name="Rolf", senderName="Rolf")
    assert text_without(text, PERSON) == text


def test_a_name_beside_their_address_goes_with_it():
    data = {"affiliateName": "Anna Lind", "affiliateEmail": "anna@nordic.example", "merchantName": "Dashain"}
    assert without(data, PERSON) == {
        "affiliateName": FORMER_USER,
        "affiliateEmail": NO_ADDRESS,
        "merchantName": "Dashain",
    }


def test_the_changes_of_an_audit_row_about_them_lose_both_sides():
    changes = {"name": ["Anna L", "Anna Lind"], "email": [None, "anna@nordic.example"], "role": [None, "SupplierAdmin"]}
    assert without(changes, PERSON, own=True) == {
        "name": [FORMER_USER, FORMER_USER],
        "email": [None, NO_ADDRESS],
        "role": [None, "SupplierAdmin"],
    }


def test_of_several_senders_only_theirs_is_renamed():
    context = {
        "messages": [{"sender_id": str(ANNA), "sender_name": "Anna"}, {"sender_id": str(ROLF), "sender_name": "Rolf"}]
    }
    names = [message["sender_name"] for message in without(context, PERSON)["messages"]]
    assert names == [FORMER_USER, "Rolf"]


def test_erasing_again_changes_nothing():
    once = text_without(event(ANNA, ANNA, email="anna@nordic.example", name="Anna", senderName="Anna"), PERSON)
    assert text_without(once, PERSON) == once


def test_what_looks_like_json_and_is_none_is_read_as_text():
    assert text_without("{anna@nordic.example", PERSON) == "{" + NO_ADDRESS


def test_what_no_database_takes_stays_escaped():
    erased = text_without('{"email":"anna@nordic.example","note":"\\ud800"}', PERSON)
    assert json.loads(erased) == {"email": NO_ADDRESS, "note": "\ud800"}
    assert erased.encode()


def test_what_is_too_deep_for_json_is_read_as_text():
    deep = "[" * 100_000 + '"anna@nordic.example"'
    assert text_without(deep, PERSON) == deep.replace("anna@nordic.example", NO_ADDRESS)


def test_long_words_are_read_once():
    """By their square they would take hours."""
    for word in ("x" * 300_000, "=" * 300_000, "a.b=" * 100_000):
        text = f"{word} anna@nordic.example {word}@x"
        assert text_without(text, PERSON) == f"{word} {NO_ADDRESS} {word}@x"
