"""Store campaigns (S3) that are delayed, deleted, written back, named alike or shown by tills (D43, D44, D62, D65)."""

from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.promotions.store_campaigns import tasks
from services.promotions.store_campaigns.models import StoreCampaign, StoreCampaignStore
from services.promotions.tills import bundles
from tests.promotions.helpers import MINE as CATALOGUE
from tests.promotions.helpers import everything, ok, stored
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

READ_ONLY = ("campaign_id", "company_id", "store_ids", "created_at", "updated_at")


def status(client, address):
    return ok(client.get(address))["status"]


def test_a_later_start_delays_a_running_campaign(rolf, promotions):
    """D43: it is scheduled again, with an event, and starts at its new time."""
    address = made(rolf, starts_at=away(days=-1), ends_at=away(days=9))
    answer = ok(rolf.put(address, json={"starts_at": away(days=2)}))
    assert answer["updated_fields"] == ["starts_at"]
    assert status(rolf, address) == "scheduled"
    event = promotions.events("promotions.CampaignUpdated.v1")[-1]
    assert (event["data"]["status"], event["data"]["updatedFields"]) == ("scheduled", ["starts_at", "status"])
    with time_machine.travel(utcnow() + timedelta(days=3), tick=False):
        with acting_as(Principal.system("test")):
            tasks.run(promotions.runtime)
        assert status(rolf, address) == "active"
    assert [name for name, _ in events_about(promotions, address)][-1] == "CampaignStarted"


def test_a_campaign_that_was_written_back_with_a_later_start_is_delayed_too(rolf):
    """D43, D65: its status stands there as it was read, and does not count as applied (S3-3)."""
    address = made(rolf, starts_at=away(days=-1), ends_at=away(days=9))
    answer = ok(rolf.put(address, json=ok(rolf.get(address)) | {"starts_at": away(days=2)}))
    assert "status" not in answer["updated_fields"]
    assert status(rolf, address) == "scheduled"


def test_a_campaign_that_was_activated_early_runs_on(rolf):
    """D43, S3-8: its start lay ahead all along."""
    address = made(rolf, starts_at=away(days=1), ends_at=away(days=9), status="scheduled")
    ok(rolf.put(address, json={"status": "active"}))
    for start in (away(days=2), away(hours=12)):
        ok(rolf.put(address, json={"starts_at": start}))
        assert status(rolf, address) == "active"


@pytest.mark.parametrize("current", ["inactive", "scheduled"])
def test_a_start_that_moves_leaves_the_status_of_a_campaign_that_does_not_run(rolf, current):
    """D43: also one that is moved within the past."""
    address = made(rolf, starts_at=away(days=1), ends_at=away(days=9), status=current)
    ok(rolf.put(address, json={"starts_at": away(days=2)}))
    assert status(rolf, address) == current
    running = made(rolf, starts_at=away(days=-9), ends_at=away(days=9))
    ok(rolf.put(running, json={"starts_at": away(days=-1)}))
    assert status(rolf, running) == "active"


def test_a_refused_delay_changes_nothing(rolf, promotions):
    """D43, S3-12, S3-21."""
    address = made(rolf)
    before = everything(promotions), ok(rolf.get(address))
    refused(rolf.put(address, json={"starts_at": away(days=9)}), 400, "INVALID_DATE_RANGE")
    assert (everything(promotions), ok(rolf.get(address))) == before


def test_a_campaign_that_is_over_can_be_deleted(rolf, promotions):
    """D44: its name and identifier are free again, and its audit trail stays readable."""
    stores(promotions, "oslo")
    address = made(rolf, name="Spring", campaign_identifier="SPRING", store_ids=["oslo"])
    ok(rolf.put(address, json={"status": "expired"}))
    trail = ok(rolf.get(f"{address}/audit"))["items"]
    answer = ok(rolf.delete(address))
    assert answer == {
        "success": True,
        "message": "Campaign successfully deleted",
        "campaign_id": last_id(address),
        "effective_immediately": True,
        "timestamp": answer["timestamp"],
    }
    for again in (rolf.get(address), rolf.put(address, json={}), rolf.delete(address)):
        refused(again, 404, "CAMPAIGN_NOT_FOUND", campaign_id=last_id(address))
    assert (stored(promotions, StoreCampaign), stored(promotions, StoreCampaignStore)) == ([], [])
    [deleted, *before] = ok(rolf.get(f"{address}/audit"))["items"]
    assert (deleted["action"], deleted["actorName"], before) == ("store_campaign.deleted", "Rolf", trail)
    assert deleted["changes"]["name"] == ["Spring", None]
    event = promotions.events("promotions.CampaignDeleted.v1")[-1]
    assert (event["subject"], event["data"]["status"]) == (last_id(address), "expired")
    assert [sequence for _, sequence in events_about(promotions, address)] == [1, 2, 3, 4, 5]
    made(rolf, name="Spring", campaign_identifier="SPRING")


def test_a_campaign_that_the_clock_ended_is_published_before_it_is_deleted(rolf, promotions):
    """D3, D44: whether or not the scheduler has come by."""
    address = made(rolf)
    with time_machine.travel(utcnow() + timedelta(days=2), tick=False):
        ok(rolf.delete(address))
    assert [name for name, _ in events_about(promotions, address)][-2:] == ["CampaignEnded", "CampaignDeleted"]


@pytest.mark.parametrize("current", ["scheduled", "inactive"])
def test_a_campaign_that_never_ran_can_be_deleted(rolf, current):
    """D44: scheduled, or called off before its start."""
    address = made(rolf, status=current, starts_at=away(days=1), ends_at=away(days=2))
    ok(rolf.delete(address))
    refused(rolf.get(address), 404, "CAMPAIGN_NOT_FOUND")


def test_a_campaign_that_runs_or_may_go_on_cannot_be_deleted(rolf, promotions):
    """D44: running, started by the clock alone, paused, or delayed after it has run."""
    running = made(rolf)
    paused = made(rolf)
    ok(rolf.put(paused, json={"status": "inactive"}))
    delayed = made(rolf, ends_at=away(days=9))
    ok(rolf.put(delayed, json={"starts_at": away(days=5)}))
    begun = made(rolf, starts_at=away(days=1), ends_at=away(days=9), status="scheduled")
    cases = {running: "active", paused: "inactive", delayed: "scheduled", begun: "active"}
    before = everything(promotions)
    for address, current in cases.items():
        ahead = timedelta(days=2 if address == begun else 0)
        with time_machine.travel(utcnow() + ahead, tick=False):
            refused(rolf.delete(address), 409, "CAMPAIGN_NOT_MODIFIABLE", current_status=current)
    assert everything(promotions) == before


def test_another_companys_campaign_cannot_be_deleted(rolf, rita, promotions):
    """D5, D6, S3-22: nor its trail read; nor one that was changed since."""
    hers = made(rita, HERS, starts_at=away(days=1), ends_at=away(days=2), status="scheduled")
    before = everything(promotions)
    for company in (MINE, HERS):
        refused(rolf.delete(f"{company}/{last_id(hers)}"), 404, "CAMPAIGN_NOT_FOUND")
        refused(rolf.get(f"{company}/{last_id(hers)}/audit"), 404, "CAMPAIGN_NOT_FOUND")
    refused(rita.delete(hers, headers={"If-Match": '"99"'}), 412, "STALE_VERSION")
    assert everything(promotions) == before
    ok(rita.delete(hers))
    refused(rolf.get(f"{MINE}/{last_id(hers)}/audit"), 404, "CAMPAIGN_NOT_FOUND")


def test_a_list_can_be_of_one_store(rolf, promotions):
    """D44: together with the status."""
    stores(promotions, "oslo", "bergen")
    both = made(rolf, store_ids=["oslo", "bergen"])
    oslo = made(rolf, store_ids=["oslo"], status="inactive")
    made(rolf)

    def listed(query):
        return [item["campaign_id"] for item in ok(rolf.get(f"{MINE}?{query}"))["items"]]

    assert listed("store_id=oslo") == [last_id(oslo), last_id(both)]
    assert listed("store_id=bergen") == listed("store_id=%20bergen%20") == [last_id(both)]
    assert listed("store_id=oslo&status=active") == [last_id(both)]
    assert listed("store_id=nowhere") == []
    assert faults(rolf.get(f"{MINE}?storeId=oslo")) == ["storeId"]


def test_an_answer_can_be_written_back(rolf, promotions):
    """D42, D65: the read-only fields are ignored, whatever they say; nothing has changed, and there is no event."""
    stores(promotions, "oslo")
    answer = rolf.post(MINE, json=campaign(store_ids=["oslo"]))
    created, address = answer.json, answer.headers["Location"]
    read = ok(rolf.get(address))
    before = everything(promotions), read
    writable = ["name", "description", "campaign_identifier", "starts_at", "ends_at", "status"]
    for body in (read, created, read | dict.fromkeys(READ_ONLY, "x")):
        for ending in ("", "/stores"):
            assert ok(rolf.put(f"{address}{ending}", json=body))["updated_fields"] == writable
    linked = ok(rolf.put(f"{address}/linked-stores", json={"store_ids": ["oslo"]}))
    ok(rolf.put(f"{address}/linked-stores", json=linked))
    assert (everything(promotions), ok(rolf.get(address))) == before
    assert faults(rolf.put(address, json=read | {"colour": "red"})) == ["colour"]
    copy = {"name": "Copy", "campaign_identifier": "COPY"}
    assert ok(rolf.post(MINE, json=read | copy), 201)["store_ids"] == ["oslo"]


SAME = [("Påske", "PÅSKE"), ("Café", "Cafe\u0301"), ("Straße", "STRASSE"), ("Москва", "москва")]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_names_that_read_alike_are_one_name(rolf, rita, promotions, first, second):
    """S3-15, S3-23, D62: compared without case, in one spelling; its own name in other letters is no clash."""
    address, other = made(rolf, name=first), made(rolf)
    made(rita, HERS, name=second)
    before = everything(promotions)
    assert faults(rolf.post(MINE, json=campaign(name=second))) == ["name"]
    assert faults(rolf.put(other, json={"name": second})) == ["name"]
    assert everything(promotions) == before
    ok(rolf.put(address, json={"name": second.swapcase()}))
    ok(rolf.put(other, json=EXAMPLE))


def test_two_old_campaigns_whose_names_clash_can_both_be_written(rolf, promotions):
    """S3-23, D62: a name that stays as it was is no clash."""
    address = made(rolf, name="Spring")
    made(rolf, name="Other")
    with acting_as(Principal.system("test")), promotions.database.begin() as session:
        row = session.query(StoreCampaign).filter_by(name="Other").one()
        row.name = "SPRING"
        row.name_folded = f"spring\n{row.id}"
        other = f"{MINE}/{row.id}"
    for url in (address, other):
        ok(rolf.put(url, json=ok(rolf.get(url)) | {"description": "x"}))
    assert faults(rolf.put(other, json={"name": "spring"})) == ["name"]


@pytest.fixture
def till_shows(rolf, promotions):
    """The running store campaigns in the till's bundle of a store, and its version."""

    def shown(store="oslo"):
        answer = ok(rolf.get(f"{CATALOGUE}/stores/{store}/bundle"))
        [key] = ok(rolf.get(f"{CATALOGUE}/bundle-keys"))["keys"]
        return bundles.verify(answer["signed"], key)["storeCampaigns"], answer["version"]

    return shown


def test_running_campaigns_stand_in_the_bundle_of_their_stores(rolf, promotions, till_shows):
    """D44: as they are read, and nothing of other stores or of what does not run."""
    stores(promotions, "oslo", "bergen")
    address = made(rolf, store_ids=["oslo"], description="All spring")
    made(rolf, store_ids=["oslo"], status="inactive")
    made(rolf, store_ids=["oslo"], status="scheduled", starts_at=away(days=1), ends_at=away(days=2))
    made(rolf, store_ids=["bergen"])
    read = ok(rolf.get(address))
    fields = ("campaign_id", "name", "description", "campaign_identifier", "starts_at", "ends_at", "status")
    [shown], _ = till_shows()
    assert shown == {name: read[name] for name in fields}


def test_a_change_of_a_store_campaign_makes_a_new_bundle(rolf, promotions, till_shows):
    """D44, S3-9: a version goes by what is shown, so what changes nothing has none."""
    stores(promotions, "oslo", "bergen")
    versions = [till_shows()[1]]
    address = made(rolf, store_ids=["oslo"])
    versions.append(till_shows()[1])
    for change in ({"name": "Other"}, {"status": "inactive"}, {"status": "active", "ends_at": away(days=3)}):
        ok(rolf.put(address, json=change))
        versions.append(till_shows()[1])
    assert all(version != other for version, other in pairwise(versions))
    ok(rolf.put(address, json={"name": "Other"}))
    assert till_shows()[1] == versions[-1]
    ok(rolf.put(f"{address}/linked-stores", json={"store_ids": ["bergen"]}))
    assert till_shows() == ([], versions[0])
    assert [item["name"] for item in till_shows("bergen")[0]] == ["Other"]


def test_a_bundle_follows_the_clock(rolf, promotions, till_shows):
    """D3, D44: starts and ends, both moments included, without any scheduler."""
    stores(promotions, "oslo")
    made(rolf, store_ids=["oslo"], status="scheduled", starts_at=away(days=1), ends_at=away(days=2))
    [row] = stored(promotions, StoreCampaign)
    moment = timedelta(microseconds=1)
    seen = []
    for at in (row.starts_at - moment, row.starts_at, row.ends_at, row.ends_at + moment):
        with time_machine.travel(at, tick=False):
            seen.append(len(till_shows()[0]))
    assert seen == [0, 1, 1, 0]


def test_a_change_since_a_version_has_all_store_campaigns(rolf, promotions, till_shows):
    """D44: they are few, so they come whole, and a till takes them as they are."""
    stores(promotions, "oslo")
    made(rolf, store_ids=["oslo"], name="First")
    _, version = till_shows()
    made(rolf, store_ids=["oslo"], name="Second")
    answer = ok(rolf.get(f"{CATALOGUE}/stores/oslo/bundle?since={version}"))
    [key] = ok(rolf.get(f"{CATALOGUE}/bundle-keys"))["keys"]
    change = bundles.verify(answer["signed"], key)
    assert change["since"] == version
    assert {item["name"] for item in change["storeCampaigns"]} == {"First", "Second"}


MALFORMED = [b"{", b"[]", b'"x"', b"7", b"\xff", b'{"name": NaN}']


def test_every_refusal_can_be_read_by_a_client_of_the_document(rolf, promotions):
    """S3-14: what is no JSON object is a field's fault too, and everything else says its code."""
    address = made(rolf)
    before = everything(promotions)
    for raw in MALFORMED:
        for answer in (
            rolf.put(f"{address}/stores", data=raw, content_type="application/json"),
            rolf.post(MINE, data=raw, content_type="application/json"),
        ):
            assert faults(answer) == ["body"], raw
    for answer, code in (
        (rolf.put(address, data="x", content_type="text/plain"), (415, "UNSUPPORTED_MEDIA_TYPE")),
        (rolf.put(address, data=b" " * 1_100_000, content_type="application/json"), (413, "REQUEST_ENTITY_TOO_LARGE")),
        (rolf.patch(address, json={}), (405, "METHOD_NOT_ALLOWED")),
        (rolf.get(f"{address}/unknown"), (404, "NOT_FOUND")),
        (rolf.get("/stores/company/fjord-retail/offers"), (404, "NOT_FOUND")),
        (rolf.get("/stores/unknown"), (404, "NOT_FOUND")),
    ):
        refused(answer, *code)
    assert faults(rolf.get(f"{address}?x=1")) == ["x"]
    assert everything(promotions) == before
