"""Store campaigns and the clock (S3-7, D3): what is due is written and published once, however many schedulers run."""

from datetime import timedelta

import pytest
import time_machine

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.data.audit import AuditRow
from services.promotions.store_campaigns import tasks
from services.promotions.store_campaigns.models import StoreCampaign
from tests.promotions.helpers import everything, ok, stored
from tests.promotions.store_campaigns.helpers import away, events_about, faults, last_id, made, refused


@pytest.fixture
def tick(promotions):
    """Let a scheduler come by."""

    def run():
        with acting_as(Principal.system("test")):
            return tasks.run(promotions.runtime)

    return run


def in_days(days):
    return time_machine.travel(utcnow() + timedelta(days=days), tick=False)


@pytest.fixture
def address(rolf):
    """A campaign from tomorrow until the day after."""
    return made(rolf, starts_at=away(days=1), ends_at=away(days=2), status="scheduled")


def written(promotions):
    return [row.status for row in stored(promotions, StoreCampaign)]


def test_a_scheduled_campaign_starts_and_ends_by_itself(promotions, rolf, tick, address):
    """S3-7, S3-9, S3-10: with an event and an audit row each, by nobody's hand."""
    tick()
    assert written(promotions) == ["scheduled"]
    for days, status in ((1.5, "active"), (2.5, "expired")):
        with in_days(days):
            tick()
            assert written(promotions) == [status]
            assert ok(rolf.get(address))["status"] == status
    assert events_about(promotions, address) == [("CampaignCreated", 1), ("CampaignStarted", 2), ("CampaignEnded", 3)]
    started, ended = promotions.events()[1:]
    assert (started["data"]["status"], ended["data"]["status"]) == ("active", "expired")
    trail = [row for row in stored(promotions, AuditRow, AuditRow.at) if row.action == "store_campaign.clocked"]
    assert [(row.actor_name, row.changes) for row in trail] == [
        ("promotions", {"status": ["scheduled", "active"]}),
        ("promotions", {"status": ["active", "expired"]}),
    ]


def test_a_campaign_that_is_not_due_is_left_alone(promotions, rolf, tick, address):
    """D3: both ends of the window belong to it."""
    start, end = (stored(promotions, StoreCampaign)[0].starts_at, stored(promotions, StoreCampaign)[0].ends_at)
    for moment, status in (
        (start - timedelta(microseconds=1), "scheduled"),
        (start, "active"),
        (end, "active"),
        (end + timedelta(microseconds=1), "expired"),
    ):
        with time_machine.travel(moment, tick=False):
            assert ok(rolf.get(address))["status"] == status
            tick()
            assert written(promotions) == [status]
            before = everything(promotions)
            tick()
            assert everything(promotions) == before


def test_a_scheduler_that_was_down_catches_up(promotions, rolf, tick, address):
    """S3-7: a campaign that began and ended meanwhile has done both, in that order; nobody had to wait for that."""
    with in_days(9):
        assert ok(rolf.get(address))["status"] == "expired"
        tick()
    assert [name for name, _ in events_about(promotions, address)] == [
        "CampaignCreated",
        "CampaignStarted",
        "CampaignEnded",
    ]


def test_a_paused_campaign_ends_too_and_never_starts_by_itself(promotions, rolf, tick, address):
    """S3-7, S3-8."""
    ok(rolf.put(address, json={"status": "inactive"}))
    with in_days(1.5):
        tick()
        assert written(promotions) == ["inactive"]
    with in_days(2.5):
        tick()
        assert written(promotions) == ["expired"]
    assert [name for name, _ in events_about(promotions, address)][-2:] == ["CampaignUpdated", "CampaignEnded"]


def test_a_change_before_the_scheduler_stores_the_status_of_the_clock(promotions, rolf, tick, address):
    """S3-6, S3-7, S3-9: an update of a campaign that has begun tells of the start first, and nobody does so again."""
    with in_days(1.5):
        ok(rolf.put(address, json={"description": "On now"}))
        tick()
        assert written(promotions) == ["active"]
    assert [name for name, _ in events_about(promotions, address)] == [
        "CampaignCreated",
        "CampaignStarted",
        "CampaignUpdated",
    ]


def test_a_refused_update_leaves_the_clock_to_others(promotions, rolf, tick, address):
    """S3-21: nothing of it stays, also not what it had caught up with."""
    with in_days(1.5):
        before = everything(promotions), written(promotions)
        assert faults(rolf.put(address, json={"status": "paused"})) == ["status"]
        refused(rolf.put(address, json={"ends_at": away(days=-9)}), 400, "INVALID_DATE_RANGE")
        assert (everything(promotions), written(promotions)) == before
        tick()
    assert [name for name, _ in events_about(promotions, address)] == ["CampaignCreated", "CampaignStarted"]


def test_an_update_that_moves_the_window_starts_or_ends_at_once(promotions, rolf, tick, address):
    """S3-6, S3-8, S3-19."""
    ok(rolf.put(address, json={"starts_at": away(days=-1)}))
    assert written(promotions) == ["active"]
    ok(rolf.put(address, json={"ends_at": away(hours=-1)}))
    assert written(promotions) == ["expired"]
    tick()
    names = [name for name, _ in events_about(promotions, address)]
    assert names == [
        "CampaignCreated",
        *("CampaignUpdated", "CampaignStarted"),
        *("CampaignUpdated", "CampaignEnded"),
    ]


def test_a_delayed_launch_starts_at_its_new_time(promotions, rolf, tick, address):
    """S3-8: scheduled again, its start is published when it really starts."""
    ok(rolf.put(address, json={"starts_at": away(days=3), "ends_at": away(days=4)}))
    with in_days(1.5):
        tick()
        assert written(promotions) == ["scheduled"]
    with in_days(3.5):
        tick()
        assert written(promotions) == ["active"]
    assert last_id(address) == promotions.events("promotions.CampaignStarted.v1")[0]["subject"]


def test_many_are_caught_up_in_batches(promotions, rolf, tick, monkeypatch):
    """S3-7: whoever finds a full batch comes again at once."""
    monkeypatch.setattr(tasks, "BATCH", 2)
    for _ in range(3):
        made(rolf, starts_at=away(days=1), ends_at=away(days=2), status="scheduled")
    with in_days(1.5):
        assert [tick(), tick(), tick()] == [True, False, False]
    assert written(promotions) == ["active"] * 3
