"""Store campaigns, cart campaigns and shoppers' carts through the gateway, as clients of their documents use them."""

import http.client
from datetime import timedelta
from uuid import uuid4

import pytest
import requests

from chassis.core.clock import rfc3339, utcnow
from tests.e2e.harness import OPERATOR, new_tenant, new_user, until
from tests.promotions.carts.campaign_helpers import EXAMPLE, campaign, in_hours
from tests.promotions.store_campaigns.helpers import EXAMPLE as BI_YEARLY

STORES, CAMPAIGNS, LINKED = "/stores/company/{}/campaigns", "/marketing/campaigns", "/marketing/linked-products"
PRODUCTS = [
    {"productUid": "printer", "name": "Printer", "price": "100.00"},
    {"productUid": "toner", "name": "Toner", "price": "20.50"},
    {"productUid": "cable", "name": "Cable", "price": "7.00"},
]


@pytest.fixture(scope="module")
def shop(platform):
    """A retailer with stores and products: its admin, and its slug."""
    tag = uuid4().hex[:8]
    operator = platform.user(*OPERATOR)
    tenant_id = new_tenant(operator, f"Shop {tag}", "Retailer", ["promotions"])
    admin = new_user(platform, operator, tenant_id, f"rolf-{tag}@retailer.example", "RetailerAdmin")
    slug = admin.get("/api/v1/me").json()["tenant"]["slug"]
    for store in ("oslo", "bergen"):
        assert admin.post(f"/v2/tenants/{slug}/stores", {"storeUid": store, "name": store}).status_code == 201
    assert admin.post(f"/v2/tenants/{slug}/products", {"products": PRODUCTS}).status_code == 200
    return admin, slug


def test_a_store_campaign_is_updated_as_the_document_shows(shop):
    """S3-1, S3-2, S3-9, S3-10, S3-11, S3-22, D40."""
    admin, slug = shop
    base = STORES.format(slug)
    body = {"name": "Specials", "starts_at": rfc3339(utcnow()), "ends_at": rfc3339(utcnow() + timedelta(days=9))}
    made = admin.post(base, body | {"store_ids": ["oslo"], "status": "inactive"})
    assert made.status_code == 201, made.text
    campaign_id = made.json()["campaign_id"]
    identifier = {"campaign_identifier": f"BI_YEARLY_{uuid4().hex[:8]}"}  # it is unique on the whole platform
    answer = admin.put(f"{base}/{campaign_id}/stores", BI_YEARLY | identifier)
    assert answer.json() == {
        "success": True,
        "message": "Campaign successfully updated",
        "campaign_id": campaign_id,
        "updated_fields": list(BI_YEARLY),
        "effective_immediately": True,
        "timestamp": answer.json()["timestamp"],
    }
    assert admin.put(f"{base}/{campaign_id}/linked-stores", {"store_ids": ["bergen", "oslo"]}).status_code == 200
    assert admin.get(f"{base}/{campaign_id}").json()["store_ids"] == ["bergen", "oslo"]
    actions = [row["action"] for row in admin.get(f"{base}/{campaign_id}/audit").json()["items"]]
    assert actions == ["store_campaign.linked", "store_campaign.updated", "store_campaign.created"]
    missing = admin.put(f"{base}/invalid-id/stores", BI_YEARLY)
    assert (missing.status_code, missing.json()["error_code"]) == (404, "CAMPAIGN_NOT_FOUND")
    nobody = requests.put(f"{admin.base}{base}/{campaign_id}/stores", json=BI_YEARLY, timeout=10)
    assert (nobody.status_code, nobody.json()["success"]) == (401, False)


def test_the_scheduler_starts_and_ends_campaigns(shop):
    """S3-7: without anybody asking for them."""
    admin, slug = shop
    window = {
        "starts_at": rfc3339(utcnow() + timedelta(seconds=1)),
        "ends_at": rfc3339(utcnow() + timedelta(seconds=2)),
    }
    made = admin.post(STORES.format(slug), {"name": "Flash sale"} | window).json()
    assert made["status"] == "scheduled"
    address = f"{STORES.format(slug)}/{made['campaign_id']}/audit"

    def clocked():
        rows = [row for row in admin.get(address).json()["items"] if row["action"] == "store_campaign.clocked"]
        steps = [row["changes"]["status"] for row in reversed(rows)]
        return steps and steps[-1][1] == "expired" and steps

    steps = until(clocked, what="the end of the campaign")
    assert [steps[0][0], steps[-1][1]] == ["scheduled", "expired"]


def test_a_cart_campaign_from_its_making_to_a_shoppers_cart(shop):
    """S4-10, S4-13 to S4-15, S4-21, S4-22, S4-24, S4-26, D52: a link without sign-in makes the cart."""
    admin, slug = shop
    body = campaign("printer-days", products=[{"id": "printer"}, {"id": "toner"}])
    made = admin.post(CAMPAIGNS, body)
    assert made.status_code == 201, made.text
    address = made.headers["Location"]
    read = admin.get(address).json()
    assert (read["dbVersion"], read["name"]) == (0, "printer-days")
    assert admin.put(address, read | {"description": "First"}).json()["dbVersion"] == 1
    stale = admin.put(address, read | {"description": "Second"})
    assert (stale.status_code, set(stale.json())) == (412, {"error", "message", "path", "status", "timestamp"})
    link = {"baseProduct": {"id": "printer"}, "linkedProduct": {"id": "toner"}, "marketingCampaignId": read["id"]}
    assert admin.post(LINKED, link).status_code == 201

    add = f"{admin.base}/shops/{slug}/checkout/add"

    def cart_of(query):
        answer = requests.get(f"{add}?{query}", timeout=10)
        return answer if answer.status_code in (200, 201) else None

    first = until(lambda: cart_of("mktop=printer-days&product=printer&quantity=2"), what="the shop's routes opening")
    assert first.status_code == 201
    cart = first.json()
    assert cart["campaign"] == {"name": "printer-days", "applied": True, "reason": None}
    for product in ("toner&quantity=5", "cable"):
        cart = requests.post(f"{add}?product={product}&cart={cart['id']}", timeout=10).json()
    held = {item["productId"]: (item["quantity"], item.get("removedBecause")) for item in cart["items"]}
    assert held == {"printer": (2, None), "toner": (2, None), "cable": (0, "not_in_campaign")}
    assert cart["total"] == "241.00"
    items = f"{admin.base}/shops/{slug}/carts/{cart['id']}"
    changed = requests.put(f"{items}/items/printer", json={"quantity": 0}, timeout=10).json()
    assert [item["quantity"] for item in changed["items"] if item["productId"] == "toner"] == [0]
    assert requests.get(items, timeout=10).json() == changed
    assert requests.delete(items, timeout=10).status_code == 204
    assert requests.get(items, timeout=10).status_code == 404
    plain = cart_of("mktop=nothing&product=cable").json()
    assert plain["campaign"] == {"name": "nothing", "applied": False, "reason": "unknown_campaign"}


def test_the_documents_example_and_its_date_filter(shop):
    """S4-4, S4-6: the sign may stand in the query as it is."""
    admin, _ = shop
    made = admin.post(CAMPAIGNS, EXAMPLE)
    assert made.status_code == 201, made.text
    connection = http.client.HTTPConnection(admin.base.removeprefix("http://"), timeout=10)
    headers = {"Authorization": f"Bearer {admin.sign_in()}"}
    query = "startDate=1593583200000<&endDate=<1596261600000&sort=createDate,desc"
    connection.request("GET", f"{CAMPAIGNS}?{query}", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, b'"my_mkt_name_example"' in answer.read()) == (200, True)


def test_the_shops_routes_close_with_its_flag(platform, shop):
    """D5, S4-18: in S4's error format."""
    tag = uuid4().hex[:8]
    operator = platform.user(*OPERATOR)
    tenant_id = new_tenant(operator, f"Closing {tag}", "Retailer", ["promotions"])
    address = f"{shop[0].base}/shops/{tenant_id}/checkout/add?product=nothing"
    until(lambda: requests.get(address, timeout=10).status_code == 400, what="the shop's routes opening")
    assert operator.put(f"/api/v1/admin/tenants/{tenant_id}/features", {"promotions": False}).status_code == 200
    until(lambda: requests.get(address, timeout=10).status_code == 403, what="the shop's routes closing")
    body = requests.get(address, timeout=10).json()
    assert (body["error"], body["status"]) == ("Forbidden", 403)
    assert abs(body["timestamp"] - in_hours(0)) < 60_000
