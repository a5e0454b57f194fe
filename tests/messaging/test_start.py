"""Opening a thread: by whom, with whom, and what it begins with."""

from uuid import uuid4

import pytest

from contracts.roles import Role
from services.messaging.models import Message
from tests.campaigns.standin import StandInPrm
from tests.messaging.helpers import (
    ANNA,
    ARTWORK,
    MESSAGING,
    NORDIC,
    OTTO,
    RITA,
    ROLF,
    RUNE,
    THREADS,
    badge,
    begun,
    bodies,
    fields_of,
    is_problem,
    last_id,
    listed,
    opening,
    published,
    rows,
    stored,
    write,
)
from tests.plugin import principal

NOTHING = {"threads": 0, "messages": 0, "outbox": 0, "audit": 0}

SOME_ID = "8f3c1d2e-0000-4000-8000-000000000001"


def test_a_thread_is_opened_as_the_guide_shows(anna):
    """S0-55, S0-56, S0-57."""
    answer = anna.post(THREADS, json=opening())
    assert answer.status_code == 201
    thread = answer.json
    assert answer.headers["Location"] == f"{THREADS}/{thread['id']}"
    assert thread == {
        "id": thread["id"],
        "subject": "Spring campaign artwork",
        "supplierId": str(NORDIC),
        "supplierName": "Nordic Heating",
        "retailerId": str(ROLF.tenant_id),
        "retailerName": "Fjord Retail",
        "createdAt": thread["createdAt"],
        "lastMessageAt": thread["createdAt"],
        "lastMessagePreview": ARTWORK["firstMessage"],
        "unreadCount": 0,
        "waitingFor": "retailer",
        "waitingSince": thread["createdAt"],
        "about": None,
        "archived": False,
        "updatedAt": thread["createdAt"],
    }
    assert thread["createdAt"].endswith("Z")
    read = anna.get(answer.headers["Location"])
    assert (read.json, read.headers["ETag"]) == (thread, answer.headers["ETag"])


def test_the_first_message_is_the_opening_system_message(anna, rolf):
    """S0-58, D14: it counts as the supplier's, so it is unread for the retailer."""
    address = begun(anna)
    [message] = rolf.get(f"{address}/messages").json["items"]
    assert message == {
        "id": message["id"],
        "threadId": last_id(address),
        "senderTenantId": str(NORDIC),
        "senderName": "Anna",
        "body": ARTWORK["firstMessage"],
        "isSystem": True,
        "createdAt": anna.get(address).json["createdAt"],
    }
    assert rolf.get(address).json["unreadCount"] == 1
    assert (badge(rolf), badge(anna)) == (1, 0)
    assert write(anna, address)["isSystem"] is False


def test_opening_tells_of_the_thread_and_of_its_message(anna, messaging):
    """D14: the first message is notified. Both events are for both parties, and in order."""
    address = begun(anna, about={"type": "campaign", "id": str(NORDIC)})
    started, posted = messaging.events()
    assert published(messaging, address) == [("ThreadStarted", 1), ("MessagePosted", 2)]
    for event in (started, posted):
        assert event["tenantids"] == f"{NORDIC},{ROLF.tenant_id}"
        assert (event["subject"], event["actorid"]) == (last_id(address), str(ANNA.user_id))
    parties = {
        "supplierId": str(NORDIC),
        "supplierName": "Nordic Heating",
        "retailerId": str(ROLF.tenant_id),
        "retailerName": "Fjord Retail",
    }
    common = {"threadId": last_id(address), "subject": ARTWORK["subject"]} | parties
    assert started["type"] == "messaging.ThreadStarted.v1"
    assert started["data"] == common | {"aboutType": "campaign", "aboutId": str(NORDIC)}
    assert posted["type"] == "messaging.MessagePosted.v1"
    assert posted["data"] == common | {
        "messageId": str(stored(messaging, Message)[0].id),
        "senderTenantId": str(NORDIC),
        "senderName": "Anna",
        "recipientTenantId": str(ROLF.tenant_id),
        "preview": ARTWORK["firstMessage"],
        "isSystem": True,
    }


def test_opening_leaves_a_trail(anna, rolf, messaging):
    """D8: in the supplier's; a message leaves none."""
    address = begun(anna)
    write(rolf, address)
    [row] = anna.get(f"{MESSAGING}/audit?targetId={last_id(address)}").json["items"]
    assert (row["action"], row["actorName"]) == ("thread.started", "Anna")
    assert row["changes"]["subject"] == [None, ARTWORK["subject"]]
    assert rolf.get(f"{MESSAGING}/audit").json["items"] == []


def test_without_a_relationship_nothing_begins(anna, otto, partners, messaging):
    """S0-56, D10: not with a retailer that is somebody else's, unknown, no retailer, or no longer a partner."""
    partners.end(ANNA, RITA)
    partners.know(RUNE)
    for person in (RITA, RUNE, OTTO, ANNA, principal(Role.RETAILER_ADMIN)):
        problem = is_problem(anna.post(THREADS, json=opening(person)), 422, "no_relationship")
        assert fields_of(problem) == ["retailerId"]
    is_problem(otto.post(THREADS, json=opening(RITA)), 422, "no_relationship")
    assert rows(messaging) == NOTHING


def test_a_paused_relationship_counts(anna, partners):
    """D10."""
    partners.pause(ANNA, ROLF)
    begun(anna)


def test_a_thread_outlives_the_relationship(anna, rolf, partners):
    """D10: it stays readable; and since S0-59 asks no more of a party, it can be talked to its end."""
    address = begun(anna)
    partners.end(ANNA, ROLF)
    write(rolf, address, "A pity")
    write(anna, address, "Indeed")
    for client in (anna, rolf):
        assert bodies(client, address) == [ARTWORK["firstMessage"], "A pity", "Indeed"]
        assert client.get(address).status_code == 200
    is_problem(anna.post(THREADS, json=opening()), 422, "no_relationship")


def test_two_parties_can_have_many_threads(anna):
    """S0-55."""
    assert begun(anna) != begun(anna)
    assert listed(anna) == [ARTWORK["subject"]] * 2


@pytest.mark.parametrize("topic", ["campaign", "invite"])
def test_a_thread_can_say_what_it_is_about(anna, rolf, topic):
    """Nobody asks whether there is such a thing, and the answer says so; it can be sent back (D65)."""
    about = {"type": topic, "id": str(uuid4())}
    address = begun(anna, about=about)
    shown = anna.get(address).json["about"]
    assert shown == about | {"checked": False}
    assert rolf.get(THREADS).json["items"][0]["about"] == shown
    assert anna.get(begun(anna, about=shown | {"checked": True})).json["about"] == shown


def test_texts_may_be_as_long_as_said_and_stay_as_they_are(anna, rolf):
    """Plain text: markup means nothing, and comes back as it was written."""
    html = "<script>alert('x')</script> & {{ 7 * 7 }} %s \U0001f525\r\nbye"
    for subject, body in (("s" * 200, "b" * 10_000), (html.replace("\r\n", " "), html)):
        address = begun(anna, subject=f"  {subject}\t", firstMessage=f"\n {body} ")
        assert rolf.get(address).json["subject"] == subject
        assert bodies(rolf, address) == [body]


TEXTS = [("subject", 200), ("firstMessage", 10_000)]
BAD = [
    *[(field, value) for field, _ in TEXTS for value in (None, 7, "", " \n\t ", ["x"], {}, True)],
    *[(field, "x" * (longest + 1)) for field, longest in TEXTS],
    *[("retailerId", value) for value in (None, "", "x", "8f3c…", 7, [SOME_ID], {})],
    *[("about", value) for value in ("campaign", [], 7, True)],
    *[("subject", f"a{sign}b") for sign in "\r\n\t\x1b\x85\u2028\u202e\u2066"],
    *[("firstMessage", f"a{sign}b") for sign in "\x1b\x7f\x85\u2028\u202e\u2066"],
    ("isSystem", True),
    ("supplierId", SOME_ID),
    ("unreadCount", 0),
]
BAD_ABOUT = [
    {},
    {"type": "campaign"},
    {"id": SOME_ID},
    {"type": "tier", "id": SOME_ID},
    {"type": None, "id": SOME_ID},
    {"type": "invite", "id": "1"},
    {"type": "invite", "id": SOME_ID, "name": "x"},
]


@pytest.mark.parametrize("field", sorted({field for field, _ in BAD}))
def test_bad_openings_are_refused_and_write_nothing(anna, messaging, field):
    """S0-57."""
    for value in (value for name, value in BAD if name == field):
        problem = is_problem(anna.post(THREADS, json=opening(**{field: value})), 422, "validation_failed")
        assert set(fields_of(problem)) == {field}, value
    assert rows(messaging) == NOTHING


@pytest.mark.parametrize("about", BAD_ABOUT)
def test_a_thread_is_about_one_known_kind_of_thing(anna, messaging, about):
    problem = is_problem(anna.post(THREADS, json=opening(about=about)), 422, "validation_failed")
    assert all(field.startswith("about.") for field in fields_of(problem))
    assert rows(messaging) == NOTHING


@pytest.mark.parametrize("field", list(opening()))
def test_missing_fields_are_named(anna, messaging, field):
    body = {key: value for key, value in opening().items() if key != field}
    assert fields_of(is_problem(anna.post(THREADS, json=body), 422, "validation_failed")) == [field]
    assert rows(messaging) == NOTHING


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"{\xff}", b'{"subject": NaN}'])
def test_what_is_no_json_object_is_refused(anna, messaging, body):
    answer = anna.post(THREADS, data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.content_type == "application/problem+json"
    assert rows(messaging) == NOTHING


def test_nul_and_other_formats_are_refused(anna, messaging):
    for field, _ in TEXTS:
        for bad in ("a\x00b", "a\ud800b"):
            is_problem(anna.post(THREADS, json=opening(**{field: bad})), 400, "malformed")
    is_problem(anna.post(THREADS, data=opening()), 415, "unsupported_media_type")
    assert rows(messaging) == NOTHING


def test_an_opening_with_a_key_acts_once(anna, messaging):
    """D7."""
    headers = {"Idempotency-Key": "artwork-1"}
    first = anna.post(THREADS, json=opening(), headers=headers)
    again = anna.post(THREADS, json=opening(), headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    is_problem(anna.post(THREADS, json=opening(subject="x"), headers=headers), 422, "idempotency_key_reused")
    assert rows(messaging) == {"threads": 1, "messages": 1, "outbox": 2, "audit": 1}


def test_nothing_begins_while_prm_is_away_and_the_same_request_works_later(anna, rolf, partners, messaging):
    """503 with Retry-After; also with the same key. What needs no prm goes on."""
    address, away = begun(anna), StandInPrm()
    before = rows(messaging)
    request = {"json": opening(), "headers": {"Idempotency-Key": "artwork-2"}}
    messaging.connect("prm", away)
    for away.status, away.body in ((503, ""), (500, ""), (200, "<html>"), (200, "[]"), (200, "{}"), (200, NONSENSE)):
        answer = anna.post(THREADS, **request)
        is_problem(answer, 503, "upstream_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert rows(messaging) == before
    write(rolf, address)
    messaging.connect("prm", partners.prm)
    assert anna.post(THREADS, **request).status_code == 201


NONSENSE = '{"supplierName": "x", "related": [{"retailerId": "y", "retailerName": "z"}]}'
