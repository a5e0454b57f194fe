"""A retailer's sales campaigns from end to end, with the requests of the vendor's document word for word."""

from uuid import uuid4

import pytest

from tests.e2e import harness
from tests.e2e.harness import OPERATOR, User, until
from tests.promotions.sales.helpers import AUGUST, AUGUST_ANSWER, SOCKS, STORES

IN_AUGUST = "2024-08-10T12:00:00Z"
PRODUCTS = [
    {"productUid": "wool-socks", "name": "Wool socks", "price": "99.00", "productGroupUid": "SOCKS"},
    {"productUid": "cotton-socks", "name": "Cotton socks", "price": "49.00", "productGroupUid": "SOCKS"},
    {"productUid": "iphone", "name": "iPhone", "price": "9990.00", "brandUid": "apple"},
]


@pytest.fixture
def retailer(platform):
    """The admin of a new retailer, and where its things are: under the slug that identity has given it."""
    operator = platform.user(*OPERATOR)
    tag = uuid4().hex[:8]
    tenant = harness.new_tenant(operator, f"Retailer {tag}", "Retailer", ["promotions"])
    admin = harness.new_user(platform, operator, tenant, f"rolf-{tag}@retailer.example", "RetailerAdmin")
    return admin, f"/v2/tenants/retailer-{tag}", f"/v2/tenants/{tenant}"


def ok(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json()


def furnish(admin: User, base: str) -> None:
    ok(admin.put(f"{base}/settings", {"timeZone": "Europe/Oslo", "currency": "NOK"}))
    for store in STORES:
        ok(admin.post(f"{base}/stores", store), 201)
    ok(admin.post(f"{base}/products", {"products": PRODUCTS}))
    prices = [{"productUid": "iphone", "price": "8990.00"}]
    body = {"pricelistUid": "pricelist-august-2024", "name": "Kampanje - August 2024", "products": prices}
    ok(admin.post(f"{base}/pricelists", body), 201)


def evaluate(admin: User, base: str, store: str, **quantities: int):
    lines = [
        {"lineId": str(number), "productUid": uid.replace("_", "-"), "quantity": quantity}
        for number, (uid, quantity) in enumerate(quantities.items())
    ]
    return ok(admin.post(f"{base}/orders/evaluate", {"storeUid": store, "at": IN_AUGUST, "lines": lines}))


def test_socks_are_three_for_two(retailer):
    """S1-4, S1-11, S1-12, S1-15, S1-22, S1-28, S1-32: created, selected, activated, counted, deactivated."""
    admin, base, by_id = retailer
    furnish(admin, base)
    address = f"{base}/campaigns/3for2socks"
    assert ok(admin.post(f"{by_id}/campaigns", SOCKS), 201)["status"] == "NEW"
    ok(admin.put(f"{address}/selections", {"create": {"include": {"productGroupUids": ["SOCKS"]}}}))
    assert evaluate(admin, base, "store-1", wool_socks=2, cotton_socks=1)["totals"]["discount"] == "0.00"
    ok(admin.put(address, {"status": "ACTIVE"}))
    order = evaluate(admin, base, "store-1", wool_socks=2, cotton_socks=1)
    assert order["totals"] == {"gross": "247.00", "discount": "49.00", "net": "198.00"}
    assert [line["discount"] for line in order["lines"]] == ["0.00", "49.00"]
    (socks,) = order["campaigns"]
    assert (socks["campaignUid"], socks["status"], socks["applications"]) == ("3for2socks", "applied", 1)
    assert evaluate(admin, base, "sandnes-1", wool_socks=3)["totals"]["discount"] == "0.00"
    two = evaluate(admin, base, "store-1", wool_socks=2)
    assert (two["totals"]["discount"], two["campaigns"][0]["missing"]["quantity"]) == ("0.00", 1)
    ok(admin.put(address, {"status": "INACTIVE"}))
    assert evaluate(admin, base, "store-1", wool_socks=3)["totals"]["discount"] == "0.00"


def test_a_price_list_counts_while_its_campaign_is_active(retailer):
    """S1-2, S1-3, S1-9, S1-10, S1-13, S1-14: the document's answer, and a change of the list in force at once."""
    admin, base, _ = retailer
    furnish(admin, base)
    assert ok(admin.post(f"{base}/campaigns", AUGUST), 201) == AUGUST_ANSWER
    active = ok(admin.put(f"{base}/campaigns/backtoschool", {"status": "ACTIVE"}))
    assert active == AUGUST_ANSWER | {"status": "ACTIVE"}
    assert evaluate(admin, base, "sandnes-1", iphone=1)["totals"]["net"] == "8990.00"
    refused = admin.put(f"{base}/campaigns/backtoschool", {"name": "September 2024"})
    assert (refused.status_code, refused.json()["code"]) == (409, "campaign_active")
    change = {"add": [{"productUid": "iphone", "price": "7990.00"}]}
    ok(admin.put(f"{base}/pricelists/pricelist-august-2024/products", change))
    assert evaluate(admin, base, "sandnes-1", iphone=1)["totals"]["net"] == "7990.00"


def test_another_retailer_sees_nothing_and_a_flag_closes_the_door(platform, retailer):
    """D5: and a tenant without the flag is told so."""
    admin, base, _ = retailer
    furnish(admin, base)
    operator, tag = platform.user(*OPERATOR), uuid4().hex[:8]
    tenant = harness.new_tenant(operator, f"Other {tag}", "Retailer", ["promotions"])
    other = harness.new_user(platform, operator, tenant, f"rita-{tag}@retailer.example", "RetailerAdmin")
    for path in ("settings", "products/iphone", "pricelists", "campaigns"):
        answer = other.get(f"{base}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert ok(other.get(f"/v2/tenants/{tenant}/products"))["items"] == []
    ok(operator.put(f"/api/v1/admin/tenants/{tenant}/features", {"promotions": False}))
    refusal = until(lambda: _refusal(other.get(f"/v2/tenants/{tenant}/products")), what="the flag")
    assert refusal["code"] == "feature_disabled"


def _refusal(answer):
    return answer.json() if answer.status_code == 403 else None
