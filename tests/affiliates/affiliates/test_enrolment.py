"""Affiliates and the links they spread."""

import re
from uuid import uuid4

import pytest

from tests.affiliates.helpers import (
    AFFILIATES,
    KEYED,
    MAJA,
    created,
    enrolled,
    everything,
    ids,
    last_id,
    ok,
    refused,
    trail,
)

BINA = {"name": "Bina Gurung", "email": "bina@blog.example"}


def test_an_application_waits_for_approval(shop, affiliates):
    """D30: and the affiliate is told once it is given."""
    answer = shop.post(AFFILIATES, json=BINA)
    applied = ok(answer, 201)
    assert applied == BINA | {key: applied[key] for key in ("id", "createdAt", "updatedAt")} | {
        "status": "PENDING",
        "approvedAt": None,
        "account": "NONE",
        "invitedAt": None,
        "refusalReason": None,
        "refusalAdvice": None,
    }
    address = answer.headers["Location"]
    assert ok(shop.get(address)) == applied
    assert affiliates.events() == []
    assert ok(shop.post(f"{address}/approve"))["status"] == "APPROVED"
    before = everything(affiliates)
    assert ok(shop.post(f"{address}/approve"))["status"] == "APPROVED"
    assert everything(affiliates) == before
    assert ok(shop.post(f"{address}/suspend"))["status"] == "SUSPENDED"
    assert ok(shop.post(f"{address}/approve"))["status"] == "APPROVED"
    events = affiliates.events()
    assert [event["type"].split(".")[1] for event in events] == [
        "AffiliateApproved",
        "AffiliateSuspended",
        "AffiliateApproved",
    ]
    assert events[0]["data"] == {
        "affiliateId": applied["id"],
        "affiliateName": "Bina Gurung",
        "affiliateEmail": "bina@blog.example",
        "merchantId": str(MAJA.tenant_id),
        "merchantName": "Dashain Market",
    }
    assert [row["action"].partition(".")[2] for row in trail(shop)] == ["approved", "suspended", "approved", "applied"]


def test_a_merchant_may_let_everybody_in(shop, affiliates):
    """D30: its own flag, apart from the one for campaigns."""
    ok(shop.put(f"{KEYED}/settings", json={"affiliateApprovalRequired": False}))
    assert ok(shop.post(AFFILIATES, json=BINA), 201)["status"] == "APPROVED"
    assert [event["type"] for event in affiliates.events()] == ["affiliates.AffiliateApproved.v1"]


def test_one_address_applies_once(shop, otto):
    """Whatever its case; to another merchant it is a stranger."""
    ok(shop.post(AFFILIATES, json=BINA), 201)
    refused(shop.post(AFFILIATES, json=BINA | {"email": "Bina@Blog.example"}), 409, "already")
    ok(otto.post(AFFILIATES, json=BINA), 201)


@pytest.mark.parametrize(
    "change",
    [
        {"email": "bina"},
        {"email": "a@b.example\nBcc: c@d.example"},
        {"name": "A\nB"},
        {"name": " "},
        {"status": "APPROVED"},
    ],
)
def test_applications_that_do_not_fit(shop, change):
    """S2-29."""
    refused(shop.post(AFFILIATES, json=BINA | change), 400, *change)


def test_affiliates_in_pages(shop):
    """S2-2: as all lists."""
    first, second = enrolled(shop), enrolled(shop, name="Chandra", approve=False)
    assert ids(ok(shop.get(AFFILIATES))) == [second, first]
    assert ids(ok(shop.get(f"{AFFILIATES}?status=APPROVED"))) == [first]
    refused(shop.get(f"{AFFILIATES}?status=approved"), 400, "status")


def test_a_link_has_a_code_that_people_can_read(shop):
    """A link is one affiliate's, of one campaign."""
    campaign, affiliate = created(shop), enrolled(shop, name="Bína Gurung")
    body = {"affiliateId": affiliate, "destination": "https://shop.example/shoes?size=42"}
    link = ok(shop.post(f"{campaign}/links", json=body), 201)
    assert re.fullmatch(r"dashain-market\.bina-gurung-dashain-sale-[a-hj-km-np-z2-9]{5}", link["code"])
    assert link == body | {
        "code": link["code"],
        "url": f"http://localhost:8080/r/{link['code']}",
        "campaignId": last_id(campaign),
        "createdAt": link["createdAt"],
    }
    other = ok(shop.post(f"{campaign}/links", json=body | {"affiliateId": enrolled(shop, name="Chandra")}), 201)
    assert other["code"] != link["code"]
    assert ok(shop.get(f"{campaign}/links"))["items"] == [other, link]
    assert ok(shop.get(f"{campaign}/links?affiliateId={affiliate}"))["items"] == [link]


def test_only_approved_affiliates_get_links(shop, otto):
    """D30."""
    campaign, destination = created(shop), "https://shop.example/"
    waiting = enrolled(shop, approve=False)
    refused(shop.post(f"{campaign}/links", json={"affiliateId": waiting, "destination": destination}), 409, "PENDING")
    for stranger in (enrolled(otto), str(uuid4())):
        body = {"affiliateId": stranger, "destination": destination}
        refused(shop.post(f"{campaign}/links", json=body), 400, "affiliateId")


@pytest.mark.parametrize(
    "destination",
    [
        "javascript:alert(1)",
        "//shop.example/",
        "/shoes",
        "https:/shop.example",
        "https:shop.example",
        "https://shop.example@evil.example/",
        "https://user:secret@shop.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example\t/",
        "https://shop .example/",
        "http://[::1]/",
        "https://shöp_.example/",
        "ftp://shop.example/",
        "https://shop.example:99999/",
        "https://" + "x" * 2000,
        "",
    ],
)
def test_destinations_are_plain_web_addresses(shop, destination):
    """No redirect can be read in two ways."""
    body = {"affiliateId": enrolled(shop), "destination": destination}
    refused(shop.post(f"{created(shop)}/links", json=body), 400, "destination")


def test_links_lead_where_the_merchant_lets_them(shop):
    """The allow-list: a host and what is below it; without one, anywhere."""
    campaign, affiliate = created(shop), enrolled(shop)
    ok(shop.put(f"{KEYED}/settings", json={"allowedHosts": ["shop.example"]}))
    for good in ("https://shop.example/a", "https://www.shop.example/", "http://shop.example:8080/"):
        ok(shop.post(f"{campaign}/links", json={"affiliateId": affiliate, "destination": good}), 201)
    for bad in ("https://evil.example/", "https://notshop.example/", "https://shop.example.evil.example/"):
        refused(
            shop.post(f"{campaign}/links", json={"affiliateId": affiliate, "destination": bad}), 400, "shop.example"
        )
