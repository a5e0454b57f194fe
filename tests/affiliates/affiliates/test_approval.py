"""Whether new affiliates need approval: the merchant's setting, and each campaign's own word (S2, D30)."""

import pytest

from tests.affiliates.helpers import (
    AFFILIATES,
    CAMPAIGNS,
    CONVERSIONS,
    KEYED,
    activated,
    clicks,
    created,
    enrolled,
    flushed,
    linked,
    ok,
    refused,
    reported,
    settled,
    trail,
    without_links_in_memory,
)

DESTINATION = "https://shop.example/shoes"


def link(client, campaign, affiliate):
    return client.post(f"{campaign}/links", json={"affiliateId": affiliate, "destination": DESTINATION})


def clicked(service, code):
    return service.client(None).get(f"/r/{code}").headers["Location"].partition("clickId=")[2]


@pytest.fixture(autouse=True)
def _fresh(affiliates):
    without_links_in_memory(affiliates)


def test_a_campaign_says_itself_whether_new_affiliates_need_approval(shop):
    """Null, and left out, leave it to the merchant."""
    for setting in (True, False, None):
        address = created(shop, affiliateApprovalRequired=setting)
        assert ok(shop.get(address))["affiliateApprovalRequired"] is setting
    assert ok(shop.patch(address, json={"affiliateApprovalRequired": True}))["affiliateApprovalRequired"] is True
    assert ok(shop.patch(address, json={"affiliateApprovalRequired": None}))["affiliateApprovalRequired"] is None
    for bad in ("false", 0, "", []):
        refused(
            shop.post(CAMPAIGNS, json={"title": "Sale", "affiliateApprovalRequired": bad}), 400, "affiliateApproval"
        )


def test_a_campaign_may_let_new_affiliates_in(shop, affiliates):
    """Where the merchant does not: links, clicks and orders count without an approval, in that campaign alone."""
    open_to_all, usual = activated(shop, affiliateApprovalRequired=False), activated(shop)
    bina = enrolled(shop, approve=False)
    refused(link(shop, usual, bina), 409, "PENDING")
    code = ok(link(shop, open_to_all, bina), 201)["code"]
    click_id = clicked(affiliates, code)
    assert click_id
    reported(shop, "A-1", clickId=click_id)
    settled(affiliates)
    assert ok(shop.get(f"{CONVERSIONS}/A-1"))["affiliateId"] == bina
    ok(shop.patch(open_to_all, json={"affiliateApprovalRequired": None}))
    assert clicked(affiliates, code) == ""
    flushed(affiliates)
    assert clicks(affiliates)[-1].reason == "affiliate_not_approved"
    reported(shop, "A-2", clickId=click_id)
    settled(affiliates)
    conversion = ok(shop.get(f"{CONVERSIONS}/A-2"))
    assert (conversion["reason"], conversion["explanation"]) == (
        "affiliate_not_approved",
        "The affiliate is not approved.",
    )
    ok(shop.post(f"{AFFILIATES}/{bina}/approve"))
    assert clicked(affiliates, code)


def test_who_is_suspended_gets_no_link_anywhere(shop):
    """D30."""
    bina = enrolled(shop)
    ok(shop.post(f"{AFFILIATES}/{bina}/suspend"))
    for setting in (True, False, None):
        refused(link(shop, activated(shop, affiliateApprovalRequired=setting), bina), 409, "SUSPENDED")


def test_a_campaign_may_ask_for_an_approval_that_the_merchant_does_not(shop, affiliates):
    """Somebody must have approved; who was let in by the settings alone is a new affiliate there."""
    ok(shop.put(f"{KEYED}/settings", json={"affiliateApprovalRequired": False}))
    usual, strict = activated(shop), activated(shop, affiliateApprovalRequired=True)
    bina = enrolled(shop, approve=False)
    assert ok(shop.get(f"{AFFILIATES}/{bina}"))["approvedAt"] is None
    code = ok(link(shop, usual, bina), 201)["code"]
    refused(link(shop, strict, bina), 409, "not approved by anybody")
    count = len(affiliates.events("affiliates.AffiliateApproved.v1"))
    approved = ok(shop.post(f"{AFFILIATES}/{bina}/approve"))
    assert approved["approvedAt"] == approved["updatedAt"]
    assert trail(shop)[0]["action"] == "affiliate.approved"
    assert len(affiliates.events("affiliates.AffiliateApproved.v1")) == count  # it works for the merchant already
    assert ok(shop.post(f"{AFFILIATES}/{bina}/approve")) == approved
    ok(link(shop, strict, bina), 201)
    ok(shop.patch(usual, json={"affiliateApprovalRequired": True}))
    assert clicked(affiliates, code)  # links that were made go on working


def test_links_of_approved_affiliates_do_not_ask_again(shop, affiliates):
    """D30: as before."""
    code = linked(shop, activated(shop, affiliateApprovalRequired=True), enrolled(shop))
    assert clicked(affiliates, code)
