"""A tenant that has ended: its groups and tiers go, its relationships end and stay for the other side under no name."""

import json
import threading
from uuid import UUID

import pytest
from sqlalchemy import delete

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from services.prm.actions import endings
from services.prm.models import Group, GroupMember
from tests.plugin.endings import end, go_through, may_remain, tables_with, wait_until_blocked
from tests.plugin.search import rows_with
from tests.prm.conftest import GROUPS, MY_TIERS, RELATIONSHIPS, refused


def test_of_a_supplier_remains_that_it_worked_with_others(world, anna, rolf):
    otto = world.supplier("Other Supplier")
    for supplier in (anna, otto):
        world.related(supplier, rolf)
        world.group(supplier, "North", rolf)
        assert world.assign(supplier, world.tier(supplier), rolf).status_code == 200
    invited = world.retailer("Bergen Bygg")
    world.invited(anna, invited)
    end(world.prm, anna.tenant_id)
    assert tables_with(world.prm, anna.tenant_id) == {"relationships", "tenant_names", "audit"}
    assert tables_with(world.prm, anna.tenant_id) <= may_remain(world.prm)
    shown = world.get(rolf, RELATIONSHIPS).json["items"]
    assert {(one["supplierName"], one["status"]) for one in shown} == {
        ("former company", "Inactive"),
        ("Other Supplier", "Active"),
    }
    assert [tier["supplierName"] for tier in world.get(rolf, MY_TIERS).json["items"]] == ["Other Supplier"]
    assert world.get(otto, GROUPS).json["items"][0]["retailerCount"] == 1
    assert world.get(invited, RELATIONSHIPS).json["items"][0]["status"] == "Inactive"


def test_others_hear_that_it_left_and_by_which_name(world, anna, rolf):
    world.related(anna, rolf)
    assert world.assign(anna, world.tier(anna), rolf).status_code == 200
    before = len(world.prm.events())
    end(world.prm, anna.tenant_id)
    events = world.prm.events()[before:]
    assert [event["type"] for event in events] == ["prm.RelationshipEnded.v1", "prm.TierUnassigned.v1"]
    assert {event["data"]["supplierName"] for event in events} == {"Nordic Heating"}
    assert all(str(rolf.tenant_id) in event["tenantids"] for event in events)
    go_through(world.prm)
    assert len(world.prm.events()) == before + 2, "once"


def test_a_retailer_leaves_groups_and_tiers(world, anna, rolf):
    rita = world.retailer("Bergen Bygg")
    for retailer in (rolf, rita):
        world.related(anna, retailer)
    group = world.group(anna, "North", rolf, rita)
    assert world.assign(anna, world.tier(anna), rolf).status_code == 200
    tag = world.get(anna, f"{GROUPS}/{group}").headers["ETag"]
    end(world.prm, rolf.tenant_id)
    assert tables_with(world.prm, rolf.tenant_id) <= may_remain(world.prm)
    answer = world.get(anna, f"{GROUPS}/{group}")
    assert (answer.json["retailerCount"], answer.headers["ETag"] == tag) == (1, False)
    assert str(rolf.tenant_id) not in answer.get_data(as_text=True)
    assert [one["assignmentCount"] for one in world.get(anna, "/api/v1/prm/tiers").json["items"]] == [0]


def test_what_two_shared_goes_with_the_second(world, anna, rolf):
    world.related(anna, rolf)
    end(world.prm, anna.tenant_id)
    end(world.prm, rolf.tenant_id)
    for tenant in (anna, rolf):
        assert tables_with(world.prm, tenant.tenant_id) - {"audit"} <= {"tenant_names"}
    go_through(world.prm)
    assert tables_with(world.prm, anna.tenant_id) == {"audit"}


def test_no_late_event_shows_the_name_again(world, anna, rolf):
    world.related(anna, rolf)
    end(world.prm, anna.tenant_id)
    world.hear(anna, "Nordic Warmth", sequence=5)
    assert world.get(rolf, RELATIONSHIPS).json["items"][0]["supplierName"] == "former company"
    assert rows_with(world.prm.database.engine, "Nordic Warmth") == []


@pytest.mark.parametrize("size", [1, 2])
def test_it_goes_in_pieces_and_survives_a_crash(world, anna, rolf, monkeypatch, size):
    monkeypatch.setattr("privacy.tenant_data.AT_ONCE", size)
    monkeypatch.setattr("services.prm.actions.endings.AT_ONCE", size)
    partners = [rolf, *(world.partner(anna, f"Shop {number}") for number in range(3))]
    world.related(anna, rolf)
    world.group(anna, "North", *partners)
    crash = iter([False, True] * 3)
    unassign = "services.prm.actions.relationships.tiers.unassign_from_any"

    def killed(*_, **__):
        if next(crash, False):
            raise RuntimeError("killed")

    monkeypatch.setattr(unassign, killed)
    for _ in range(6):
        try:
            end(world.prm, anna.tenant_id)
        except RuntimeError:
            continue
    assert tables_with(world.prm, anna.tenant_id) <= may_remain(world.prm)
    ended = world.prm.events("prm.RelationshipEnded.v1")
    assert len(ended) == len({json.dumps(event["data"]) for event in ended}) == 4


def test_nobody_begins_anew_with_a_company_that_has_left(world, anna, rolf):
    world.related(anna, rolf)
    end(world.prm, anna.tenant_id)
    before = world.everything()
    again = world.post(rolf, RELATIONSHIPS, {"supplierId": str(anna.tenant_id)})
    refused(again, 422, "validation_failed", "supplierId")
    assert world.everything() == before


def test_who_is_taken_out_of_a_group_at_that_moment_is_counted_off_once(world, anna, rolf):
    rita = world.retailer("Bergen Bygg")
    for retailer in (rolf, rita):
        world.related(anna, retailer)
    groups = [world.group(anna, name, rolf, rita) for name in ("North", "South")]

    def leave():
        with acting_as(Principal.system("prm")), world.prm.database.begin() as session:
            endings.leave_groups(session, None, rolf.tenant_id, utcnow())

    thread = threading.Thread(target=leave)
    with acting_as(Principal.system("prm")), world.prm.database.begin() as session:
        group = session.get(Group, UUID(groups[0]), with_for_update=True)
        member = (GroupMember.group_id == group.id, GroupMember.retailer_id == rolf.tenant_id)
        session.execute(delete(GroupMember).where(*member))
        group.retailer_count -= 1
        session.flush()
        thread.start()
        wait_until_blocked(world.prm, thread)
    thread.join(10)
    answers = [world.get(anna, f"{GROUPS}/{group}").json for group in groups]
    assert [answer["retailerCount"] for answer in answers] == [1, 1]
    assert [answer["retailerIds"] for answer in answers] == [[str(rita.tenant_id)]] * 2
