"""Sending a campaign to retailers and groups, once and again."""

from uuid import uuid4

import pytest

from chassis.core.principal import acting_as
from services.campaigns import queries
from services.campaigns.models import Invite
from tests.campaigns.helpers import (
    ANNA,
    INBOX,
    NORDIC,
    OTTO,
    RITA,
    ROLF,
    RUNE,
    SPRING,
    audited,
    counts,
    draft,
    fields_of,
    ids_of,
    invite_of,
    is_problem,
    last_id,
    renamed,
    rows,
    sent,
    stored,
)
from tests.campaigns.standin import StandInPrm
from tests.plugin import principal


def test_a_campaign_is_sent_to_retailers_and_groups_at_once(anna, partners, campaigns):
    """S0-23, S0-25, S0-26, S0-12: the union, each retailer once, and the campaign is Sent."""
    address = draft(anna)
    group, other = partners.group(ANNA, ROLF, RITA), partners.group(ANNA, RITA)
    body = {"retailerIds": ids_of(ROLF, ROLF), "groupIds": [group, other, group]}
    answer = anna.post(f"{address}/send", json=body)
    assert answer.status_code == 200
    assert answer.json == {
        "campaignId": str(last_id(address)),
        "status": "Sent",
        "invitesCreated": 2,
        "alreadyInvited": 0,
        "skipped": [],
    }
    detail = anna.get(address).json
    assert detail["status"] == "Sent"
    assert counts(detail) == (2, 0, 0, 2)
    assert sorted(row["retailerId"] for row in detail["invites"]) == sorted(ids_of(ROLF, RITA))
    assert {row["retailerName"] for row in detail["invites"]} == {"Fjord Retail", "Bergen Bygg"}
    for row in detail["invites"]:
        assert set(row) == {"id", "retailerId", "retailerName", "status", "note", "invitedAt", "respondedAt"}
        assert (row["status"], row["note"], row["respondedAt"]) == ("Pending", None, None)
        assert row["invitedAt"] == detail["updatedAt"]


def test_each_new_invite_is_one_event_carrying_the_campaigns_name(anna, campaigns):
    """S0-27: one mail a newly invited retailer rests on one event a retailer; both parties may see it."""
    address = sent(anna, ROLF, RITA)
    created = campaigns.events("campaigns.InviteCreated.v1")
    invites = {str(invite.id): invite for invite in stored(campaigns, Invite)}
    assert {row["subject"] for row in created} == set(invites)
    for row in created:
        invite = invites[row["subject"]]
        assert row["sequence"] == 1
        assert row["tenantids"] == f"{NORDIC},{invite.retailer_id}"
        assert row["actorid"] == str(ANNA.user_id)
        assert row["data"] == {
            "inviteId": str(invite.id),
            "campaignId": str(last_id(address)),
            "campaignName": SPRING["name"],
            "participationAsk": SPRING["participationAsk"],
            "startDate": SPRING["startDate"],
            "endDate": SPRING["endDate"],
            "supplierId": str(NORDIC),
            "supplierName": "Nordic Heating",
            "retailerId": str(invite.retailer_id),
            "retailerName": invite.retailer_name,
        }
    [whole] = campaigns.events("campaigns.CampaignSent.v1")
    assert (whole["sequence"], whole["tenantids"]) == (2, str(NORDIC))
    assert whole["data"] == {
        "campaignId": str(last_id(address)),
        "supplierId": str(NORDIC),
        "name": SPRING["name"],
        "status": "Sent",
        "invitesCreated": 2,
        "inviteCount": 2,
    }
    assert len(audited(campaigns, "campaign.sent")) == 1


BAD_SENDS = [
    {},
    {"retailerIds": []},
    {"groupIds": []},
    {"retailerIds": [], "groupIds": []},
    {"retailerIds": None, "groupIds": None},
    {"retailerIds": "8f3c"},
    {"retailerIds": ["8f3c"]},
    {"retailerIds": [None]},
    {"retailerIds": [7]},
    {"retailerIds": {"a": 1}},
    {"groupIds": [["x"]]},
    {"retailerIds": [str(uuid4())], "everybody": True},
]


@pytest.mark.parametrize("body", BAD_SENDS)
def test_sending_to_nobody_or_to_nonsense_changes_nothing(anna, campaigns, body):
    """S0-24."""
    address = draft(anna)
    before = rows(campaigns)
    is_problem(anna.post(f"{address}/send", json=body), 422, "validation_failed")
    assert rows(campaigns) == before
    assert anna.get(address).json["status"] == "Draft"


def test_too_many_ids_are_refused(anna):
    address = draft(anna)
    is_problem(anna.post(f"{address}/send", json={"retailerIds": ["x"] * 50_001}), 422, "validation_failed")
    is_problem(
        anna.post(f"{address}/send", json={"retailerIds": [str(uuid4())] * 30_000}), 413, "request_entity_too_large"
    )


def test_retailers_without_a_relationship_are_left_out_and_named(anna, partners):
    """D11."""
    partners.know(RUNE)
    address, nobody = draft(anna), str(uuid4())
    answer = anna.post(f"{address}/send", json={"retailerIds": [*ids_of(RUNE, ROLF), nobody]})
    assert answer.json["invitesCreated"] == 1
    assert sorted(answer.json["skipped"], key=str) == sorted(
        [{"retailerId": row, "reason": "no_relationship"} for row in (*ids_of(RUNE), nobody)], key=str
    )
    assert [row["retailerId"] for row in anna.get(address).json["invites"]] == ids_of(ROLF)


def test_a_paused_relationship_still_exists(anna, partners):
    """D10, D11."""
    partners.pause(ANNA, ROLF)
    sent(anna, ROLF)


def test_a_group_member_whose_relationship_has_ended_is_left_out(anna, partners):
    """D11, S0-25: as the network is when the campaign is sent."""
    group = partners.group(ANNA, ROLF, RITA)
    partners.end(ANNA, ROLF)
    answer = anna.post(f"{draft(anna)}/send", json={"groupIds": [group]})
    assert answer.json["invitesCreated"] == 1
    assert [row["retailerId"] for row in answer.json["skipped"]] == ids_of(ROLF)


def test_another_suppliers_group_is_unknown(anna, partners, campaigns):
    """S0-9."""
    partners.relate(OTTO, ROLF)
    group = partners.group(OTTO, ROLF)
    before = rows(campaigns)
    problem = is_problem(anna.post(f"{draft(anna)}/send", json={"groupIds": [group]}), 422, "validation_failed")
    assert fields_of(problem) == ["groupIds"]
    assert rows(campaigns) == {**before, "campaigns": 1, "outbox": 1, "audit": 1}


def test_a_send_that_reaches_nobody_changes_nothing(anna, partners, campaigns):
    """D11."""
    partners.know(RUNE)
    address, empty = draft(anna), partners.group(ANNA)
    before = rows(campaigns)
    for body in ({"retailerIds": ids_of(RUNE)}, {"groupIds": [empty]}, {"retailerIds": [str(uuid4())]}):
        is_problem(anna.post(f"{address}/send", json=body), 422, "nobody_to_invite")
    assert rows(campaigns) == before
    assert anna.get(address).json["status"] == "Draft"


def test_a_deployment_can_lift_the_need_of_a_relationship(anna, partners, monkeypatch):
    """D11: then everybody the platform knows is invited, still no id that nobody knows."""
    monkeypatch.setenv("CONCORD_INVITES_NEED_RELATIONSHIP", "false")
    partners.know(RUNE)
    address, nobody = draft(anna), str(uuid4())
    answer = anna.post(f"{address}/send", json={"retailerIds": [*ids_of(RUNE), nobody]})
    assert answer.json["invitesCreated"] == 1
    assert [row["retailerId"] for row in answer.json["skipped"]] == [nobody]
    assert anna.get(address).json["invites"][0]["retailerName"] == "Oslo Ovn"


def test_unknown_groups_are_named_and_nothing_changes(anna, partners, campaigns):
    address, group, unknown = draft(anna), partners.group(ANNA, ROLF), str(uuid4())
    before = rows(campaigns)
    answer = anna.post(f"{address}/send", json={"retailerIds": ids_of(ROLF), "groupIds": [group, unknown]})
    problem = is_problem(answer, 422, "validation_failed")
    assert fields_of(problem) == ["groupIds"]
    assert unknown in problem["errors"][0]["message"]
    assert rows(campaigns) == before


def test_sending_again_invites_only_the_new_ones(anna, rolf, partners, campaigns):
    """S0-29, S0-30, S0-31: what exists stays and is not told again; a later member comes with the next send."""
    group = partners.group(ANNA, ROLF)
    address = draft(anna)
    anna.post(f"{address}/send", json={"groupIds": [group]})
    rolf.post(f"{invite_of(rolf)}/respond", json={"response": "Declined", "note": "Full until May"})
    [first] = anna.get(address).json["invites"]
    partners.regroup(ANNA, group, ROLF, RITA)
    assert counts(anna.get(address).json) == (1, 0, 1, 0)
    answer = anna.post(f"{address}/send", json={"groupIds": [group], "retailerIds": ids_of(ROLF)})
    assert (answer.json["invitesCreated"], answer.json["alreadyInvited"]) == (1, 1)
    invites = anna.get(address).json["invites"]
    assert invites[0] == first
    assert [row["retailerId"] for row in invites] == ids_of(ROLF, RITA)
    assert [row["data"]["retailerId"] for row in campaigns.events("campaigns.InviteCreated.v1")] == ids_of(ROLF, RITA)
    assert [row["sequence"] for row in campaigns.events("campaigns.CampaignSent.v1")] == [2, 3]


def test_sending_again_to_the_same_changes_nothing(anna, campaigns):
    """S0-29."""
    address = sent(anna, ROLF, RITA)
    before, version = rows(campaigns), anna.get(address).headers["ETag"]
    answer = anna.post(f"{address}/send", json={"retailerIds": ids_of(RITA, ROLF)})
    assert answer.status_code == 200
    assert (answer.json["invitesCreated"], answer.json["alreadyInvited"], answer.json["skipped"]) == (0, 2, [])
    assert rows(campaigns) == before
    assert anna.get(address).headers["ETag"] == version


def test_an_invite_outlives_the_relationship(anna, partners):
    """S0-30: who has an invite is already invited, also after the relationship has ended."""
    address = sent(anna, ROLF)
    partners.end(ANNA, ROLF)
    answer = anna.post(f"{address}/send", json={"retailerIds": ids_of(ROLF)})
    assert (answer.json["invitesCreated"], answer.json["alreadyInvited"], answer.json["skipped"]) == (0, 1, [])


def test_sending_again_never_moves_the_status_back(anna):
    """S0-32, D12."""
    address = sent(anna, ROLF)
    for status in ("ResponsesIn", "Active", "Complete"):
        anna.post(f"{address}/status", json={"status": status})
    answer = anna.post(f"{address}/send", json={"retailerIds": ids_of(RITA)})
    assert (answer.json["invitesCreated"], answer.json["status"]) == (1, "Complete")
    assert anna.get(address).json["status"] == "Complete"


def test_a_repeated_send_with_a_key_sends_once(anna, partners, campaigns):
    """D7: the first answer again, also when the network has changed since."""
    address = draft(anna)
    again = {"json": {"retailerIds": ids_of(ROLF)}, "headers": {"Idempotency-Key": "send-1"}}
    first = anna.post(f"{address}/send", **again)
    before = rows(campaigns)
    assert anna.post(f"{address}/send", **again).json == first.json
    assert rows(campaigns) == before


def test_nobody_is_asked_about_a_campaign_that_is_not_there(anna, campaigns):
    """D5: 404 comes first, whatever prm would say."""
    campaigns.connect("prm", StandInPrm())
    is_problem(anna.post(f"/api/v1/campaigns/{uuid4()}/send", json={"groupIds": [str(uuid4())]}), 404, "not_found")


def test_many_invites_are_shown_in_pages(anna, campaigns):
    """S0-35: the detail shows the first 200, the list of invites all, in one order."""
    crowd = [principal(tenant_name=f"Shop {number}") for number in range(230)]
    campaigns.connect("prm", StandInPrm(related=[(row.tenant_id, row.tenant_name) for row in crowd]))
    address = sent(anna, *crowd)
    detail = anna.get(address).json
    assert (len(detail["invites"]), detail["inviteCount"]) == (200, 230)
    first = anna.get(f"{address}/invites?pageSize=200").json
    second = anna.get(f"{address}/invites?pageSize=200&page=2").json
    assert first["items"] == detail["invites"]
    assert (first["totalItems"], first["totalPages"]) == (230, 2)
    everybody = [row["retailerId"] for row in first["items"] + second["items"]]
    assert everybody == ids_of(*crowd)
    assert anna.get(f"{address}/invites?page=13").json["items"] == []
    is_problem(anna.get(f"{address}/invites?pageSize=201"), 422, "validation_failed")


def test_a_big_send_is_asked_for_in_parts_that_fit(anna, campaigns):
    """As many ids as a body holds, in fewer bytes than prm takes at once; groups too."""
    crowd = [(uuid4(), f"Shop {number}") for number in range(25_000)]
    prm = StandInPrm(related=crowd)
    prm.groups = {str(uuid4()): [str(crowd[0][0])] for _ in range(1_001)}
    campaigns.connect("prm", prm)
    campaigns.deliver(renamed(crowd[0][0], "Shop nought", 2), renamed(uuid4(), "Not invited", 2))
    address = draft(anna)
    body = b'{"retailerIds":["%s"],"groupIds":["%s"]}' % (
        b'","'.join(tenant_id.hex.encode() for tenant_id, _ in crowd),
        b'","'.join(group.encode() for group in prm.groups),
    )
    answer = anna.post(f"{address}/send", data=body, headers={"Content-Type": "application/json"})
    assert answer.json["invitesCreated"] == 25_000
    assert [(len(row["retailerIds"]), len(row["groupIds"])) for row in prm.asked] == [(20_000, 1_000), (5_000, 1)]
    assert counts(anna.get(address).json) == (25_000, 0, 0, 25_000)
    assert rows(campaigns)["outbox"] == 25_002
    assert [row["retailerName"] for row in anna.get(address).json["invites"][:2]] == ["Shop nought", "Shop 1"]


def test_nothing_is_written_while_prm_is_away_and_the_same_request_works_later(anna, partners, campaigns):
    """503 with Retry-After; also with the same key."""
    address, away = draft(anna), StandInPrm()
    before = rows(campaigns)
    request = {"json": {"retailerIds": ids_of(ROLF)}, "headers": {"Idempotency-Key": "send-2"}}
    campaigns.connect("prm", away)
    for away.status, away.body in ((503, ""), (500, ""), (200, "<html>"), (200, "[]"), (200, "{}"), (200, NONSENSE)):
        answer = anna.post(f"{address}/send", **request)
        is_problem(answer, 503, "upstream_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert rows(campaigns) == before
    campaigns.connect("prm", partners.prm)
    assert anna.post(f"{address}/send", **request).json["invitesCreated"] == 1


NONSENSE = (
    '{"supplierName": "x", "related": [{"retailerId": "y", "retailerName": "z"}], "skipped": [], "unknownGroupIds": []}'
)


def test_an_unreachable_prm_is_no_failure_of_ours(anna, campaigns):
    address = draft(anna)
    campaigns.disconnect("prm")
    answer = anna.post(f"{address}/send", json={"retailerIds": ids_of(ROLF)})
    is_problem(answer, 503, "upstream_unavailable")
    assert anna.get(address).json["status"] == "Draft"


def test_a_retailer_sees_a_sent_campaign_at_once(anna, rolf):
    """S0-37."""
    assert rolf.get(INBOX).json["totalItems"] == 0
    sent(anna, ROLF)
    assert rolf.get(INBOX).json["totalItems"] == 1


def test_who_was_invited_is_asked_for_the_named_only(campaigns, anna):
    """S0-29: a send to one retailer reads one invite of thousands; a send to thousands reads them in one statement."""
    address = sent(anna, ROLF, RITA)
    with acting_as(ANNA), campaigns.database.read() as session:
        invited = queries.invited_retailers(session, last_id(address), [ROLF.tenant_id])
    assert invited == {ROLF.tenant_id}
    answer = anna.post(f"{address}/send", json={"retailerIds": ids_of(ROLF)})
    assert (answer.json["invitesCreated"], answer.json["alreadyInvited"]) == (0, 1)
