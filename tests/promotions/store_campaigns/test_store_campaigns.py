"""Store campaigns (S3): the document's requests and answers, what may be changed, and which events say so."""

from datetime import timedelta

import pytest
import time_machine

from chassis.core.clock import utcnow
from services.promotions.store_campaigns.models import StoreCampaign
from tests.promotions.helpers import BERGEN, FJORD, everything, ok, stored
from tests.promotions.store_campaigns.helpers import (
    EXAMPLE,
    HERS,
    MINE,
    away,
    campaign,
    events_about,
    faults,
    last_id,
    made,
    refused,
    stores,
)

SPELLINGS = ["", "/stores"]


def snapshot(service):
    """All that is stored of campaigns, and how much of the rest: equal before and after a refused request."""
    columns = StoreCampaign.__table__.columns.keys()
    return everything(service), [[getattr(row, name) for name in columns] for row in stored(service, StoreCampaign)]


@pytest.mark.parametrize("ending", SPELLINGS)
def test_an_update_as_the_document_shows_it(rolf, ending):
    """S3-1, S3-2, S3-3, S3-19, D40: request and answer word for word, up to id and time."""
    address = made(rolf, status="inactive")
    answer = rolf.put(f"{address}{ending}", json=EXAMPLE)
    body = ok(answer)
    assert body == {
        "success": True,
        "message": "Campaign successfully updated",
        "campaign_id": last_id(address),
        "updated_fields": ["name", "description", "campaign_identifier", "starts_at", "ends_at", "status"],
        "effective_immediately": True,
        "timestamp": body["timestamp"],
    }
    read = ok(rolf.get(address))
    assert read == {
        "campaign_id": last_id(address),
        "company_id": str(FJORD),
        "name": EXAMPLE["name"],
        "description": EXAMPLE["description"],
        "campaign_identifier": EXAMPLE["campaign_identifier"],
        "starts_at": "2024-01-01T00:00:00Z",
        "ends_at": "2999-12-31T23:59:59Z",
        "status": "active",
        "store_ids": [],
        "created_at": read["created_at"],
        "updated_at": body["timestamp"],
    }


def test_a_company_is_named_by_id_or_slug(rolf):
    address = made(rolf)
    assert address == f"{MINE}/{last_id(address)}"
    assert ok(rolf.get(f"/stores/company/fjord-retail/campaigns/{last_id(address)}")) == ok(rolf.get(address))


def test_a_campaign_is_made_with_what_the_document_calls_its_fields(rolf, promotions):
    """S3-1: create answers the campaign; an identifier is made of the name where none is given (S3-17)."""
    stores(promotions, "oslo", "bergen")
    answer = rolf.post(MINE, json=EXAMPLE | {"store_ids": ["oslo", "bergen"]})
    body = ok(answer, 201)
    assert (body["success"], body["message"]) == (True, "Campaign successfully created")
    assert body["campaign_id"] == last_id(answer.headers["Location"])
    assert body["store_ids"] == ["bergen", "oslo"]
    assert events_about(promotions, answer.headers["Location"]) == [("CampaignCreated", 1), ("CampaignStarted", 2)]
    least = {"name": "Påske på 2 dager!", "starts_at": away(days=1), "ends_at": away(days=2)}
    body = ok(rolf.post(MINE, json=least), 201)
    assert (body["campaign_identifier"], body["status"], body["description"]) == ("PASKE_PA_2_DAGER", "scheduled", None)
    same = ok(rolf.post(MINE, json=least | {"name": "Paske pa 2 dager"}), 201)["campaign_identifier"]
    assert same.startswith("PASKE_PA_2_DAGER_")
    assert len(same) == len("PASKE_PA_2_DAGER_") + 12


def test_what_an_update_leaves_out_keeps_its_value(rolf):
    """S3-1, S3-3, S3-4."""
    address = made(rolf, status="inactive")
    for name in reversed(EXAMPLE):
        before = ok(rolf.get(address))
        assert ok(rolf.put(address, json={name: EXAMPLE[name]}))["updated_fields"] == [name]
        after = ok(rolf.get(address))
        assert {key for key in before if before[key] != after[key]} == {name, "updated_at"}


def test_an_empty_update_changes_nothing(rolf, promotions):
    """S3-3, S3-4."""
    address = made(rolf)
    before = snapshot(promotions)
    assert ok(rolf.put(f"{address}/stores", json={}))["updated_fields"] == []
    assert ok(rolf.put(f"{address}/stores"))["updated_fields"] == []
    assert snapshot(promotions) == before


def test_a_field_that_has_the_value_already_is_applied_without_an_event(rolf, promotions):
    """S3-3, S3-23: its own name and identifier are no clash."""
    address = made(rolf, **EXAMPLE)
    before = snapshot(promotions)
    assert ok(rolf.put(address, json=EXAMPLE))["updated_fields"] == list(EXAMPLE)
    assert snapshot(promotions) == before


def test_every_change_is_published_and_audited(rolf, till, promotions):
    """S3-9, S3-10: an event with the whole campaign, and who, when and from what to what."""
    stores(promotions, "oslo")
    address = made(rolf, name="Spring", store_ids=["oslo"])
    ok(till.put(f"{address}/stores", json={"name": "Summer", "status": "inactive"}))
    event = promotions.events("promotions.CampaignUpdated.v1")[0]
    assert event["tenantids"] == str(FJORD)
    data = event["data"]
    assert (data["campaignId"], data["companyId"]) == (last_id(address), str(FJORD))
    assert (data["name"], data["status"], data["storeIds"]) == ("Summer", "inactive", ["oslo"])
    assert data["updatedFields"] == ["name", "status"]
    page = ok(rolf.get(f"{address}/audit"))
    assert page["totalItems"] == 2
    newest, oldest = page["items"]
    assert (newest["action"], newest["actorName"]) == ("store_campaign.updated", "Till")
    assert newest["changes"] == {"name": ["Spring", "Summer"], "status": ["active", "inactive"]}
    assert (oldest["action"], oldest["actorName"]) == ("store_campaign.created", "Rolf")
    assert ok(rolf.get(f"{address}/audit?page=2&pageSize=1"))["items"] == [oldest]


def test_a_campaign_that_is_not_there(rolf, rita, promotions):
    """S3-11, S3-22, D5: word for word, also for another company's, however it is named."""
    hers = made(rita, HERS, name="Secret")
    before = snapshot(promotions)
    for campaign_id in ("invalid-id", "1000010", "00000000-0000-0000-0000-000000000001", last_id(hers)):
        expected = {
            "success": False,
            "message": "Campaign not found",
            "error_code": "CAMPAIGN_NOT_FOUND",
            "campaign_id": campaign_id,
        }
        for company in (MINE, HERS, "/stores/company/bergen-bygg/campaigns", "/stores/company/nobody/campaigns"):
            address = f"{company}/{campaign_id}"
            for answer in (
                rolf.get(address),
                rolf.put(address, json=EXAMPLE),
                rolf.put(f"{address}/stores", json={"status": "inactive"}),
                rolf.put(f"{address}/linked-stores", json={"store_ids": []}),
                rolf.get(f"{address}/audit"),
            ):
                assert (answer.status_code, answer.json) == (404, expected)
    for company in (HERS, "/stores/company/nobody/campaigns"):
        refused(rolf.get(company), 404, "COMPANY_NOT_FOUND")
        refused(rolf.post(company, json=campaign()), 404, "COMPANY_NOT_FOUND")
    assert snapshot(promotions) == before


WINDOWS = [
    {"starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"},
    {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"},
    {"ends_at": "2029-12-31T23:59:59Z"},
    {"starts_at": "2040-01-01T01:00:00+01:00"},
]


@pytest.mark.parametrize("window", WINDOWS)
def test_the_end_must_come_after_the_start(rolf, promotions, window):
    """S3-12, S3-18, D3, D41: word for word; a one-sided change is measured against the stored other side."""
    address = made(rolf, starts_at="2030-01-01T00:00:00Z", ends_at="2040-01-01T00:00:00Z", status="scheduled")
    before = snapshot(promotions)
    expected = {
        "success": False,
        "message": "End date must be after start date",
        "error_code": "INVALID_DATE_RANGE",
    }
    answer = rolf.put(f"{address}/stores", json=window | {"name": "Other"})
    assert (answer.status_code, answer.json) == (400, expected)
    whole = {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2040-01-01T00:00:00Z"} | window
    refused(rolf.post(MINE, json=campaign(**whole)), 400, "INVALID_DATE_RANGE")
    assert snapshot(promotions) == before


def test_one_side_of_the_window_can_move_alone(rolf):
    """S3-8, S3-18: extend the end, shift the start."""
    address = made(rolf, starts_at="2030-01-01T00:00:00Z", ends_at="2040-01-01T00:00:00Z", status="scheduled")
    ok(rolf.put(address, json={"ends_at": "2050-01-01T00:00:00Z"}))
    ok(rolf.put(address, json={"starts_at": "2045-01-01T00:00:00Z"}))
    read = ok(rolf.get(address))
    assert (read["starts_at"], read["ends_at"]) == ("2045-01-01T00:00:00Z", "2050-01-01T00:00:00Z")


def test_a_campaign_that_is_over_cannot_be_modified(rolf, promotions):
    """S3-13, S3-20, D41: word for word, whether it was ended by hand or by the clock that nobody has written down."""
    by_hand, by_clock = made(rolf), made(rolf)
    ok(rolf.put(by_hand, json={"status": "expired"}))
    expected = {
        "success": False,
        "message": "Campaign cannot be modified in current status",
        "error_code": "CAMPAIGN_NOT_MODIFIABLE",
        "current_status": "expired",
    }
    with time_machine.travel(utcnow() + timedelta(days=2), tick=False):
        before = snapshot(promotions)
        for address in (by_hand, by_clock):
            assert ok(rolf.get(address))["status"] == "expired"
            for change in ({"status": "active"}, {"ends_at": away(days=9)}, {"name": "Other"}, {}):
                answer = rolf.put(f"{address}/stores", json=change)
                assert (answer.status_code, answer.json) == (409, expected)
            assert rolf.put(f"{address}/linked-stores", json={"store_ids": []}).json == expected
        assert snapshot(promotions) == before


def test_a_name_is_unique_within_the_company(rolf, rita, promotions):
    """S3-14, S3-15: word for word; another company may have the same."""
    made(rolf, name="Spring")
    address = made(rolf, name="Summer")
    made(rita, HERS, name="Spring")
    before = snapshot(promotions)
    expected = {
        "success": False,
        "message": "Field validation failed",
        "error_code": "VALIDATION_ERROR",
        "validation_errors": [{"field": "name", "error": "Campaign name must be unique within company"}],
    }
    for answer in (
        rolf.put(f"{address}/stores", json={"name": "Spring"}),
        rolf.post(MINE, json=campaign(name="Spring")),
    ):
        assert (answer.status_code, answer.json) == (400, expected)
    assert snapshot(promotions) == before


def test_an_identifier_is_unique_across_all_companies(rolf, rita, promotions):
    """S3-17, S3-22: and the answer does not tell whose it is."""
    made(rita, HERS, name="Hers", campaign_identifier="TAKEN_1")
    made(rolf, name="His", campaign_identifier="TAKEN_2")
    address = made(rolf)
    before = snapshot(promotions)
    answers = []
    for identifier in ("TAKEN_1", "TAKEN_2"):
        answer = rolf.put(address, json={"campaign_identifier": identifier})
        assert faults(answer) == ["campaign_identifier"]
        answers.append(answer.json)
        assert faults(rolf.post(MINE, json=campaign(campaign_identifier=identifier))) == ["campaign_identifier"]
    assert answers[0] == answers[1]
    both = rolf.put(address, json={"name": "His", "campaign_identifier": "TAKEN_1"})
    assert faults(both) == ["name", "campaign_identifier"]
    assert snapshot(promotions) == before


BAD = {
    "name": {"name": ["", "   ", "x" * 201, None, 7, "Spring\nSale", "Spring\u202eelaS", "Spring\x1b[31m"]},
    "description": {"description": ["x" * 1001, 7, "x\x07y", "x\u202ey"]},
    "identifier": {"campaign_identifier": ["", "BI-YEARLY", "PÅSKE", "A B", "A\n"]},
    "window": {
        "starts_at": ["yesterday", "2024-13-01T00:00:00Z", "2024-01-01", 1704067200],
        "ends_at": ["2024-01-01T25:00:00Z", None],
    },
    "status and unknown": {"status": ["paused", "ACTIVE", None], "colour": ["red"], "tenant_id": ["x"], "version": [1]},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_bad_fields_are_validation_errors_and_change_nothing(rolf, promotions, subtests, fields):
    """S3-5, S3-14 to S3-18, S3-21, D42."""
    address = made(rolf)
    before = snapshot(promotions)
    for field, value in [(field, value) for field, values in fields.items() for value in values]:
        with subtests.test(field=field, value=value):
            assert faults(rolf.put(f"{address}/stores", json=EXAMPLE | {field: value})) == [field]
            assert faults(rolf.post(MINE, json=campaign(**{field: value}))) == [field]
    assert snapshot(promotions) == before


def test_a_new_campaign_needs_a_name_and_a_window(rolf):
    assert faults(rolf.post(MINE, json={})) == ["name", "starts_at", "ends_at"]


GOOD = [
    ("name", "x" * 200, "x" * 200),
    ("name", " Easter ", "Easter"),
    ("description", "x" * 1000, "x" * 1000),
    ("description", "**Bold** & <b>basic</b>\n- list", "**Bold** & <b>basic</b>\n- list"),
    ("description", None, None),
    ("description", "", ""),
    ("campaign_identifier", "a_Z_09", "a_Z_09"),
    ("starts_at", "1999-01-01T00:00:00Z", "1999-01-01T00:00:00Z"),
    ("starts_at", "2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00Z"),
    ("starts_at", "2024-01-01T00:00:00", "2024-01-01T00:00:00Z"),
    ("ends_at", "2999-12-31T23:59:59.000Z", "2999-12-31T23:59:59Z"),
    ("ends_at", "2999-12-31T23:59:59.123456Z", "2999-12-31T23:59:59.123456Z"),
]


@pytest.mark.parametrize(("field", "value", "read"), GOOD, ids=[f"{row[0]}={row[1]!r}"[:40] for row in GOOD])
def test_good_fields_are_stored(rolf, field, value, read):
    """S3-15, S3-16, S3-17, S3-18, S3-19."""
    address = made(rolf)
    ok(rolf.put(address, json={field: value}))
    assert ok(rolf.get(address))[field] == read


def test_a_campaign_can_lie_in_the_past(rolf):
    """S3-19: a historical campaign, which is over at once."""
    past = {"starts_at": "2019-01-01T00:00:00Z", "ends_at": "2019-02-01T00:00:00Z"}
    address = made(rolf, **past)
    assert ok(rolf.get(address))["status"] == "expired"
    running = made(rolf)
    ok(rolf.put(running, json=past))
    assert ok(rolf.get(running))["status"] == "expired"


STEPS = {
    "scheduled": {"scheduled", "active", "inactive"},
    "active": {"active", "inactive", "scheduled", "expired"},
    "inactive": {"inactive", "active", "scheduled", "expired"},
    "expired": set(),
}


@pytest.mark.parametrize("following", STEPS)
@pytest.mark.parametrize("current", STEPS)
def test_which_status_follows_which(rolf, promotions, current, following):
    """S3-5, S3-6, S3-8, S3-20, D41: activate early, pause, reactivate, end by hand; at once."""
    address = made(rolf, starts_at=away(days=1), ends_at=away(days=2), status="inactive")
    ok(rolf.put(address, json={"status": current}))
    assert ok(rolf.get(address))["status"] == current
    before = snapshot(promotions)
    answer = rolf.put(f"{address}/stores", json={"status": following})
    if following in STEPS[current]:
        assert ok(answer)["updated_fields"] == ["status"]
        assert ok(rolf.get(address))["status"] == following
    else:
        refused(answer, 409, "CAMPAIGN_NOT_MODIFIABLE", current_status=current)
        assert snapshot(promotions) == before


def test_software_cannot_end_a_campaign_for_good(till, rolf, promotions):
    """S3-20: what nobody can take back is an admin's to do; pausing is not."""
    address = made(till)
    before = snapshot(promotions)
    refused(till.put(address, json={"status": "expired"}), 403, "EXTRA_PERMISSION_REQUIRED")
    assert snapshot(promotions) == before
    ok(till.put(address, json={"status": "inactive"}))
    ok(rolf.put(address, json={"status": "expired"}))


def test_a_start_and_an_end_by_hand_are_published(rolf, promotions):
    """S3-6, S3-8, S3-9: after the update that brought them about."""
    address = made(rolf, starts_at=away(days=1), ends_at=away(days=2), status="scheduled")
    for status in ("active", "inactive", "active", "expired"):
        ok(rolf.put(address, json={"status": status}))
    names = [name for name, _ in events_about(promotions, address)]
    assert names == [
        "CampaignCreated",
        *("CampaignUpdated", "CampaignStarted"),
        "CampaignUpdated",
        *("CampaignUpdated", "CampaignStarted"),
        *("CampaignUpdated", "CampaignEnded"),
    ]
    assert [sequence for _, sequence in events_about(promotions, address)] == list(range(1, 9))


def test_stores_are_linked_and_unlinked(rolf, promotions):
    """S3-9: all of them at once, with an event and an audit row."""
    stores(promotions, "oslo", "bergen", "voss")
    stores(promotions, "hers", tenant_id=BERGEN)
    address = made(rolf)
    answer = ok(rolf.put(f"{address}/linked-stores", json={"store_ids": ["voss", "oslo", "voss"]}))
    assert answer == {
        "success": True,
        "message": "Linked stores successfully updated",
        "campaign_id": last_id(address),
        "store_ids": ["oslo", "voss"],
        "effective_immediately": True,
        "timestamp": answer["timestamp"],
    }
    ok(rolf.put(f"{address}/linked-stores", json={"store_ids": ["bergen"]}))
    assert ok(rolf.get(address))["store_ids"] == ["bergen"]
    event = promotions.events("promotions.CampaignUpdated.v1")[-1]
    assert (event["data"]["storeIds"], event["data"]["updatedFields"]) == (["bergen"], ["store_ids"])
    [newest, *_] = ok(rolf.get(f"{address}/audit"))["items"]
    assert newest["changes"] == {"storeIds": [["oslo", "voss"], ["bergen"]]}
    before = snapshot(promotions)
    ok(rolf.put(f"{address}/linked-stores", json={"store_ids": ["bergen"]}))
    assert faults(rolf.put(f"{address}/linked-stores", json={"store_ids": ["oslo", "hers"]})) == ["store_ids.1"]
    assert faults(rolf.post(MINE, json=campaign(store_ids=["nowhere"]))) == ["store_ids.0"]
    assert faults(rolf.put(f"{address}/linked-stores", json={})) == ["store_ids"]
    assert faults(rolf.put(f"{address}/linked-stores", json={"store_ids": ["x"] * 2001})) == ["store_ids"]
    assert faults(rolf.put(f"{address}/linked-stores", json={"store_ids": ["🏬" * 100] * 400})) == ["store_ids"]
    assert snapshot(promotions) == before


def test_the_list_is_of_the_own_company_and_by_the_present_status(rolf, rita):
    """S3-22, D3: the status asked for is the one by the clock."""
    made(rita, HERS)
    addresses = {status: made(rolf, status=status) for status in ("active", "inactive")}
    addresses["scheduled"] = made(rolf, starts_at=away(days=1), ends_at=away(days=3), status="scheduled")
    addresses["expired"] = made(rolf, starts_at=away(days=-3), ends_at=away(days=-2), status="inactive")
    page = ok(rolf.get(MINE))
    assert (page["page"], page["pageSize"], page["totalItems"], page["totalPages"]) == (1, 20, 4, 1)
    newest_first = [last_id(url) for url in reversed(addresses.values())]
    assert [item["campaign_id"] for item in page["items"]] == newest_first
    for status, address in addresses.items():
        [only] = ok(rolf.get(f"{MINE}?status={status}"))["items"]
        assert only == ok(rolf.get(address))
        assert only["status"] == status
    with time_machine.travel(utcnow() + timedelta(days=2), tick=False):
        statuses = [item["status"] for item in ok(rolf.get(f"{MINE}?status=expired"))["items"]]
        assert statuses == ["expired"] * 3
        [running] = ok(rolf.get(f"{MINE}?status=active"))["items"]
        assert running["campaign_id"] == last_id(addresses["scheduled"])
    assert faults(rolf.get(f"{MINE}?status=paused")) == ["status"]


def test_stale_updates_are_refused_where_the_client_says_what_it_saw(rolf, promotions):
    """D6: the document's client sends no If-Match and is served."""
    address = made(rolf)
    headers = {"If-Match": rolf.get(address).headers["ETag"]}
    answer = rolf.put(address, json={"name": "First"}, headers=headers)
    assert answer.headers["ETag"] == rolf.get(address).headers["ETag"] != headers["If-Match"]
    before = snapshot(promotions)
    refused(rolf.put(address, json={"name": "Second"}, headers=headers), 412, "STALE_VERSION")
    refused(rolf.put(f"{address}/linked-stores", json={"store_ids": []}, headers=headers), 412, "STALE_VERSION")
    assert snapshot(promotions) == before
    ok(rolf.put(address, json={"name": "Second"}))


def test_a_creation_with_a_key_acts_once(rolf, promotions):
    """D7."""
    headers, body = {"Idempotency-Key": "spring-1"}, campaign()
    first, again = (rolf.post(MINE, json=body, headers=headers) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    assert len(stored(promotions, StoreCampaign)) == 1


def test_everything_under_the_path_refuses_in_its_shape(promotions, rolf):
    """S3-11 to S3-14: also what has no endpoint, and what is no JSON."""
    refused(rolf.get(f"{MINE}/x/y/z"), 404, "NOT_FOUND")
    refused(rolf.delete(MINE), 405, "METHOD_NOT_ALLOWED")
    refused(rolf.post(MINE, data="{", content_type="application/json"), 400, "VALIDATION_ERROR")
    refused(rolf.post(MINE, data="x"), 415, "UNSUPPORTED_MEDIA_TYPE")
    refused(promotions.client(None).get(MINE), 401, "UNAUTHORIZED")


def test_software_ends_no_campaign_by_its_window_either(till, rolf, promotions):
    """S3-20: an end that has passed is ``expired`` by another name; an end that is to come is not."""
    address = made(till, starts_at=away(days=-9), ends_at=away(days=9))
    before = snapshot(promotions)
    refused(till.put(address, json={"ends_at": away(days=-1)}), 403, "EXTRA_PERMISSION_REQUIRED")
    assert snapshot(promotions) == before
    ok(till.put(address, json={"ends_at": away(days=1)}))
    ok(rolf.put(address, json={"ends_at": away(days=-1)}))
    assert ok(rolf.get(address))["status"] == "expired"


def test_a_status_that_the_clock_changes_at_once_was_not_applied(rolf, promotions):
    """S3-3: a running campaign whose start has passed runs, so to schedule it is no change and is not named."""
    address = made(rolf)
    before = snapshot(promotions)
    assert ok(rolf.put(address, json={"status": "scheduled"}))["updated_fields"] == []
    assert snapshot(promotions) == before
    delayed = ok(rolf.put(address, json={"status": "scheduled", "starts_at": away(days=0.5)}))
    assert delayed["updated_fields"] == ["starts_at", "status"]
    assert ok(rolf.get(address))["status"] == "scheduled"
