"""The retailer's inbox, and its one answer to each invite."""

from uuid import uuid4

import pytest

from tests.campaigns.helpers import (
    ANNA,
    CAMPAIGNS,
    INBOX,
    NORDIC,
    PROPOSAL,
    RITA,
    ROLF,
    audited,
    counts,
    invite_of,
    is_problem,
    last_id,
    rows,
    sent,
)


def test_the_inbox_shows_what_one_is_invited_to(anna, rolf):
    """S0-37, S0-20, S0-41: the inbox wins over a campaign's address."""
    address = sent(anna, ROLF, RITA, **PROPOSAL)
    page = rolf.get(INBOX)
    assert page.status_code == 200
    assert {key: page.json[key] for key in page.json if key != "items"} == {
        "page": 1,
        "pageSize": 20,
        "totalItems": 1,
        "totalPages": 1,
    }
    [item] = page.json["items"]
    assert item == {
        "id": item["id"],
        "campaignId": str(last_id(address)),
        "campaignName": PROPOSAL["name"],
        "description": PROPOSAL["description"],
        "participationAsk": PROPOSAL["participationAsk"],
        "startDate": PROPOSAL["startDate"],
        "endDate": PROPOSAL["endDate"],
        "assetUrls": PROPOSAL["assetUrls"],
        "budget": 25000,
        "currency": "SEK",
        "supplierId": str(NORDIC),
        "supplierName": "Nordic Heating",
        "status": "Pending",
        "note": None,
        "invitedAt": item["invitedAt"],
        "respondedAt": None,
    }
    answer = rolf.get(f"{INBOX}/{item['id']}")
    assert answer.json == item
    assert answer.headers["ETag"] == '"1"'


def test_the_inbox_is_newest_first_and_by_status(anna, rolf):
    for name in ("First", "Second", "Third"):
        sent(anna, ROLF, name=name)
    rolf.post(f"{invite_of(rolf)}/respond", json={"response": "Declined"})
    names = lambda query: [item["campaignName"] for item in rolf.get(f"{INBOX}?{query}").json["items"]]  # noqa: E731
    assert names("") == ["Third", "Second", "First"]
    assert names("status=Pending") == ["Second", "First"]
    assert names("status=Declined") == ["Third"]
    assert names("status=Accepted") == []
    assert names("pageSize=2&page=2") == ["First"]
    for query in ("status=Draft", "status=pending", "page=0", "pageSize=201", "who=me"):
        is_problem(rolf.get(f"{INBOX}?{query}"), 422, "validation_failed")


@pytest.mark.parametrize("response", ["Accepted", "Declined"])
@pytest.mark.parametrize("note", [None, "Can we start a week later?"])
def test_an_invite_is_answered(anna, rolf, campaigns, response, note):
    """S0-38, S0-36, S0-35: with or without a note; the supplier sees answer, note and time at once."""
    address = sent(anna, ROLF, RITA)
    invite, version = invite_of(rolf), anna.get(address).headers["ETag"]
    answer = rolf.post(f"{invite}/respond", json={"response": response} | ({"note": note} if note else {}))
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["note"]) == (response, note)
    assert answer.json == rolf.get(invite).json
    assert answer.headers["ETag"] == '"2"'
    detail = anna.get(address)
    shown = next(invite for invite in detail.json["invites"] if invite["retailerId"] == str(ROLF.tenant_id))
    assert (shown["status"], shown["note"], shown["respondedAt"]) == (response, note, answer.json["respondedAt"])
    assert counts(detail.json) == ((2, 1, 0, 1) if response == "Accepted" else (2, 0, 1, 1))
    assert detail.headers["ETag"] != version
    [event] = campaigns.events("campaigns.InviteResponded.v1")
    assert (event["subject"], event["sequence"]) == (str(last_id(invite)), 2)
    assert event["tenantids"] == f"{NORDIC},{ROLF.tenant_id}"
    assert event["actorid"] == str(ROLF.user_id)
    assert event["data"] == {
        "inviteId": str(last_id(invite)),
        "campaignId": str(last_id(address)),
        "campaignName": "Spring Showroom Push",
        "supplierId": str(NORDIC),
        "supplierName": "Nordic Heating",
        "retailerId": str(ROLF.tenant_id),
        "retailerName": "Fjord Retail",
        "response": response,
        "note": note,
    }
    [row] = audited(campaigns, "invite.responded")
    assert (row.tenant_id, row.actor_name) == (ROLF.tenant_id, "Rolf")
    assert row.changes["status"] == ["Pending", response]


def test_an_answer_is_final(anna, rolf, campaigns):
    """S0-39: a second one, even the same, is refused and changes nothing."""
    address = sent(anna, ROLF)
    invite = invite_of(rolf)
    first = rolf.post(f"{invite}/respond", json={"response": "Accepted", "note": "Gladly"}).json
    before, detail = rows(campaigns), anna.get(address)
    for body in ({"response": "Accepted", "note": "Gladly"}, {"response": "Declined"}, {"response": "Accepted"}):
        is_problem(rolf.post(f"{invite}/respond", json=body), 409, "invite_locked")
    assert rolf.get(invite).json == first
    assert rows(campaigns) == before
    assert anna.get(address).headers["ETag"] == detail.headers["ETag"]


BAD_ANSWERS = [
    {},
    {"response": None},
    {"response": ""},
    {"response": "accepted"},
    {"response": "Pending"},
    {"response": "Maybe"},
    {"response": ["Accepted"]},
    {"response": {"Accepted": True}},
    {"response": True},
    {"note": "without a response"},
    {"response": "Accepted", "note": "x" * 2_001},
    {"response": "Accepted", "note": 7},
    {"response": "Accepted", "status": "Accepted"},
]


@pytest.mark.parametrize("body", BAD_ANSWERS)
def test_any_other_response_is_refused(anna, rolf, campaigns, body):
    """S0-40."""
    sent(anna, ROLF)
    invite, before = invite_of(rolf), rows(campaigns)
    is_problem(rolf.post(f"{invite}/respond", json=body), 422, "validation_failed")
    assert rows(campaigns) == before
    assert rolf.get(invite).json["status"] == "Pending"


def test_a_note_may_be_long_and_a_blank_one_is_none(anna, rolf, rita):
    sent(anna, ROLF, RITA)
    answer = rolf.post(f"{invite_of(rolf)}/respond", json={"response": "Declined", "note": "x" * 2_000})
    assert len(answer.json["note"]) == 2_000
    assert rita.post(f"{invite_of(rita)}/respond", json={"response": "Accepted", "note": "  "}).json["note"] is None


def test_a_stale_version_is_refused(anna, rolf):
    """D6."""
    sent(anna, ROLF)
    invite = invite_of(rolf)
    stale, good = {"If-Match": '"7"'}, {"If-Match": '"1"'}
    is_problem(rolf.post(f"{invite}/respond", json={"response": "Accepted"}, headers=stale), 412, "stale_version")
    assert rolf.post(f"{invite}/respond", json={"response": "Accepted"}, headers=good).status_code == 200


def test_a_repeated_answer_with_a_key_is_the_first_one_again(anna, rolf, campaigns):
    """D7: a retry is no second answer."""
    sent(anna, ROLF)
    invite = invite_of(rolf)
    again = {"json": {"response": "Accepted"}, "headers": {"Idempotency-Key": "yes"}}
    first = rolf.post(f"{invite}/respond", **again)
    before = rows(campaigns)
    assert rolf.post(f"{invite}/respond", **again).json == first.json
    assert rows(campaigns) == before


def test_nobody_answers_for_another(anna, rolf, rita, campaigns):
    """S0-9: another retailer's invite does not exist, neither does one to its supplier's other tenant."""
    sent(anna, ROLF)
    invite, before = invite_of(rolf), rows(campaigns)
    for address in (invite, f"{INBOX}/{uuid4()}"):
        is_problem(rita.get(address), 404, "not_found")
        is_problem(rita.post(f"{address}/respond", json={"response": "Accepted"}), 404, "not_found")
    assert rita.get(INBOX).json["totalItems"] == 0
    assert rows(campaigns) == before


def test_the_paths_of_words_win_over_those_of_ids(anna, rolf):
    """S0-41: ``invites`` and ``audit`` are no ids; what is none is not found."""
    assert rolf.get(f"{CAMPAIGNS}/invites").json["items"] == []
    assert anna.get(f"{CAMPAIGNS}/audit").json["items"] == []
    is_problem(anna.get(f"{CAMPAIGNS}/invites"), 403, "forbidden")
    for address in ("inbox", "8f3c", f"{ANNA.user_id}x"):
        is_problem(anna.get(f"{CAMPAIGNS}/{address}"), 404, "not_found")
        is_problem(anna.post(f"{CAMPAIGNS}/{address}/send", json={}), 404, "not_found")
