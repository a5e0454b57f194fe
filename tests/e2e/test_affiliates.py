"""A merchant's programme from end to end, by a signed client written from the S2 document alone (its examples word for
word, ids apart): a link clicked, an order credited, a refund clawed back."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import requests

from tests.e2e.harness import OPERATOR, build_merchant, new_user, until

API = "/api/v1"
SHOP = "https://shop.example"


@pytest.fixture
def merchant(platform):
    return build_merchant(platform)


def done(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer, status):
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"statusCode", "message", "error"}
    assert answer.json()["statusCode"] == status


def follow(platform, code, cookie=None):
    """Where a visitor is led, the click's id and the cookie."""
    headers = {"Cookie": f"concord_visitor={cookie}"} if cookie else {}
    answer = requests.get(f"{platform.url}/r/{code}", headers=headers, allow_redirects=False, timeout=20)
    assert answer.status_code == 302, answer.text
    address = urlsplit(answer.headers["Location"])
    click_id = parse_qs(address.query).get("clickId", [None])[0]
    return f"{address.scheme}://{address.netloc}{address.path}", click_id, answer.cookies.get("concord_visitor")


def weighed(software, number):
    """The conversion once it was decided."""

    def conversion():
        answer = done(software.get(f"{API}/conversions/{number}"))
        return answer if answer["status"] != "ACCEPTED" else None

    return until(conversion, what="the order's weighing")


def test_the_document_from_creating_to_archiving(platform, merchant):
    """S2-1 to S2-13, S2-29, D1, D30."""
    software = merchant.software
    example = {
        "title": "Dashain Sale",
        "defaultCommissionType": "PERCENTAGE",
        "defaultCommissionValue": "12",
        "cookieDurationDays": 30,
        "approvalRequired": False,
    }
    created = done(software.post(f"{API}/campaigns", example), 201)
    assert set(created) == {"id", "campaignCode", "title", "status"}
    assert (created["title"], created["status"]) == ("Dashain Sale", "DRAFT")
    address = f"{API}/campaigns/{created['id']}"
    changed = done(software.patch(address, {"defaultCommissionValue": "15", "cookieDurationDays": 45}))
    assert (changed["defaultCommissionValue"], changed["cookieDurationDays"]) == ("15", 45)
    steps = ["activate", "pause", "activate"]
    assert [done(software.post(f"{address}/{step}"))["status"] for step in steps] == ["ACTIVE", "PAUSED", "ACTIVE"]
    (listed,) = done(software.get(f"{API}/campaigns?page=1&pageSize=200&status=ACTIVE"))["items"]
    assert listed == done(software.get(address)) == done(merchant.admin.get(f"/merchant{address}"))
    assert done(software.patch(address, {"status": "ARCHIVED"}))["status"] == "ARCHIVED"
    refused(software.post(f"{address}/activate"), 409)
    refused(software.post(f"{address}/archive"), 404)
    refused(software.post(f"{API}/campaigns", example | {"title": "x" * 161}), 400)
    refused(software.get(f"{API}/campaigns?pageSize=201"), 400)

    guarded = done(software.post(f"{API}/campaigns", example | {"approvalRequired": True}), 201)["id"]
    refused(software.post(f"{API}/campaigns/{guarded}/activate"), 409)
    operator = platform.user(*OPERATOR)
    assert operator.post(f"/api/v1/admin/affiliate-campaigns/{guarded}/approve").status_code == 200
    assert done(software.post(f"{API}/campaigns/{guarded}/activate"))["status"] == "ACTIVE"
    listing = f"{platform.url}/api/v1/public/campaigns?pageSize=200"
    assert guarded not in {one["id"] for one in done(requests.get(listing, timeout=20))["items"]}
    done(software.patch(f"{API}/campaigns/{guarded}", {"visibility": "PUBLIC"}))
    assert guarded in {one["id"] for one in done(requests.get(listing, timeout=20))["items"]}


def test_a_link_clicked_an_order_credited_a_refund_clawed_back(platform, merchant):
    """S2-14 to S2-18, S2-25, S2-27, S2-28, D32 to D34."""
    software = merchant.software
    settings = {"fallbackUrl": f"{SHOP}/welcome", "allowedHosts": ["shop.example"]}
    done(software.ask("PUT", f"{API}/settings", settings))
    sale = {"title": "Dashain Sale", "defaultCommissionType": "PERCENTAGE", "defaultCommissionValue": "12"}
    campaign = done(software.post(f"{API}/campaigns", sale), 201)["id"]
    product = {"externalId": "SHOE-42", "name": "Shoes", "price": "2999.00", "campaignId": campaign}
    own = product | {"externalId": "LAMP-1", "commissionType": "FIXED", "commissionValue": "250.00"}
    results = done(software.post(f"{API}/products", {"products": [product, own]}), 202)["results"]
    assert [result["status"] for result in results] == ["created", "created"]
    done(software.post(f"{API}/campaigns/{campaign}/activate"))
    bina = done(software.post(f"{API}/affiliates", {"name": "Bina", "email": "bina@blog.example"}), 201)["id"]
    body = {"affiliateId": bina, "destination": f"{SHOP}/shoes"}
    refused(software.post(f"{API}/campaigns/{campaign}/links", body), 409)
    done(software.post(f"{API}/affiliates/{bina}/approve"))
    link = done(software.post(f"{API}/campaigns/{campaign}/links", body), 201)
    assert link["url"].endswith(f"/r/{link['code']}")

    led, click_id, cookie = follow(platform, link["code"])
    assert led == f"{SHOP}/shoes"
    order = {"externalOrderId": "A-1", "orderAmount": "2999.00", "currency": "NPR", "clickId": click_id}
    assert done(software.post(f"{API}/conversions", order), 202) == {"externalOrderId": "A-1", "status": "ACCEPTED"}
    assert done(software.post(f"{API}/conversions", order), 202)["status"] == "DUPLICATE"
    credited = weighed(software, "A-1")
    assert (credited["status"], credited["affiliateId"], credited["clickId"]) == ("CREDITED", bina, click_id)
    assert (credited["commission"], credited["commissionLevel"]) == ("359.88", "campaign")

    _, last, _ = follow(platform, link["code"], cookie)
    lamp = order | {"externalOrderId": "A-2", "items": [{"externalId": "LAMP-1", "quantity": 1, "amount": "2999.00"}]}
    until(lambda: done(software.post(f"{API}/conversions/preview", lamp))["clickId"] == last, what="the second click")
    done(software.post(f"{API}/conversions", lamp), 202)
    second = weighed(software, "A-2")
    assert (second["clickId"], second["commission"], second["commissionLevel"]) == (last, "250.00", "product")

    done(software.post(f"{API}/conversions/A-1/status", {"status": "confirmed"}))
    refund = {"status": "refunded", "refundAmount": "1499.50"}
    for _ in range(2):
        answer = done(software.post(f"{API}/conversions/A-1/status", refund, key="refund-1"))
        assert answer["commission"] == "179.94"
    done(software.post(f"{API}/conversions/A-2/status", {"status": "cancelled"}))
    (balance,) = done(software.get(f"{API}/ledger/balances"))["items"]
    assert (balance["affiliateId"], balance["held"], balance["approved"]) == (bina, "0.00", "179.94")
    (row,) = done(merchant.admin.get("/merchant/api/v1/reports?by=campaign"))["items"]
    assert (row["clicks"], row["conversions"]) == (2, 2)
    assert row["commission"][0]["reversed"] == "429.94"
    approved = f"{done(merchant.admin.get(f'{API}/me'))['tenant']['name']} has approved you as an affiliate"
    until(lambda: approved in [mail["subject"] for mail in platform.mailbox("bina@blog.example")], what="the mail")


def test_what_is_paused_does_not_convert(platform, merchant):
    """S2-13, D34: within a second in every process, and for good."""
    software = merchant.software
    done(software.ask("PUT", f"{API}/settings", {"fallbackUrl": f"{SHOP}/welcome", "affiliateApprovalRequired": False}))
    campaign = done(software.post(f"{API}/campaigns", {"title": "Tihar"}), 201)["id"]
    done(software.post(f"{API}/campaigns/{campaign}/activate"))
    bina = done(software.post(f"{API}/affiliates", {"name": "Bina", "email": "bina@blog.example"}), 201)["id"]
    body = {"affiliateId": bina, "destination": f"{SHOP}/lights"}
    code = done(software.post(f"{API}/campaigns/{campaign}/links", body), 201)["code"]
    _, click_id, _ = follow(platform, code)
    done(software.post(f"{API}/campaigns/{campaign}/pause"))
    assert until(lambda: follow(platform, code)[:2] == (f"{SHOP}/welcome", None), within=3, what="the pause")
    order = {"externalOrderId": "A-1", "orderAmount": "100.00", "currency": "NPR", "clickId": click_id}
    done(software.post(f"{API}/conversions", order), 202)
    assert weighed(software, "A-1")["reason"] == "campaign_paused"
    done(software.post(f"{API}/campaigns/{campaign}/activate"))
    assert done(software.post(f"{API}/conversions", order), 202)["status"] == "DUPLICATE"
    assert weighed(software, "A-1")["commission"] == "0.00"
    unknown = requests.get(f"{platform.url}/r/{merchant.slug}.nobody", allow_redirects=False, timeout=20)
    assert (unknown.status_code, unknown.headers["Location"]) == (302, f"{SHOP}/welcome")
    for nowhere in ("nobody.x-y-aaaaa", "", "//x"):
        page = requests.get(f"{platform.url}/r/{nowhere}", allow_redirects=False, timeout=20)
        assert (page.status_code in (400, 404), page.headers["Content-Type"]) == (True, "text/html; charset=utf-8")
    pasted = requests.get(f"{platform.url}/r/{code.upper()};", allow_redirects=False, timeout=20)
    assert pasted.headers["Location"].startswith(f"{SHOP}/lights?clickId=")


def test_an_affiliate_signs_in_and_sees_its_own(platform, merchant):
    """S2-22: invited by the merchant's software; an address that is somebody's account already is refused."""
    software, tag = merchant.software, uuid4().hex[:8]
    email = f"bina-{tag}@blog.example"
    done(software.ask("PUT", f"{API}/settings", {"affiliateApprovalRequired": False}))
    campaign = done(software.post(f"{API}/campaigns", {"title": "Tihar"}), 201)["id"]
    done(software.post(f"{API}/campaigns/{campaign}/activate"))
    bina = done(software.post(f"{API}/affiliates", {"name": "Bina", "email": email}), 201)["id"]
    body = {"affiliateId": bina, "destination": f"{SHOP}/lights"}
    code = done(software.post(f"{API}/campaigns/{campaign}/links", body), 201)["code"]
    taken = done(software.post(f"{API}/affiliates", {"name": "Maja", "email": merchant.admin.email}), 201)["id"]
    assert done(software.post(f"{API}/affiliates/{taken}/invite"))["account"] == "INVITED"

    def account(affiliate):
        return done(software.get(f"{API}/affiliates/{affiliate}"))["account"]

    until(lambda: account(taken) == "REFUSED", what="the refusal")
    person = new_user(platform, platform.user(*OPERATOR), merchant.tenant_id, email, "Affiliate")
    until(lambda: account(bina) == "ACTIVE", what="the account")
    assert done(person.get("/affiliate/api/v1/me"))["email"] == email
    [link] = done(person.get("/affiliate/api/v1/links"))["items"]
    assert link["code"] == code
    assert done(person.get("/affiliate/api/v1/campaigns"))["items"][0]["title"] == "Tihar"
    refused(person.get("/merchant/api/v1/reports"), 403)
    assert merchant.admin.get("/affiliate/api/v1/me").status_code == 403
