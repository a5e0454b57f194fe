"""Drafting, reading, changing and advancing campaigns, as the supplier does it."""

from uuid import uuid4

import pytest
from sqlalchemy import event

from services.campaigns.models import Campaign
from tests.campaigns.helpers import (
    ANNA,
    CAMPAIGNS,
    FIELDS_OF_A_PROPOSAL,
    NORDIC,
    PROPOSAL,
    RITA,
    ROLF,
    SPRING,
    VERA,
    audited,
    counts,
    draft,
    fields_of,
    is_problem,
    last_id,
    rows,
    sent,
    stored,
)


def test_a_campaign_is_drafted_as_the_guide_shows(anna, campaigns):
    """S0-16, S0-11, S0-22, S0-34."""
    answer = anna.post(CAMPAIGNS, json=SPRING)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{CAMPAIGNS}/{answer.json['id']}"
    assert answer.headers["ETag"] == '"1"'
    body = answer.json
    assert {key: body[key] for key in SPRING} == SPRING
    assert body["status"] == "Draft"
    assert counts(body) == (0, 0, 0, 0)
    assert [body[key] for key in FIELDS_OF_A_PROPOSAL] == [None] * 5
    assert body["createdAt"] == body["updatedAt"]
    assert body["createdAt"].endswith("Z")
    assert set(body) == {
        *SPRING,
        *FIELDS_OF_A_PROPOSAL,
        *("id", "status", "createdAt", "updatedAt"),
        *("inviteCount", "acceptedCount", "declinedCount", "pendingCount"),
    }


def test_a_proposal_is_drafted_as_the_guide_shows(anna):
    """S0-21: what the wizard adds comes back as it was sent, the criteria as a string."""
    address = draft(anna, **PROPOSAL)
    detail = anna.get(address).json
    assert {key: detail[key] for key in PROPOSAL} == PROPOSAL
    assert detail["invites"] == []


def test_creating_contacts_nobody(anna, campaigns, partners):
    """S0-19: the one event is the supplier's own, and prm is not asked."""
    campaign_id = last_id(draft(anna))
    [created] = campaigns.events()
    assert created["type"] == "campaigns.CampaignCreated.v1"
    assert created["subject"] == created["data"]["campaignId"] == str(campaign_id)
    assert created["sequence"] == 1
    assert created["tenantids"] == str(NORDIC)
    assert created["actorid"] == str(ANNA.user_id)
    assert created["data"]["supplierName"] == "Nordic Heating"
    assert {key: created["data"][key] for key in SPRING} == SPRING


def test_status_and_invites_in_a_body_are_read_over(anna, campaigns):
    """S0-11: always Draft and without invites, whatever the body says."""
    answer = anna.post(CAMPAIGNS, json=SPRING | {"status": "Active", "invites": [{"retailerId": str(uuid4())}]})
    assert answer.status_code == 201
    assert answer.json["status"] == "Draft"
    assert anna.get(answer.headers["Location"]).json["invites"] == []
    assert rows(campaigns)["invites"] == 0


CURRENCIES = [
    ({"budget": 25000}, (25000, "SEK")),
    ({"budget": 25000, "currency": None}, (25000, "SEK")),
    ({"budget": "99.90", "currency": "eur"}, (99.9, "EUR")),
    ({"budget": 0, "currency": "NOK"}, (0, "NOK")),
    ({"currency": "SEK"}, (None, None)),
    ({"budget": None, "currency": "SEK"}, (None, None)),
    ({}, (None, None)),
]


@pytest.mark.parametrize(("sent", "stored"), CURRENCIES)
def test_the_currency_belongs_to_a_budget(anna, sent, stored):
    """D13: SEK by default, null without a budget."""
    detail = anna.get(draft(anna, **sent)).json
    assert (detail["budget"], detail["currency"]) == stored


TOO_LONG = {"name": 201, "description": 10_001, "participationAsk": 5_001, "proposalType": 51}
REQUIRED = ("name", "description", "participationAsk", "startDate", "endDate")

BAD_FIELDS = [
    *[(field, value) for field in REQUIRED for value in (None, 7, "", "   ", ["x"], {}, True)],
    *[(field, "x" * length) for field, length in TOO_LONG.items()],
    *[(field, "2026-04-20T00:00:00") for field in ("startDate", "endDate")],
    *[(field, "2026-13-01T00:00:00Z") for field in ("startDate", "endDate")],
    ("startDate", "0001-01-01T00:00:00+10:00"),
    ("endDate", "soon"),
    ("endDate", 1775001600),
    ("endDate", SPRING["startDate"]),
    ("endDate", "2026-03-31T23:59:59.999999Z"),
    ("endDate", "2026-04-01T02:00:00+02:00"),
    ("assetUrls", "https://cdn.example.com/a.png"),
    ("assetUrls", ["ftp://cdn.example.com/a.png"]),
    ("assetUrls", ["javascript:alert(1)"]),
    ("assetUrls", ["//cdn.example.com/a.png"]),
    ("assetUrls", ["https://"]),
    ("assetUrls", ["https://cdn example.com/a.png"]),
    ("assetUrls", ["https://cdn.example.com/a.png\nSet-Cookie: a"]),
    ("assetUrls", ["https://[::1/a.png"]),
    ("assetUrls", ["https://cdn.example.com:port/a.png"]),
    ("assetUrls", [None]),
    ("assetUrls", [7]),
    ("assetUrls", ["https://cdn.example.com/" + "a" * 2_000]),
    ("assetUrls", ["https://cdn.example.com/a.png"] * 51),
    ("targetingCriteria", {"geoRadius": 50}),
    ("targetingCriteria", "within 50 km"),
    ("targetingCriteria", ""),
    ("targetingCriteria", "NaN"),
    ("targetingCriteria", "[" * 9_000),
    ("targetingCriteria", '"' + "x" * 9_999 + '"'),
    ("budget", "a lot"),
    ("budget", -1),
    ("budget", 0.001),
    ("budget", True),
    ("budget", 10**12),
    ("budget", [1]),
    ("currency", "KR"),
    ("currency", "ZZZ"),
    ("currency", "XAU"),
    *[(field, "a\u202eb") for field in TOO_LONG],
    *[(field, "a\x1bb") for field in TOO_LONG],
    *[(field, f"a{end}b") for field in ("name", "proposalType") for end in ("\r", "\n", "\u2028", "\x85")],
    ("targetingCriteria", '"a\u202eb"'),
    ("assetUrls", ["https://cdn.example.com@evil.example/a.png"]),
    ("assetUrls", ["https://cdn.example.com/a\u202egnp.exe"]),
    ("currency", "SEKK"),
    ("currency", "S3K"),
    ("currency", "SÉK"),
    ("currency", 752),
    ("proposalType", 1),
    ("proposalType", " "),
    ("inviteCount", 7),
    ("id", str(uuid4())),
    ("supplierId", str(uuid4())),
    ("version", 3),
]


@pytest.mark.parametrize("field", sorted({field for field, _ in BAD_FIELDS}))
def test_bad_values_are_refused_by_field_and_write_nothing(anna, campaigns, field):
    """S0-16, S0-17, S0-18, D3: 422 names the field; unknown fields are refused; no row, event or audit row stays."""
    for value in (value for name, value in BAD_FIELDS if name == field):
        problem = is_problem(anna.post(CAMPAIGNS, json=SPRING | {field: value}), 422, "validation_failed")
        assert fields_of(problem)[0].split(".")[0] == field, value
    assert set(rows(campaigns).values()) == {0}


@pytest.mark.parametrize("field", REQUIRED)
def test_missing_fields_are_named(anna, campaigns, field):
    body = {key: value for key, value in SPRING.items() if key != field}
    assert fields_of(is_problem(anna.post(CAMPAIGNS, json=body), 422, "validation_failed")) == [field]
    assert set(rows(campaigns).values()) == {0}


def test_a_nul_is_malformed(anna, campaigns):
    is_problem(anna.post(CAMPAIGNS, json=SPRING | {"name": "a\x00b"}), 400, "malformed")
    assert set(rows(campaigns).values()) == {0}


def test_texts_at_their_limits_are_kept(anna):
    exact = {field: "å" * (length - 1) for field, length in TOO_LONG.items()}
    more = {
        "targetingCriteria": '"' + "x" * 9_998 + '"',
        "budget": 10**12 - 1,
        "assetUrls": ["http://a/" + "b" * 1991] * 50,
    }
    detail = anna.get(draft(anna, **exact, **more)).json
    assert {key: detail[key] for key in exact | more} == exact | more


def test_times_with_another_offset_are_answered_in_utc(anna):
    detail = anna.get(draft(anna, startDate="2026-04-01T02:00:00.5+02:00")).json
    assert detail["startDate"] == "2026-04-01T00:00:00.500000Z"


def test_an_odd_json_string_is_kept_to_the_letter(anna):
    """S0-21: never parsed and written anew."""
    criteria = ' {"b":1.50, "a" : [1e3,1],"a":"\\u00e5"} '
    assert anna.get(draft(anna, targetingCriteria=criteria)).json["targetingCriteria"] == criteria


def test_the_list_shows_the_board(anna, campaigns, rolf, rita):
    """S0-34, S0-36: newest first, with counts, by status; the counts change as soon as a retailer responds."""
    first = sent(anna, ROLF, RITA, name="First")
    draft(anna, name="Second")
    rolf.post(f"{rolf_invite(rolf)}/respond", json={"response": "Accepted"})
    board = anna.get(CAMPAIGNS).json
    assert [item["name"] for item in board["items"]] == ["Second", "First"]
    assert {key: board[key] for key in board if key != "items"} == {
        "page": 1,
        "pageSize": 20,
        "totalItems": 2,
        "totalPages": 1,
    }
    assert counts(board["items"][1]) == (2, 1, 0, 1)
    assert "invites" not in board["items"][1]
    only = anna.get(f"{CAMPAIGNS}?status=Sent").json["items"]
    assert [item["id"] for item in only] == [str(last_id(first))]
    assert anna.get(f"{CAMPAIGNS}?pageSize=1&page=2").json["items"][0]["name"] == "First"
    assert campaigns.client(VERA).get(CAMPAIGNS).json == board


def rolf_invite(client):
    return f"{CAMPAIGNS}/invites/{client.get(f'{CAMPAIGNS}/invites').json['items'][0]['id']}"


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=x", f"page={10**30}", "pageSize=0", "pageSize=201", "status=Gone", "sort=a"],
)
def test_absurd_pages_are_refused(anna, query):
    is_problem(anna.get(f"{CAMPAIGNS}?{query}"), 422, "validation_failed")


def test_a_list_costs_the_same_statements_whatever_it_holds(anna, campaigns):
    def statements(address):
        seen = []
        listener = lambda conn, cursor, statement, *_: seen.append(statement)  # noqa: E731
        event.listen(campaigns.database.engine, "before_cursor_execute", listener)
        assert anna.get(address).status_code == 200
        event.remove(campaigns.database.engine, "before_cursor_execute", listener)
        return len([statement for statement in seen if statement.startswith("SELECT")])

    campaign_address = sent(anna, ROLF)
    few = statements(CAMPAIGNS), statements(campaign_address), statements(f"{campaign_address}/invites")
    many = [sent(anna, ROLF, RITA) for _ in range(4)][-1]
    assert (statements(CAMPAIGNS), statements(many), statements(f"{many}/invites")) == few == (2, 2, 3)


def test_a_draft_is_replaced(anna, campaigns):
    """D6, D8: PUT replaces all of it, what is left out becomes null; the trail shows what it was."""
    address = draft(anna, **PROPOSAL)
    answer = anna.put(address, json=SPRING | {"name": "Autumn"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"2"'
    detail = anna.get(address)
    assert detail.headers["ETag"] == '"2"'
    assert {key: detail.json[key] for key in SPRING} == SPRING | {"name": "Autumn"}
    assert [detail.json[key] for key in FIELDS_OF_A_PROPOSAL] == [None] * 5
    [changed] = campaigns.events("campaigns.CampaignChanged.v1")
    assert (changed["sequence"], changed["data"]["name"]) == (2, "Autumn")
    [row] = audited(campaigns, "campaign.changed")
    assert row.changes["name"] == [PROPOSAL["name"], "Autumn"]
    assert row.changes["budget"] == ["25000.00", None]
    assert (row.actor_id, row.actor_name, row.target_id) == (ANNA.user_id, "Anna", last_id(address))
    assert row.request_id == answer.headers["X-Request-Id"]


def test_a_stale_or_bad_change_changes_nothing(anna, campaigns):
    """D6."""
    address = draft(anna)
    anna.put(address, json=SPRING | {"name": "Autumn"})
    before = rows(campaigns)
    stale = {"headers": {"If-Match": '"1"'}}
    is_problem(anna.put(address, json=SPRING, **stale), 412, "stale_version")
    is_problem(anna.delete(address, **stale), 412, "stale_version")
    is_problem(anna.post(f"{address}/send", json={"retailerIds": [str(ROLF.tenant_id)]}, **stale), 412, "stale_version")
    is_problem(anna.post(f"{address}/status", json={"status": "Active"}, **stale), 412, "stale_version")
    is_problem(anna.put(address, json=SPRING | {"endDate": SPRING["startDate"]}), 422, "validation_failed")
    is_problem(anna.put(address, json=SPRING | {"state": "Sent"}), 422, "validation_failed")
    assert rows(campaigns) == before
    assert anna.get(address).json["name"] == "Autumn"


def test_a_draft_is_deleted(anna, campaigns):
    address = draft(anna)
    answer = anna.delete(address, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.data) == (204, b"")
    is_problem(anna.get(address), 404, "not_found")
    is_problem(anna.delete(address), 404, "not_found")
    assert stored(campaigns, Campaign) == []
    [deleted] = campaigns.events("campaigns.CampaignDeleted.v1")
    assert deleted["sequence"] == 2
    assert deleted["data"] == {
        "campaignId": str(last_id(address)),
        "supplierId": str(NORDIC),
        "name": SPRING["name"],
    }
    [row] = audited(campaigns, "campaign.deleted")
    assert row.changes["name"] == [SPRING["name"], None]


def test_what_was_sent_is_neither_changed_nor_deleted(anna, campaigns):
    address = sent(anna, ROLF)
    before = rows(campaigns)
    is_problem(anna.put(address, json=SPRING), 409, "not_draft")
    is_problem(anna.delete(address), 409, "not_draft")
    assert rows(campaigns) == before


def test_the_label_is_moved_one_step_at_a_time(anna, campaigns, rolf):
    """S0-10, S0-13, D12."""
    address = sent(anna, ROLF)
    for status in ("ResponsesIn", "Active", "Complete"):
        answer = anna.post(f"{address}/status", json={"status": status})
        assert (answer.status_code, answer.json["status"]) == (200, status)
        assert answer.headers["ETag"] == anna.get(address).headers["ETag"]
    advanced = campaigns.events("campaigns.CampaignAdvanced.v1")
    assert [(event["data"]["previousStatus"], event["data"]["status"]) for event in advanced] == [
        ("Sent", "ResponsesIn"),
        ("ResponsesIn", "Active"),
        ("Active", "Complete"),
    ]
    assert [event["sequence"] for event in advanced] == [3, 4, 5]
    assert audited(campaigns, "campaign.advanced")[0].changes == {"status": ["Sent", "ResponsesIn"]}


def test_advancing_notifies_nobody(anna, campaigns, rolf):
    """S0-14: nothing reaches a retailer, in an event or an inbox."""
    address = sent(anna, ROLF)
    inbox, before = rolf.get(f"{CAMPAIGNS}/invites").json, len(campaigns.events())
    anna.post(f"{address}/status", json={"status": "ResponsesIn"})
    assert rolf.get(f"{CAMPAIGNS}/invites").json == inbox
    [event] = campaigns.events()[before:]
    assert event["tenantids"] == str(NORDIC)


@pytest.mark.parametrize("steps", range(4))
def test_every_other_step_is_refused(anna, campaigns, steps):
    """D12: no jump, no step back, no standing still; Draft leaves only by sending."""
    address = sent(anna, ROLF)
    path = ["ResponsesIn", "Active", "Complete"]
    for status in path[:steps]:
        anna.post(f"{address}/status", json={"status": status})
    before = rows(campaigns)
    for status in {"Draft", "Sent", *path} - set(path[steps : steps + 1]):
        is_problem(anna.post(f"{address}/status", json={"status": status}), 409, "invalid_transition")
    assert rows(campaigns) == before


@pytest.mark.parametrize("status", ["Draft", "Sent", "ResponsesIn", "Active", "Complete"])
def test_a_draft_is_advanced_only_by_sending(anna, status):
    """S0-12, D12."""
    address = draft(anna)
    is_problem(anna.post(f"{address}/status", json={"status": status}), 409, "invalid_transition")
    assert anna.get(address).json["status"] == "Draft"


@pytest.mark.parametrize(
    "body", [{}, {"status": "Gone"}, {"status": None}, {"status": 1}, {"status": "Active", "force": True}]
)
def test_what_is_no_status_is_refused(anna, body):
    address = draft(anna)
    is_problem(anna.post(f"{address}/status", json=body), 422, "validation_failed")
    assert anna.get(address).json["status"] == "Draft"


def test_dates_do_not_move_the_status(anna):
    """S0-15: a campaign of the past may be drafted, sent and answered."""
    address = sent(anna, ROLF, startDate="2020-01-01T00:00:00Z", endDate="2020-02-01T00:00:00Z")
    assert anna.get(address).json["status"] == "Sent"


def test_a_repeated_post_with_a_key_makes_one_campaign(anna, campaigns):
    """D7."""
    headers = {"Idempotency-Key": "spring-1"}
    first = anna.post(CAMPAIGNS, json=SPRING, headers=headers)
    again = anna.post(CAMPAIGNS, json=SPRING, headers=headers)
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    is_problem(anna.post(CAMPAIGNS, json=PROPOSAL, headers=headers), 422, "idempotency_key_reused")
    assert rows(campaigns) == {"campaigns": 1, "invites": 0, "outbox": 1, "audit": 1}


def test_the_trail_is_the_tenants_own(anna, campaigns, rolf):
    """D8."""
    address = sent(anna, ROLF)
    rolf.post(f"{rolf_invite(rolf)}/respond", json={"response": "Declined", "note": "Full"})
    trail = anna.get(f"{CAMPAIGNS}/audit").json
    assert [item["action"] for item in trail["items"]] == ["campaign.sent", "campaign.created"]
    assert trail["items"][0]["changes"] == {"status": ["Draft", "Sent"], "inviteCount": [0, 1]}
    assert trail["items"][0]["targetId"] == str(last_id(address))
    [answered] = rolf.get(f"{CAMPAIGNS}/audit").json["items"]
    assert answered["action"] == "invite.responded"
    assert answered["changes"]["status"] == ["Pending", "Declined"]
    assert anna.get(f"{CAMPAIGNS}/audit?targetId={uuid4()}").json["totalItems"] == 0
