"""Orders that merchants report: counted once, credited to the last click, followed, explained."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import time_machine

from chassis.core.clock import rfc3339
from tests.affiliates.helpers import (
    AFFILIATES,
    CONVERSIONS,
    KEYED,
    MAJA,
    activated,
    ago,
    enrolled,
    everything,
    heard,
    hence,
    last_id,
    linked,
    ok,
    order,
    refused,
    reported,
    settled,
    suspension,
    trail,
    without_links_in_memory,
)


@pytest.fixture
def anybody(affiliates):
    without_links_in_memory(affiliates)
    return affiliates.client(None)


@pytest.fixture
def campaign(shop):
    """The document's campaign: 12 per cent, 30 days."""
    return activated(shop)


@pytest.fixture
def bina(shop):
    return enrolled(shop)


@pytest.fixture
def code(shop, campaign, bina):
    return linked(shop, campaign, bina)


class Browser:
    """A visitor: follows links and keeps the cookie."""

    def __init__(self, client):
        self.client, self.cookie = client, None

    def click(self, code):
        headers = {"Cookie": f"concord_visitor={self.cookie}"} if self.cookie else {}
        answer = self.client.get(f"/r/{code}", headers=headers)
        if "Set-Cookie" in answer.headers:
            self.cookie = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
        return parse_qs(urlsplit(answer.headers["Location"]).query).get("clickId", [None])[0]


@pytest.fixture
def browser(anybody):
    return Browser(anybody)


def product(shop, external_id="SKU-1", campaign=None, **terms):
    body = {"externalId": external_id, "name": "Shoes", "price": "1.00", "campaignId": campaign} | terms
    results = ok(shop.post(f"{KEYED}/products", json={"products": [body]}), 202)["results"]
    assert results[0]["status"] != "rejected", results


def test_an_order_is_credited_to_the_click_it_names(shop, browser, code, campaign, bina, affiliates):
    """S2-14, S2-17, S2-25: 202 first, weighed a moment later, and it explains itself."""
    click_id = browser.click(code)
    body = order("A-1", clickId=click_id)
    assert ok(shop.post(CONVERSIONS, json=body), 202) == {"externalOrderId": "A-1", "status": "ACCEPTED"}
    waiting = ok(shop.get(f"{CONVERSIONS}/A-1"))
    assert (waiting["status"], waiting["commission"], waiting["affiliateId"]) == ("ACCEPTED", None, None)
    settled(affiliates)
    conversion = ok(shop.get(f"{CONVERSIONS}/A-1"))
    assert conversion == {
        "externalOrderId": "A-1",
        "status": "CREDITED",
        "orderStatus": "pending",
        "orderAmount": "2999.00",
        "refundedAmount": "0.00",
        "currency": "NPR",
        "occurredAt": conversion["occurredAt"],
        "affiliateId": bina,
        "campaignId": last_id(campaign),
        "commission": "359.88",
        "commissionCredited": "359.88",
        "commissionLevel": "campaign",
        "commissionState": "HELD",
        "reason": "last_click",
        "explanation": conversion["explanation"],
        "clickId": click_id,
        "clickedAt": conversion["clickedAt"],
        "windowDays": 30,
        "windowEndsAt": conversion["windowEndsAt"],
        "items": [],
        "flags": [],
    }
    assert "within its window of 30 days; the commission is the campaign's" in conversion["explanation"]
    listed = ok(shop.get(f"{CONVERSIONS}?status=CREDITED&affiliateId={bina}&campaignId={last_id(campaign)}"))
    assert listed["items"] == [conversion]
    assert ok(shop.get(f"{CONVERSIONS}?externalOrderId=A-2"))["items"] == []


def test_a_repeat_is_a_duplicate(shop, browser, code, affiliates):
    """S2-25: 202 again, and nothing is counted twice, also with other content, before and after weighing."""
    click_id = browser.click(code)
    assert reported(shop, "A-1", clickId=click_id) == "ACCEPTED"
    assert reported(shop, "A-1", clickId=click_id) == "DUPLICATE"
    settled(affiliates)
    before = everything(affiliates)
    assert reported(shop, "A-1", orderAmount="1.00") == "DUPLICATE"
    settled(affiliates)
    assert everything(affiliates) == before


def test_two_reports_at_once_are_one_order(shop, affiliates, browser, code):
    """S2-25."""
    body = order("A-1", clickId=browser.click(code))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ok(shop.post(CONVERSIONS, json=body), 202)["status"], range(8)))
    assert sorted(answers) == ["ACCEPTED"] + ["DUPLICATE"] * 7
    settled(affiliates)
    assert [entry["amount"] for entry in ok(shop.get(f"{KEYED}/ledger"))["items"]] == ["359.88"]


def test_two_merchants_may_have_the_same_order_numbers(shop, otto, affiliates):
    """S2-22, S2-25."""
    assert reported(shop, "A-1") == reported(otto, "A-1") == "ACCEPTED"
    settled(affiliates)
    assert ok(otto.get(f"{CONVERSIONS}/A-1"))["reason"] == "no_click"


def test_another_merchant_s_click_earns_nothing(shop, otto, browser, code, affiliates):
    """S2-22: it is as unknown as one that never was."""
    for number, click_id in enumerate((browser.click(code), str(uuid4()))):
        reported(otto, f"A-{number}", clickId=click_id)
    settled(affiliates)
    waiting = [ok(otto.get(f"{CONVERSIONS}/A-{number}"))["status"] for number in range(2)]
    assert waiting == ["ACCEPTED"] * 2  # nor does the time it takes tell them apart
    settled(affiliates, minutes=2)
    for number in range(2):
        conversion = ok(otto.get(f"{CONVERSIONS}/A-{number}"))
        assert (conversion["status"], conversion["reason"], conversion["commission"]) == (
            "REFUSED",
            "unknown_click",
            "0.00",
        )


def test_the_last_click_wins(shop, browser, campaign, code, affiliates):
    """D32: also when the order names an earlier one."""
    first = browser.click(code)
    rita = enrolled(shop, name="Rita")
    last = browser.click(linked(shop, campaign, rita))
    for number, named in enumerate((first, last)):
        reported(shop, f"A-{number}", clickId=named)
    reported(shop, "A-2", visitor=browser.cookie)
    settled(affiliates)
    for number in range(3):
        conversion = ok(shop.get(f"{CONVERSIONS}/A-{number}"))
        assert (conversion["affiliateId"], conversion["clickId"]) == (rita, last)


def test_the_window_closes(shop, browser, code, affiliates):
    """S2-17, D32: both ends belong to it, and the click keeps the window it was given."""
    click_id = browser.click(code)
    reported(shop, "A-0", clickId=click_id)
    settled(affiliates)
    end = datetime.fromisoformat(ok(shop.get(f"{CONVERSIONS}/A-0"))["windowEndsAt"])
    campaign = ok(shop.get(f"{KEYED}/campaigns"))["items"][0]["id"]
    ok(shop.patch(f"{KEYED}/campaigns/{campaign}", json={"cookieDurationDays": 1}))
    with time_machine.travel(end + timedelta(days=1), tick=False):
        reported(shop, "A-1", clickId=click_id, occurredAt=rfc3339(end))
        reported(shop, "A-2", clickId=click_id, occurredAt=rfc3339(end + timedelta(microseconds=1)))
        settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["status"] == "CREDITED"
    late = ok(shop.get(f"{CONVERSIONS}/A-2"))
    assert (late["status"], late["reason"], late["clickId"]) == ("REFUSED", "window_passed", click_id)


def test_without_a_window_only_the_named_click(shop, browser, affiliates):
    """S2-18, D32."""
    bare, other = (linked(shop, activated(shop, cookieDurationDays=0)) for _ in range(2))
    longer = linked(shop, activated(shop))
    browser.click(longer)
    first = browser.click(bare)
    reported(shop, "A-1", clickId=first)
    reported(shop, "A-2", visitor=browser.cookie)
    settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["clickId"] == first
    assert ok(shop.get(f"{CONVERSIONS}/A-2"))["windowDays"] == 30
    browser.click(other)
    reported(shop, "A-3", clickId=first)
    settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-3"))["windowDays"] == 30


def test_levels_of_commission(shop, browser, affiliates):
    """S2-14, S2-15, S2-16: product, campaign, merchant, platform; and the answer says which."""
    campaign = activated(shop, defaultCommissionType=None, defaultCommissionValue=None)
    click_id = browser.click(linked(shop, campaign))
    lines = {"items": [{"externalId": "SKU-1", "quantity": 2, "amount": "1000.00"}]}
    own, per_cent = last_id(campaign), {"commissionType": "PERCENTAGE", "commissionValue": "20"}
    merchant = {"defaultCommissionType": "FIXED", "defaultCommissionValue": "2.50"}
    default = {"defaultCommissionType": "PERCENTAGE", "defaultCommissionValue": "12"}
    per_order = {"commissionType": "FIXED", "commissionValue": "7"}
    steps = [
        ("platform", "149.95", lambda: None),
        ("merchant", "2.50", lambda: ok(shop.put(f"{KEYED}/settings", json=merchant))),
        ("campaign", "359.88", lambda: ok(shop.patch(campaign, json=default))),
        ("campaign", "120.00", lambda: product(shop, campaign=own)),
        ("product", "200.00", lambda: product(shop, campaign=own, **per_cent)),
        ("product", "7.00", lambda: product(shop, campaign=own, **per_order)),
        ("product", "200.00", lambda: product(shop, **per_cent)),
        ("campaign", "120.00", lambda: product(shop, campaign=last_id(activated(shop)), **per_order)),
    ]
    for number, (level, earned, step) in enumerate(steps):
        step()
        reported(shop, f"A-{number}", clickId=click_id, **(lines if number > 2 else {}))
        settled(affiliates)
        conversion = ok(shop.get(f"{CONVERSIONS}/A-{number}"))
        assert (conversion["commissionLevel"], conversion["commission"]) == (level, earned), number
        assert [item["commission"] for item in conversion["items"]] == ([earned] if number > 2 else [])


def test_pausing_stops_links_from_converting(shop, browser, campaign, code, affiliates):
    """S2-13, D34: by when the order was placed; and what was refused is not credited later."""
    click_id = browser.click(code)
    before = rfc3339(datetime.now(UTC))
    ok(shop.post(f"{campaign}/pause"))
    reported(shop, "A-1", clickId=click_id)
    reported(shop, "A-2", clickId=click_id, occurredAt=before)
    settled(affiliates)
    ok(shop.post(f"{campaign}/activate"))
    assert reported(shop, "A-1", clickId=click_id) == "DUPLICATE"
    reported(shop, "A-3", clickId=click_id)
    settled(affiliates)
    conversions = [ok(shop.get(f"{CONVERSIONS}/A-{number}")) for number in (1, 2, 3)]
    assert [(conversion["status"], conversion["reason"]) for conversion in conversions] == [
        ("REFUSED", "campaign_paused"),
        ("CREDITED", "last_click"),
        ("CREDITED", "last_click"),
    ]
    refused_one = affiliates.events("affiliates.ConversionRefused.v1")[0]["data"]
    assert (refused_one["externalOrderId"], refused_one["reason"]) == ("A-1", "campaign_paused")


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("campaign_expired", {"endDate": ago(seconds=1)}),
        ("campaign_not_started", {"startDate": hence(days=1)}),
        ("campaign_archived", {"status": "ARCHIVED"}),
    ],
)
def test_outside_its_life_a_campaign_credits_nothing(shop, browser, campaign, code, affiliates, reason, change):
    """S2-19, S2-20, D34."""
    click_id = browser.click(code)
    ok(shop.patch(campaign, json=change))
    reported(shop, "A-1", clickId=click_id)
    settled(affiliates)
    ok(shop.patch(campaign, json={"endDate": None, "startDate": None}))
    settled(affiliates)
    conversion = ok(shop.get(f"{CONVERSIONS}/A-1"))
    assert (conversion["status"], conversion["reason"], conversion["affiliateId"]) == ("REFUSED", reason, None)
    assert ok(shop.get(f"{KEYED}/ledger"))["items"] == []


def test_a_suspended_affiliate_earns_nothing_more(shop, browser, code, bina, affiliates):
    """D30."""
    click_id = browser.click(code)
    ok(shop.post(f"{AFFILIATES}/{bina}/suspend"))
    reported(shop, "A-1", clickId=click_id)
    settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["reason"] == "affiliate_suspended"
    ok(shop.post(f"{AFFILIATES}/{bina}/approve"))
    affiliates.deliver(heard(MAJA, 9, features=()))
    reported(shop, "A-2", clickId=click_id)
    settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-2"))["reason"] == "merchant_disabled"


def test_a_suspended_merchant_owes_nothing_more(shop, browser, code, bina, affiliates):
    click_id = browser.click(code)
    affiliates.deliver(suspension(MAJA, 9))
    reported(shop, "A-1", clickId=click_id)
    settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["reason"] == "merchant_disabled"


def test_a_click_that_led_to_the_fallback_address_earns_nothing(shop, browser, campaign, code, affiliates):
    """S2-13: also once the campaign is back."""
    ok(shop.post(f"{campaign}/pause"))
    assert browser.click(code) is None
    ok(shop.post(f"{campaign}/activate"))
    browser.click(code)
    reported(shop, "A-1", visitor=browser.cookie, occurredAt=ago(seconds=1))
    settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["reason"] == "click_after_order"


def test_an_order_waits_for_its_click(shop, browser, code, affiliates):
    """Clicks are written a moment after they were made, orders weighed after that; and not waited for for ever."""
    click_id = browser.click(code)
    reported(shop, "A-1", clickId=click_id)
    settled(affiliates, flush=False)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["status"] == "ACCEPTED"
    settled(affiliates, minutes=0.5)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["status"] == "CREDITED"


def test_order_statuses_drive_the_commission(shop, browser, code, affiliates):
    """S2-27: confirmed and delivered approve, pending holds, the other three take back; the ledger says each."""
    click_id = browser.click(code)
    reported(shop, "A-1", clickId=click_id)
    settled(affiliates)
    steps = ["confirmed", "delivered", "pending", "confirmed", "returned", "refunded"]
    states = ["APPROVED", "APPROVED", "HELD", "APPROVED", "REVERSED", "REVERSED"]
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        for status, state in zip(steps, states, strict=True):
            conversion = ok(shop.post(f"{CONVERSIONS}/A-1/status", json={"status": status}))
            assert (conversion["orderStatus"], conversion["commissionState"]) == (status, state)
    assert (conversion["commission"], conversion["commissionCredited"]) == ("0.00", "359.88")
    for closed in ("pending", "confirmed", "delivered"):
        refused(shop.post(f"{CONVERSIONS}/A-1/status", json={"status": closed}), 409, "final")
    entries = [(e["cause"], e["account"], e["amount"]) for e in reversed(ok(shop.get(f"{KEYED}/ledger"))["items"])]
    assert entries == [
        ("credited", "HELD", "359.88"),
        ("approved", "HELD", "-359.88"),
        ("approved", "APPROVED", "359.88"),
        ("held", "HELD", "359.88"),
        ("held", "APPROVED", "-359.88"),
        ("approved", "HELD", "-359.88"),
        ("approved", "APPROVED", "359.88"),
        ("reversed", "APPROVED", "-359.88"),
    ]
    reversed_ = affiliates.events("affiliates.CommissionReversed.v1")
    assert [(e["data"]["reversed"], e["data"]["remaining"]) for e in reversed_] == [("359.88", "0.00")]


def test_partial_refunds_claw_back_in_proportion(shop, browser, code, bina, affiliates):
    """S2-27: a refund with an id counts once, however often it is told."""
    reported(shop, "A-1", clickId=browser.click(code), orderAmount="1000.00")
    settled(affiliates)
    ok(shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "confirmed"}))
    address = f"{CONVERSIONS}/A-1/status"
    refund = {"status": "refunded", "refundAmount": "250.00", "refundId": "R-1"}
    for _ in range(2):
        conversion = ok(shop.post(address, json=refund))
        assert (conversion["orderStatus"], conversion["refundedAmount"], conversion["commission"]) == (
            "confirmed",
            "250.00",
            "90.00",
        )
    refused(shop.post(address, json=refund | {"refundAmount": "251.00"}), 409, "250.00")
    assert ok(shop.post(address, json={"status": "refunded", "refundAmount": 0.01}))["commission"] == "90.00"
    refused(shop.post(address, json={"status": "refunded", "refundAmount": "750.00"}), 400, "749.99")
    for bad in (
        {"status": "confirmed", "refundAmount": "1.00"},
        {"status": "refunded", "refundAmount": "0"},
        {"status": "refunded", "refundAmount": "-1"},
        {"status": "gone"},
    ):
        refused(shop.post(address, json=bad), 400)
    balance = ok(shop.get(f"{KEYED}/ledger/balances"))["items"]
    assert balance == [{"affiliateId": bina, "currency": "NPR", "held": "0.00", "approved": "90.00"}]
    whole = ok(shop.post(address, json={"status": "refunded", "refundAmount": "749.99"}))
    assert (whole["orderStatus"], whole["commission"], whole["commissionState"]) == ("refunded", "0.00", "REVERSED")
    assert [row["action"] for row in trail(shop)[:2]] == ["conversion.followed"] * 2


def test_what_becomes_of_an_order_before_it_is_weighed_counts(shop, browser, code, affiliates):
    """S2-27: in whatever order things are told."""
    click_id = browser.click(code)
    reported(shop, "A-1", clickId=click_id)
    reported(shop, "A-2", clickId=click_id)
    ok(shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "delivered"}))
    ok(shop.post(f"{CONVERSIONS}/A-2/status", json={"status": "cancelled"}))
    settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["commissionState"] == "APPROVED"
    assert ok(shop.get(f"{CONVERSIONS}/A-2"))["commission"] == "0.00"
    entries = [(e["externalOrderId"], e["account"]) for e in ok(shop.get(f"{KEYED}/ledger"))["items"]]
    assert entries == [("A-1", "APPROVED")]


def test_an_unknown_order(shop, otto, affiliates):
    """S2-29."""
    refused(shop.get(f"{CONVERSIONS}/A-1"), 404, "order")
    refused(shop.post(f"{CONVERSIONS}/A-1/status", json={"status": "confirmed"}), 404, "order")
    reported(shop, "2026/0001 #7")
    assert ok(shop.get(f"{CONVERSIONS}/2026/0001%20%237"))["externalOrderId"] == "2026/0001 #7"
    ok(shop.post(f"{CONVERSIONS}/2026/0001%20%237/status", json={"status": "confirmed"}))
    refused(otto.get(f"{CONVERSIONS}/2026/0001%20%237"), 404)


@pytest.mark.parametrize(
    "change",
    [
        {"externalOrderId": ""},
        {"externalOrderId": "a\nb"},
        {"orderAmount": "-1"},
        {"orderAmount": "1.001"},
        {"orderAmount": "x"},
        {"currency": "npr"},
        {"currency": "RUPEE"},
        {"occurredAt": "today"},
        {"items": [{"externalId": "a", "amount": "3000.00"}]},
        {"items": [{"externalId": "a", "quantity": 0, "amount": "1"}]},
        {"items": [{"amount": "1"}]},
        {"status": "CREDITED"},
        {"commission": "1000"},
        {"affiliateId": str(uuid4())},
    ],
)
def test_orders_that_do_not_fit(shop, affiliates, change):
    """S2-29: and nobody says himself what he earns."""
    before = everything(affiliates)
    refused(shop.post(CONVERSIONS, json=order("A-1") | change), 400, *change)
    refused(shop.post(f"{CONVERSIONS}/preview", json=order("A-1") | change), 400, *change)
    assert everything(affiliates) == before


def test_a_preview_says_the_same_and_records_nothing(shop, browser, code, affiliates):
    """What would be decided, and why."""
    product(shop, commissionType="FIXED", commissionValue="7")
    body = order(
        "A-1", clickId=browser.click(code), items=[{"externalId": "SKU-1", "quantity": 1, "amount": "2999.00"}]
    )
    seen = ok(shop.post(f"{CONVERSIONS}/preview", json=body))
    before = everything(affiliates)
    assert ok(shop.post(f"{CONVERSIONS}/preview", json=body))["commission"] == "7.00"
    assert everything(affiliates) == before
    refused(shop.get(f"{CONVERSIONS}/A-1"), 404)
    ok(shop.post(CONVERSIONS, json=body), 202)
    settled(affiliates)
    conversion = ok(shop.get(f"{CONVERSIONS}/A-1"))
    assert conversion == seen | {"occurredAt": conversion["occurredAt"]}
    nothing = ok(shop.post(f"{CONVERSIONS}/preview", json=order("A-2")))
    assert (nothing["status"], nothing["reason"]) == ("REFUSED", "no_click")


def flags_of(shop, number="A-1"):
    return [flag["code"] for flag in ok(shop.get(f"{CONVERSIONS}/{number}"))["flags"]]


def test_suspicious_orders_are_flagged_and_not_dropped(shop, browser, campaign, code, affiliates):
    """Self-referral, no product of the campaign, impossible times, tampering: each with its reason."""
    product(shop, campaign=last_id(campaign))
    click_id = browser.click(code)
    foreign = [{"externalId": "SKU-9", "amount": "1.00"}]
    cases = [
        ("self_referral", "CREDITED", {"customerEmail": " Bina.Gurung@Blog.example"}),
        ("no_campaign_product", "CREDITED", {"items": foreign}),
        ("impossible_time", "CREDITED", {"occurredAt": hence(days=2)}),
        ("impossible_time", "REFUSED", {"occurredAt": ago(days=2)}),
        ("cookie_tampered", "CREDITED", {"visitor": browser.cookie[:-1] + "x"}),
        ("click_id_malformed", "REFUSED", {"clickId": "7"}),
    ]
    for number, (flag, status, changes) in enumerate(cases):
        reported(shop, f"A-{number}", **{"clickId": click_id} | changes)
        settled(affiliates)
        conversion = ok(shop.get(f"{CONVERSIONS}/A-{number}"))
        assert ([row["code"] for row in conversion["flags"]], conversion["status"]) == ([flag], status), flag
        assert conversion["flags"][0]["reason"].endswith(".")
    items = [{"externalId": "SKU-1", "amount": "1.00"}, *foreign]
    reported(shop, "A-9", clickId=click_id, customerEmail="somebody@else.example", items=items)
    settled(affiliates)
    assert flags_of(shop, "A-9") == []


def test_what_was_flagged_at_the_click_is_told(shop, browser, code, affiliates):
    browser.cookie = "forged"
    reported(shop, "A-1", clickId=browser.click(code))
    settled(affiliates)
    assert flags_of(shop) == ["cookie_tampered"]


def test_events_of_conversions(shop, browser, code, bina, campaign, affiliates):
    """S2-25: one each, with what a mail to the affiliate needs."""
    click_id = browser.click(code)
    reported(shop, "A-1", clickId=click_id)
    settled(affiliates)
    (event,) = affiliates.events("affiliates.ConversionCredited.v1")
    assert (event["sequence"], event["tenantids"]) == (1, str(MAJA.tenant_id))
    assert event["data"] == {
        "conversionId": event["subject"],
        "externalOrderId": "A-1",
        "merchantId": str(MAJA.tenant_id),
        "merchantName": "Dashain Market",
        "campaignId": last_id(campaign),
        "campaignTitle": "Dashain Sale",
        "affiliateId": bina,
        "affiliateName": "Bina Gurung",
        "affiliateEmail": "bina.gurung@blog.example",
        "clickId": click_id,
        "currency": "NPR",
        "commission": "359.88",
        "commissionLevel": "campaign",
        "orderStatus": "pending",
    }
    assert Decimal(event["data"]["commission"]) == Decimal("359.88")
