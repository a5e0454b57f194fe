"""Campaigns as S2's document has them."""

import re
from uuid import UUID, uuid4

import pytest
import time_machine

from tests.affiliates.helpers import (
    ADMIN,
    CAMPAIGNS,
    LISTING,
    MAJA,
    SALE,
    SIGNED_IN,
    activated,
    ago,
    created,
    everything,
    heard,
    hence,
    ids,
    last_id,
    ok,
    refused,
    suspension,
    trail,
)


def test_the_document_s_example_of_creating(shop):
    """S2-1, S2-9: the answer has exactly what is shown."""
    answer = shop.post(CAMPAIGNS, json=SALE)
    body = ok(answer, 201)
    assert body == {"id": body["id"], "campaignCode": body["campaignCode"], "title": "Dashain Sale", "status": "DRAFT"}
    assert list(body) == ["id", "campaignCode", "title", "status"]
    assert str(UUID(body["id"])) == body["id"]
    assert re.fullmatch(r"CMP-[A-Z0-9]{6}", body["campaignCode"])
    assert answer.headers["Location"] == f"{CAMPAIGNS}/{body['id']}"
    whole = ok(shop.get(answer.headers["Location"]))
    assert whole.items() >= (SALE | body).items()


def test_creating_is_idempotent(shop):
    """S2-1, S2-26, D7: by X-Idempotency-Key."""
    key = {"X-Idempotency-Key": "one"}
    first, again = (shop.post(CAMPAIGNS, json=SALE, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.json == again.json
    assert ok(shop.get(CAMPAIGNS))["totalItems"] == 1
    refused(shop.post(CAMPAIGNS, json=SALE | {"title": "Another"}, headers=key), 422)


def test_the_document_s_example_of_changing(shop):
    """S2-4: only what is named."""
    address = created(shop)
    before = ok(shop.get(address))
    after = ok(shop.patch(address, json={"defaultCommissionValue": "15", "cookieDurationDays": 45}))
    changed = {"defaultCommissionValue": "15", "cookieDurationDays": 45, "updatedAt": after["updatedAt"]}
    assert after == before | changed
    assert ok(shop.get(address)) == after


def test_only_the_title_is_required(shop):
    """S2-7, S2-8, S2-21, S2-22: what the rest is then."""
    campaign = ok(shop.get(created(shop, **dict.fromkeys(SALE.keys() - {"title"}))))
    assert campaign == {
        "id": campaign["id"],
        "campaignCode": campaign["campaignCode"],
        "title": "Dashain Sale",
        "description": None,
        "status": "DRAFT",
        "startDate": None,
        "endDate": None,
        "defaultCommissionType": None,
        "defaultCommissionValue": None,
        "defaultCommissionCurrency": None,
        "cookieDurationDays": 30,
        "allowedTrafficSources": [],
        "termsAndConditions": None,
        "affiliateApprovalRequired": None,
        "approvalRequired": False,
        "approved": False,
        "visibility": "PRIVATE",
        "createdAt": campaign["createdAt"],
        "updatedAt": campaign["createdAt"],
    }
    assert ok(shop.post(CAMPAIGNS, json={"title": "Alone"}), 201)["title"] == "Alone"


def test_everything_that_can_be_said_is_kept(shop):
    """S2-8."""
    content = SALE | {
        "description": "The festival sale.",
        "startDate": "2026-10-01T00:00:00Z",
        "endDate": "2036-10-20T18:30:00Z",
        "defaultCommissionType": "FIXED",
        "defaultCommissionValue": "250.00",
        "allowedTrafficSources": ["blog", "instagram"],
        "termsAndConditions": "No coupon sites.",
        "approvalRequired": True,
        "visibility": "PUBLIC",
    }
    assert ok(shop.get(created(shop, **content))).items() >= content.items()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2026-10-01T02:00:00+05:45", "2026-09-30T20:15:00Z"),
        ("2026-10-01T02:00:00", "2026-10-01T02:00:00Z"),
        ("2026-10-01T02:00:00.250Z", "2026-10-01T02:00:00.250000Z"),
        ("2026-10-01T02:00Z", "2026-10-01T02:00:00Z"),
    ],
)
def test_dates_are_iso_8601(shop, sent, shown):
    """S2-8, D2: one without a zone is in UTC."""
    assert ok(shop.get(created(shop, startDate=sent)))["startDate"] == shown


@pytest.mark.parametrize(
    ("field", "good"),
    [
        ("title", ["x" * 160, "é" * 160]),
        ("cookieDurationDays", [0, 365]),
        ("defaultCommissionValue", ["0", "100", "12.5", "7.1250"]),
    ],
)
def test_limits_that_are_still_in(shop, field, good):
    """S2-7, S2-8."""
    for value in good:
        assert ok(shop.get(created(shop, **{field: value})))[field] == value


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("title", ["", "  ", "x" * 161, None, 5]),
        ("cookieDurationDays", [-1, 366, 1.5, 1.0, "30", True]),
        ("defaultCommissionType", ["percentage", "", 1]),
        ("defaultCommissionValue", [12, 12.5, "-1", "1e1", "12,5", "", "NaN", "101", "1.00001", "١٢", "12\n"]),
        ("startDate", ["tomorrow", "2026-10-01", 5, "2026-13-01T00:00:00Z"]),
        ("endDate", ["", "0001-01-01T00:00:00+23:59"]),
        ("allowedTrafficSources", ["blog", [5], [""]]),
        ("approvalRequired", ["true", 1]),
        ("visibility", ["SECRET"]),
        ("status", ["ACTIVE"]),
        ("products", [[]]),
        ("campaignCode", ["CMP-AAAAAA"]),
    ],
)
def test_what_does_not_fit_is_refused(shop, affiliates, field, bad):
    """S2-7, S2-8, S2-16, S2-29: 400 in S2's shape, and nothing is kept."""
    before = everything(affiliates)
    for value in bad:
        refused(shop.post(CAMPAIGNS, json=SALE | {field: value}), 400, field)
    assert everything(affiliates) == before


def test_a_commission_s_halves_travel_together(shop, affiliates):
    """S2-14: also after a partial change."""
    for half in ("defaultCommissionType", "defaultCommissionValue"):
        refused(shop.post(CAMPAIGNS, json=SALE | {half: None}), 400, "go together")
    address = created(shop)
    before = everything(affiliates)
    refused(shop.patch(address, json={"defaultCommissionType": None}), 400, "go together")
    refused(shop.patch(address, json={"defaultCommissionValue": "101"}), 400, "at most 100")
    assert everything(affiliates) == before
    assert ok(shop.patch(address, json={"defaultCommissionType": "FIXED", "defaultCommissionValue": "250.00"}))
    dollars = {"defaultCommissionValue": "1.005", "defaultCommissionCurrency": "USD"}
    refused(shop.patch(address, json=dollars), 400, "at most 2 decimals")
    cleared = ok(shop.patch(address, json={"defaultCommissionType": None, "defaultCommissionValue": None}))
    assert cleared["defaultCommissionValue"] is None


def test_the_end_follows_the_start(shop):
    """D3: strictly, and also after a partial change."""
    day = "2036-10-01T00:00:00Z"
    refused(shop.post(CAMPAIGNS, json=SALE | {"startDate": day, "endDate": day}), 400, "endDate")
    address = created(shop, startDate=day)
    refused(shop.patch(address, json={"endDate": day}), 400, "endDate")
    ok(shop.patch(address, json={"endDate": "2036-10-01T00:00:01Z"}))
    refused(shop.patch(address, json={"startDate": "2036-10-01T00:00:01Z"}), 400, "endDate")


def test_a_list_in_pages(shop, otto):
    """S2-2: newest first, by status, at most 200 a page."""
    addresses = [created(shop, title=f"Sale {number}") for number in range(3)]
    ok(shop.post(f"{addresses[0]}/activate"))
    created(otto)
    page = ok(shop.get(f"{CAMPAIGNS}?page=1&pageSize=2"))
    assert ids(page) == [last_id(addresses[2]), last_id(addresses[1])]
    assert (page["page"], page["pageSize"], page["totalItems"], page["totalPages"]) == (1, 2, 3, 2)
    assert ids(ok(shop.get(f"{CAMPAIGNS}?page=2&pageSize=2"))) == [last_id(addresses[0])]
    assert ids(ok(shop.get(f"{CAMPAIGNS}?status=ACTIVE"))) == [last_id(addresses[0])]
    assert ok(shop.get(f"{CAMPAIGNS}?pageSize=200"))["totalItems"] == 3


@pytest.mark.parametrize("query", ["pageSize=201", "pageSize=0", "page=0", "page=x", "status=active", "sort=title"])
def test_absurd_lists_are_refused(shop, query):
    refused(shop.get(f"{CAMPAIGNS}?{query}"), 400, query.partition("=")[0])


def test_activate_pause_and_activate_again(shop, affiliates):
    """S2-5, S2-10, S2-11, S2-13: with an event each time."""
    address = created(shop)
    steps = ["activate", "pause", "activate"]
    assert [ok(shop.post(f"{address}/{step}"))["status"] for step in steps] == ["ACTIVE", "PAUSED", "ACTIVE"]
    events = affiliates.events()
    assert [event["type"].split(".")[1] for event in events] == [
        "CampaignActivated",
        "CampaignPaused",
        "CampaignActivated",
    ]
    assert [event["sequence"] for event in events] == [1, 2, 3]
    code = ok(shop.get(address))["campaignCode"]
    assert events[0]["tenantids"] == str(MAJA.tenant_id)
    assert events[0]["data"] == {
        "campaignId": last_id(address),
        "campaignCode": code,
        "title": "Dashain Sale",
        "merchantId": str(MAJA.tenant_id),
        "merchantName": "Dashain Market",
    }


def test_steps_that_do_not_follow(shop, affiliates):
    """S2-5, S2-10: only what is active can be paused, and only a draft or a paused campaign activated."""
    address = created(shop)
    refused(shop.post(f"{address}/pause"), 409, "DRAFT")
    ok(shop.post(f"{address}/activate"))
    before = everything(affiliates)
    refused(shop.post(f"{address}/activate"), 409, "ACTIVE")
    assert everything(affiliates) == before
    ok(shop.patch(address, json={"status": "ARCHIVED"}))
    for step in ("activate", "pause"):
        refused(shop.post(f"{address}/{step}"), 409, "ARCHIVED")


def test_activation_waits_for_the_operator(shop, ada, affiliates):
    """S2-12, D30: where approval is required."""
    address = created(shop, approvalRequired=True)
    refused(shop.post(f"{address}/activate"), 409, "approval")
    assert ok(shop.get(address))["approved"] is False
    approved = ok(ada.post(f"{ADMIN}/{last_id(address)}/approve"))
    assert (approved["approved"], approved["status"]) == (True, "DRAFT")
    before = everything(affiliates)
    ok(ada.post(f"{ADMIN}/{last_id(address)}/approve"))
    assert everything(affiliates) == before
    assert ok(shop.post(f"{address}/activate"))["status"] == "ACTIVE"


def test_archiving_is_a_patch(shop):
    """S2-6, D31: ARCHIVED from anywhere, and from there DRAFT; anything else is a conflict."""
    refused(shop.post(f"{created(shop)}/archive"), 404)
    for steps in ([], ["activate"], ["activate", "pause"]):
        address = created(shop)
        for step in steps:
            ok(shop.post(f"{address}/{step}"))
        stored = ok(shop.get(address))["status"]
        for status in ("ACTIVE", "PAUSED", "EXPIRED", "DRAFT"):
            refused(shop.patch(address, json={"status": status}), 409, stored)
        assert ok(shop.patch(address, json={"status": "ARCHIVED"}))["status"] == "ARCHIVED"
        assert ok(shop.patch(address, json={"status": "ARCHIVED"}))["status"] == "ARCHIVED"
        refused(shop.patch(address, json={"status": "ACTIVE"}), 409)
        assert ok(shop.patch(address, json={"status": "DRAFT"}))["status"] == "DRAFT"
        assert ok(shop.post(f"{address}/activate"))["status"] == "ACTIVE"
    refused(shop.patch(address, json={"status": "GONE"}), 400, "status")


def test_past_its_end_a_campaign_is_expired(shop):
    """S2-10, S2-19, D3, D31: whatever is stored, and a later end brings it back."""
    running, paused, draft = activated(shop), activated(shop), created(shop)
    ok(shop.post(f"{paused}/pause"))
    for address in (running, paused, draft):
        assert ok(shop.patch(address, json={"endDate": ago(seconds=1)}))["status"] == "EXPIRED"
        refused(shop.post(f"{address}/pause"), 409, "EXPIRED")
    assert ok(shop.get(f"{CAMPAIGNS}?status=EXPIRED"))["totalItems"] == 3
    assert ok(shop.get(f"{CAMPAIGNS}?status=ACTIVE"))["totalItems"] == 0
    refused(shop.post(f"{draft}/activate"), 409, "over")
    refused(shop.post(f"{paused}/activate"), 409, "over")
    later = {"endDate": hence(days=1)}
    shown = [ok(shop.patch(address, json=later))["status"] for address in (running, paused, draft)]
    assert shown == ["ACTIVE", "PAUSED", "DRAFT"]
    ok(shop.patch(draft, json={"status": "ARCHIVED", "endDate": ago(days=1)}))
    assert ok(shop.get(draft))["status"] == "ARCHIVED"


def test_nothing_has_to_run_for_a_campaign_to_expire(shop):
    """D3, D31: the end itself still belongs to it."""
    end = "2036-10-20T18:30:00Z"
    address = activated(shop, endDate=end)
    with time_machine.travel(end, tick=False):
        assert ok(shop.get(address))["status"] == "ACTIVE"
    with time_machine.travel("2036-10-20T18:30:00.001Z", tick=False):
        assert ok(shop.get(address))["status"] == "EXPIRED"


def test_a_running_campaign_can_be_changed(shop):
    """D4."""
    address = activated(shop)
    changed = ok(shop.patch(address, json={"title": "Dashain Sale 2", "description": "Now with more."}))
    assert (changed["title"], changed["description"], changed["status"]) == (
        "Dashain Sale 2",
        "Now with more.",
        "ACTIVE",
    )


def test_stale_versions_are_refused(shop, affiliates):
    """D6: If-Match is honoured, and not asked for."""
    address = created(shop)
    stale = {"If-Match": shop.get(address).headers["ETag"]}
    fresh = {"If-Match": shop.patch(address, json={"title": "One"}, headers=stale).headers["ETag"]}
    before = everything(affiliates)
    refused(shop.patch(address, json={"title": "Two"}, headers=stale), 412)
    refused(shop.post(f"{address}/activate", headers=stale), 412)
    assert everything(affiliates) == before
    ok(shop.post(f"{address}/activate", headers=fresh))
    refused(shop.post(f"{address}/pause", headers=fresh), 412)


def test_every_change_leaves_an_audit_row(shop, ada, maja):
    """D8: who, and from what to what; the operator's are the merchant's to read."""
    address = created(shop)
    maja.patch(address.replace("/api/v1", SIGNED_IN), json={"defaultCommissionValue": "15"})
    ada.post(f"{ADMIN}/{last_id(address)}/approve")
    for step in ("activate", "pause"):
        shop.post(f"{address}/{step}")
    ok(shop.patch(address, json={"title": "Dashain Sale"}))
    rows = trail(shop)
    assert [(row["action"], row["actorName"]) for row in rows] == [
        ("campaign.paused", "Shop"),
        ("campaign.activated", "Shop"),
        ("campaign.approved", "Ada"),
        ("campaign.changed", "Maja"),
        ("campaign.created", "Shop"),
    ]
    assert rows[3]["changes"] == {"commissionValue": ["12", "15"]}


def listed(client) -> list[str]:
    page = ok(client.get(LISTING))
    assert page["totalItems"] == len(page["items"])
    return [item["title"] for item in page["items"]]


def test_the_public_listing_wants_opted_in_and_active_and_approved(shop, ada, affiliates):
    """S2-22, S2-23, S2-24: all three, and live by the clock."""
    anybody = affiliates.client(None)
    for visibility in ("PRIVATE", "PUBLIC"):
        for approve in (False, True):
            for activate in (False, True):
                address = created(shop, title=f"{visibility} {approve} {activate}", visibility=visibility)
                if approve:
                    ok(ada.post(f"{ADMIN}/{last_id(address)}/approve"))
                if activate:
                    ok(shop.post(f"{address}/activate"))
    assert listed(anybody) == ["PUBLIC True True"]
    shown = ok(anybody.get(LISTING))["items"][0]
    assert shown["merchantName"] == "Dashain Market"
    assert set(shown) & {"status", "approved", "visibility", "merchantId"} == set()
    for change in ({"endDate": ago(seconds=1)}, {"endDate": None, "startDate": hence(days=1)}):
        ok(shop.patch(address, json=change))
        assert listed(anybody) == []
    ok(shop.patch(address, json={"startDate": None}))
    assert listed(anybody) == ["PUBLIC True True"]
    ok(shop.patch(address, json={"visibility": "PRIVATE"}))
    assert listed(anybody) == []


def test_the_operator_opts_in_as_well(shop, ada, affiliates):
    """S2-23."""
    address = activated(shop)
    ok(ada.post(f"{ADMIN}/{last_id(address)}/approve"))
    shown = {"visibility": "PUBLIC"}
    assert ok(ada.put(f"{ADMIN}/{last_id(address)}/visibility", json=shown))["visibility"] == "PUBLIC"
    assert listed(affiliates.client(None)) == ["Dashain Sale"]


def test_the_listing_is_paged_and_may_be_cached(affiliates):
    """S2-24."""
    answer = affiliates.client(None).get(f"{LISTING}?pageSize=200")
    assert answer.headers["Cache-Control"] == "public, max-age=30"
    assert ok(answer) == {"items": [], "page": 1, "pageSize": 200, "totalItems": 0, "totalPages": 0}
    refused(affiliates.client(None).get(f"{LISTING}?pageSize=201"), 400, "pageSize")


def test_a_suspended_merchant_is_not_listed(shop, ada, affiliates):
    address = activated(shop, visibility="PUBLIC")
    ok(ada.post(f"{ADMIN}/{last_id(address)}/approve"))
    affiliates.deliver(suspension(MAJA, 2))
    assert listed(affiliates.client(None)) == []
    affiliates.deliver(suspension(MAJA, 3, what="Resumed"))
    assert listed(affiliates.client(None)) == ["Dashain Sale"]


def test_a_merchant_without_the_flag_is_not_listed(shop, ada, affiliates):
    """S2-24, D5: and comes back with it; older news change nothing."""
    address = activated(shop, visibility="PUBLIC")
    ok(ada.post(f"{ADMIN}/{last_id(address)}/approve"))
    affiliates.deliver(heard(MAJA, 3, name="Dashain Bazaar", features=()))
    assert listed(affiliates.client(None)) == []
    affiliates.deliver(heard(MAJA, 2))
    assert listed(affiliates.client(None)) == []
    affiliates.deliver(heard(MAJA, 4, name="Dashain Bazaar"))
    assert ok(affiliates.client(None).get(LISTING))["items"][0]["merchantName"] == "Dashain Bazaar"


def test_what_a_merchant_sets_for_all_campaigns(shop, otto):
    """S2-14: its default commission; D6, D8."""
    address = "/api/v1/settings"
    nothing = {
        "defaultCommissionType": None,
        "defaultCommissionValue": None,
        "currency": None,
        "fallbackUrl": None,
        "allowedHosts": [],
        "affiliateApprovalRequired": True,
    }
    assert ok(shop.get(address)) == nothing
    body = {
        "defaultCommissionType": "FIXED",
        "defaultCommissionValue": "2.50",
        "currency": "NPR",
        "fallbackUrl": "https://shop.example/welcome",
        "allowedHosts": ["shop.example"],
        "affiliateApprovalRequired": False,
    }
    answer = shop.put(address, json=body)
    assert ok(answer) == body == ok(shop.get(address))
    assert ok(otto.get(address)) == nothing
    assert trail(shop)[0]["changes"]["commissionValue"] == [None, "2.50"]
    assert ok(shop.put(address, json={})) == nothing | {"currency": "NPR"}
    refused(shop.put(address, json=body, headers={"If-Match": answer.headers["ETag"]}), 412)


@pytest.mark.parametrize(
    "change",
    [
        {"defaultCommissionType": "FIXED"},
        {"fallbackUrl": "javascript:alert(1)"},
        {"fallbackUrl": "//evil.example"},
        {"fallbackUrl": "https://good@evil.example"},
        {"allowedHosts": ["https://shop.example"]},
        {"allowedHosts": ["shop.example:8080"]},
        {"allowedHosts": ["*"]},
        {"currency": "ZZZ"},
        {"defaultCommissionType": "FIXED", "defaultCommissionValue": "5.5", "currency": "JPY"},
        {"unknown": 1},
    ],
)
def test_settings_that_do_not_fit(shop, change):
    """S2-29."""
    refused(shop.put("/api/v1/settings", json=change), 400)


def test_an_absent_campaign(shop):
    """S2-3, S2-29."""
    refused(shop.get(f"{CAMPAIGNS}/{uuid4()}"), 404, "campaign")
    refused(shop.get(f"{CAMPAIGNS}/not-a-uuid"), 404)
    refused(shop.put(CAMPAIGNS, json={}), 405)


def test_what_is_answered_can_be_sent_back(shop, affiliates):
    """D65: whatever the campaign's status; what was read, changed and written back changes just that."""
    for address in (created(shop), activated(shop), activated(shop, endDate=hence(days=1), visibility="PUBLIC")):
        whole = ok(shop.get(address))
        before = everything(affiliates)
        assert ok(shop.patch(address, json=whole)) == whole
        assert everything(affiliates) == before
        changed = ok(shop.patch(address, json=whole | {"title": "Tihar"}))
        assert changed == whole | {"title": "Tihar", "updatedAt": changed["updatedAt"]}
        refused(shop.patch(address, json=whole | {"colour": "red"}), 400, "colour")
    settings = ok(shop.get("/api/v1/settings"))
    assert ok(shop.put("/api/v1/settings", json=settings)) == settings
