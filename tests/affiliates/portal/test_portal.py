"""What an affiliate sees of itself, and that it is nothing of anybody else (S2-22)."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.affiliates.helpers import (
    AFFILIATES,
    CAMPAIGNS,
    CONVERSIONS,
    KEYED,
    MAJA,
    OTTO,
    PORTAL,
    activated,
    affiliate_user,
    assert_problem,
    created,
    enrolled,
    everything,
    hence,
    ids,
    last_id,
    linked,
    ok,
    reported,
    settled,
    without_links_in_memory,
)

TODAY = datetime.now(UTC).date().isoformat()
LISTS = ("campaigns", "links", "clicks", "conversions", "statements")


class World:
    """A merchant with two affiliates who have each a link in one campaign, and one order each."""

    def __init__(self, service, shop):
        self.service, self.shop = service, shop
        without_links_in_memory(service)
        self.bina, self.rita = enrolled(shop, name="Bina"), enrolled(shop, name="Rita")
        self.campaign = activated(shop, title="Dashain")
        self.codes = {who: linked(shop, self.campaign, who) for who in (self.bina, self.rita)}
        self.order("A-1", self.bina, "100.00")
        self.order("A-2", self.rita, "300.00")

    def order(self, number, affiliate, amount, **changes):
        answer = self.service.client(None).get(f"/r/{self.codes[affiliate]}")
        click = answer.headers["Location"].partition("clickId=")[2]
        reported(self.shop, number, clickId=click, orderAmount=amount, **changes)
        settled(self.service)

    def person(self, name):
        return self.service.client(affiliate_user(self.service, MAJA, f"{name.lower()}@blog.example"))


@pytest.fixture
def world(affiliates, shop):
    return World(affiliates, shop)


@pytest.fixture
def bina(world):
    return world.person("Bina")


def see(client, path):
    return ok(client.get(f"{PORTAL}/{path}"))


def test_me(world, bina):
    me = see(bina, "me")
    assert me == {
        "id": world.bina,
        "name": "Bina",
        "email": "bina@blog.example",
        "status": "APPROVED",
        "merchant": {"id": str(MAJA.tenant_id), "name": "Dashain Market", "timeZone": "UTC"},
        "createdAt": me["createdAt"],
    }


def test_own_links_with_the_address_to_spread(world, bina):
    [link] = see(bina, "links")["items"]
    assert (link["code"], link["campaignTitle"]) == (world.codes[world.bina], "Dashain")
    assert link["url"].endswith(f"/r/{link['code']}")
    assert see(bina, f"links?campaignId={last_id(world.campaign)}")["totalItems"] == 1
    assert see(bina, f"links?campaignId={world.bina}")["items"] == []


def test_own_clicks_by_day(world, bina):
    """S2-13: a click while the campaign rests is shown apart; a robot's not at all (D66)."""
    world.service.client(None).get(f"/r/{world.codes[world.bina]}", headers={"User-Agent": "Googlebot/2.1"})
    ok(world.shop.post(f"{world.campaign}/pause"))
    world.service.client(None).get(f"/r/{world.codes[world.bina]}")
    settled(world.service)
    assert see(bina, "clicks")["items"] == [{"day": TODAY, "clicks": 1, "deadClicks": 1}]
    assert see(bina, f"clicks?campaignId={last_id(world.campaign)}")["totalItems"] == 1
    assert see(bina, "clicks?from=2020-01-01&to=2020-01-31")["items"] == []
    table = bina.get(f"{PORTAL}/clicks?format=csv").get_data(as_text=True)
    assert list(csv.reader(io.StringIO(table.lstrip("\ufeff")))) == [["day", "clicks", "deadClicks"], [TODAY, "1", "1"]]


def test_own_conversions_without_the_merchants_numbers(world, bina):
    """What the order was worth, its lines and the merchant's suspicions are the merchant's."""
    [conversion] = see(bina, "conversions")["items"]
    assert (conversion["externalOrderId"], conversion["commission"], conversion["currency"]) == ("A-1", "12.00", "NPR")
    assert (conversion["commissionState"], conversion["campaignTitle"]) == ("HELD", "Dashain")
    assert not {"orderAmount", "items", "flags", "affiliateId", "explanation"} & conversion.keys()
    ok(world.shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "refunded", "refundAmount": "50.00"}))
    ok(world.shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "confirmed"}))
    [conversion] = see(bina, "conversions?orderStatus=confirmed")["items"]
    assert (conversion["commission"], conversion["commissionCredited"]) == ("6.00", "12.00")
    assert conversion["commissionState"] == "APPROVED"
    assert see(bina, "conversions?orderStatus=cancelled")["items"] == []


def test_orders_that_were_refused_are_not_shown(world, bina):
    """D34: what was not credited to the affiliate says nothing about the affiliate."""
    ok(world.shop.post(f"{world.campaign}/pause"))
    world.order("A-3", world.bina, "100.00")
    assert ok(world.shop.get(f"{CONVERSIONS}/A-3"))["status"] == "REFUSED"
    assert [item["externalOrderId"] for item in see(bina, "conversions")["items"]] == ["A-1"]


def test_own_balance_and_statement_as_the_merchant_has_them(world, bina):
    ok(world.shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "confirmed"}))
    assert see(bina, "balance")["items"] == [{"currency": "NPR", "held": "0.00", "approved": "12.00"}]
    [statement] = see(bina, "statements")["items"]
    of_merchant = ok(world.shop.get(f"{KEYED}/statements?affiliateId={world.bina}"))["items"][0]
    assert statement == {name: value for name, value in of_merchant.items() if not name.startswith("affiliate")}
    assert statement["closing"] == "12.00"
    table = bina.get(f"{PORTAL}/statements?format=csv").get_data(as_text=True)
    head, line = csv.reader(io.StringIO(table.lstrip("\ufeff")))
    assert dict(zip(head, line, strict=True)) == {name: str(value) for name, value in statement.items()}


def test_two_affiliates_of_one_merchant_see_nothing_of_each_other(world, bina):
    """S2-22: not in lists, sums or counts, whatever they ask for."""
    rita = world.person("Rita")
    for path in ("links", "conversions", "clicks"):
        assert see(bina, path)["totalItems"] == see(rita, path)["totalItems"] == 1
    assert see(bina, "links")["items"] != see(rita, "links")["items"]
    assert [item["commission"] for item in see(rita, "conversions")["items"]] == ["36.00"]
    assert see(bina, "balance")["items"] == [{"currency": "NPR", "held": "12.00", "approved": "0.00"}]
    assert see(rita, "balance")["items"] == [{"currency": "NPR", "held": "36.00", "approved": "0.00"}]
    assert see(bina, "campaigns")["items"][0]["links"] == 1
    for path in LISTS:
        text = bina.get(f"{PORTAL}/{path}").get_data(as_text=True)
        assert not [word for word in ("Rita", "rita", world.rita, "A-2", "36.00") if word in text], path
        answer = bina.get(f"{PORTAL}/{path}?affiliateId={world.rita}")
        assert_problem(answer, 422, "validation_failed")


def test_affiliates_of_two_merchants_see_nothing_of_each_other(world, bina, otto):
    """D5: not even when one person has both accounts."""
    theirs = activated(otto, title="Otto's")
    enrolled(otto, name="Bina")
    same_person = world.service.client(affiliate_user(world.service, OTTO, "bina@blog.example"))
    assert [item["title"] for item in see(same_person, "campaigns")["items"]] == ["Otto's"]
    assert see(same_person, "links")["items"] == see(same_person, "conversions")["items"] == []
    assert see(same_person, "balance")["items"] == see(same_person, "clicks")["items"] == []
    assert [item["title"] for item in see(bina, "campaigns")["items"]] == ["Dashain"]
    for client, campaign in ((bina, theirs), (same_person, world.campaign)):
        foreign = client.get(f"{PORTAL}/campaigns/{last_id(campaign)}")
        assert_problem(foreign, 404, "not_found")
        absent = client.get(f"{PORTAL}/campaigns/{world.bina}")
        assert foreign.json | {"requestId": 0} == absent.json | {"requestId": 0}


def test_the_same_user_id_in_another_tenant_is_nobody(world):
    """A token of another tenant finds no enrolment, whatever its user is called."""
    person = affiliate_user(world.service, MAJA, "bina@blog.example")
    stranger = replace(person, tenant_id=OTTO.tenant_id)
    for path in ("me", *LISTS, "balance"):
        assert_problem(world.service.client(stranger).get(f"{PORTAL}/{path}"), 403, "not_enrolled")


def test_campaigns_are_open_to_the_affiliates_the_merchant_works_with(world, bina):
    """S2-22: private ones too; drafts and what was put away only with a link in them."""
    draft, put_away, resting = created(world.shop, title="Draft"), created(world.shop), activated(world.shop, title="B")
    ok(world.shop.patch(put_away, json={"status": "ARCHIVED"}))
    ok(world.shop.post(f"{resting}/pause"))
    assert [(item["title"], item["status"]) for item in see(bina, "campaigns")["items"]] == [
        ("B", "PAUSED"),
        ("Dashain", "ACTIVE"),
    ]
    for campaign in (draft, put_away):
        assert_problem(bina.get(f"{PORTAL}/campaigns/{last_id(campaign)}"), 404, "not_found")
        linked(world.shop, campaign, world.bina)
        assert see(bina, f"campaigns/{last_id(campaign)}")["links"] == 1
    assert see(bina, "campaigns?status=DRAFT")["totalItems"] == 1
    seen = see(bina, f"campaigns/{last_id(world.campaign)}")
    assert (seen["title"], seen["defaultCommissionValue"]) == ("Dashain", "12")
    assert not {"approved", "approvalRequired", "visibility", "affiliateApprovalRequired"} & seen.keys()


def test_who_waits_for_approval_sees_what_is_open_to_everybody(world):
    """D30: the merchant does not work with them yet."""
    enrolled(world.shop, name="Nima", approve=False)
    nima = world.person("Nima")
    assert see(nima, "me")["status"] == "PENDING"
    assert see(nima, "campaigns")["items"] == []
    opened = activated(world.shop, title="Open", affiliateApprovalRequired=False)
    assert ids(see(nima, "campaigns")) == [last_id(opened)]


def test_a_suspended_affiliate_sees_its_past_and_nothing_new(world, bina):
    """D30: what was earned stays to be seen; campaigns without own links are gone, and nothing can be begun."""
    ok(world.shop.post(f"{AFFILIATES}/{world.bina}/suspend"))
    later = activated(world.shop, title="Later", endDate=hence(days=9))
    assert see(bina, "me")["status"] == "SUSPENDED"
    assert [item["title"] for item in see(bina, "campaigns")["items"]] == ["Dashain"]
    assert_problem(bina.get(f"{PORTAL}/campaigns/{last_id(later)}"), 404, "not_found")
    for path in ("links", "clicks", "conversions", "balance"):
        assert see(bina, path)["items"], path
    assert bina.post(f"{CAMPAIGNS}/{last_id(world.campaign)}/links", json={}).status_code == 403


def test_reading_writes_nothing(world, bina):
    before = everything(world.service)
    for path in ("me", *LISTS, "balance"):
        see(bina, path)
    assert everything(world.service) == before


def test_nothing_can_be_written_there(world, bina):
    for path in ("me", *LISTS, "balance"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert_problem(bina.open(f"{PORTAL}/{path}", method=method, json={}), 405, "method_not_allowed")
