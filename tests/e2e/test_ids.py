"""D60: an id of any letters that the platform has taken is reached by its path, percent-encoded."""

from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e import harness
from tests.e2e.harness import OPERATOR, build_merchant
from tests.plugin.matrix import generated

API = "/api/v1"
IDS = [
    "INV/2026/00001",
    "/first/and/last/",
    "a//b",
    "100%",
    "%2F",
    "%252e%252e",
    "a;b=c",
    "back\\slash",
    "two words",
    "v1.2-x_y~z",
    "a:b@c",
    "../me",
    "...",
    "what?q=1#there",
    "a+b&c=d",
    '[1]|{2}^`3`"4"<5>',
    "Å语😀",
    "status",
    "preview",
    "x/status",
]
ANY_ID = st.text("abzAZ019-_./:%;\\ ", min_size=1, max_size=60).filter(lambda text: text.strip() not in ("", ".", ".."))
CASES = generated(25)


def done(answer, status=200):
    assert answer.status_code == status, (answer.request.url, answer.text)
    return answer.json()


def address(path: str, thing_id: str, below: str = "") -> str:
    return f"{path}/{quote(thing_id, safe='')}{below}"


@pytest.fixture
def merchant(platform):
    return build_merchant(platform)


def reach_order(software, order_id: str) -> None:
    """Report an order, read it, refund it."""
    order = {"externalOrderId": order_id, "orderAmount": "29.00", "currency": "EUR"}
    assert done(software.post(f"{API}/conversions", order), 202)["status"] in ("ACCEPTED", "DUPLICATE")
    assert done(software.get(address(f"{API}/conversions", order_id)))["externalOrderId"] == order_id.strip()
    after = done(software.post(address(f"{API}/conversions", order_id, "/status"), {"status": "cancelled"}))
    assert after["externalOrderId"] == order_id.strip()


def reach_product(software, product_id: str) -> None:
    product = {"externalId": product_id, "name": "Shoes", "price": "29.00"}
    (result,) = done(software.post(f"{API}/products", {"products": [product]}), 202)["results"]
    assert result["status"] in ("created", "updated"), result
    assert done(software.get(address(f"{API}/products", product_id)))["externalId"] == product_id.strip()


def test_every_order_and_product_of_a_merchant_is_reached(merchant):
    """S2-25, S2-27, S2-28."""
    for thing_id in IDS:
        reach_order(merchant.software, thing_id)
        reach_product(merchant.software, thing_id)
    listed = done(merchant.admin.get(f"/merchant{API}/conversions?pageSize=200"))["items"]
    assert {row["externalOrderId"] for row in listed} == set(IDS)
    for thing_id in IDS:
        assert done(merchant.admin.get(address(f"/merchant{API}/products", thing_id)))["externalId"] == thing_id


@CASES
@given(ANY_ID)
def test_any_text_given_as_an_id_is_reached(merchant, thing_id):
    reach_order(merchant.software, thing_id)
    reach_product(merchant.software, thing_id)


@pytest.mark.parametrize("thing_id", [".", "..", " .. "])
def test_what_no_path_can_name_is_refused_when_it_is_written(merchant, thing_id):
    order = {"externalOrderId": thing_id, "orderAmount": "29.00", "currency": "EUR"}
    assert merchant.software.post(f"{API}/conversions", order).status_code == 400
    product = {"externalId": thing_id, "name": "Shoes", "price": "29.00"}
    (result,) = done(merchant.software.post(f"{API}/products", {"products": [product]}), 202)["results"]
    assert result["status"] == "rejected"


@pytest.fixture
def retailer(platform):
    operator, tag = platform.user(*OPERATOR), uuid4().hex[:8]
    tenant = harness.new_tenant(operator, f"Retailer {tag}", "Retailer", ["promotions"])
    return harness.new_user(platform, operator, tenant, f"rolf-{tag}@retailer.example", "RetailerAdmin"), tenant


def test_everything_of_a_retailers_shop_is_reached(retailer):
    """S1: products, stores, price lists, and what an order has reserved."""
    admin, tenant = retailer
    base = f"/v2/tenants/{tenant}"
    products = [{"productUid": uid, "name": "Socks", "price": "10.00"} for uid in IDS]
    results = done(admin.post(f"{base}/products", {"products": products}))["results"]
    assert [result["status"] for result in results] == ["created"] * len(IDS), results
    for uid in IDS:
        assert done(admin.get(address(f"{base}/products", uid)))["productUid"] == uid
        done(admin.post(f"{base}/stores", {"storeUid": uid, "name": "Oslo"}), 201)
        assert done(admin.get(address(f"{base}/stores", uid)))["storeUid"] == uid
        lines = [{"lineId": "1", "productUid": uid, "quantity": 1}]
        evaluated = done(admin.post(f"{base}/orders/evaluate", {"storeUid": uid, "lines": lines}))
        reservation = address(f"{base}/orders", uid, "/reservation")
        done(admin.post(reservation, {"evaluationId": evaluated["evaluationId"]}))
        assert done(admin.get(reservation))["orderId"] == uid
        assert done(admin.post(f"{reservation}/commit"))["status"] == "committed"
