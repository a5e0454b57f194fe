"""The merchant of the demo data: campaigns, products, affiliates, clicks, and orders that earned and gave back."""

import time
from typing import Any

import requests

from concord.demo_user import TIMEOUT, User

API = "/merchant/api/v1"
CLICKS = 3
ATTRIBUTED_WITHIN = 10.0  # seconds

SALE = {
    "title": "Dashain Sale",
    "description": "Festival prices on everything for the family.",
    "defaultCommissionType": "PERCENTAGE",
    "defaultCommissionValue": "12",
    "cookieDurationDays": 30,
    "approvalRequired": False,
    "allowedTrafficSources": ["blog", "instagram"],
    "visibility": "PUBLIC",
}
TIHAR = {"title": "Tihar Lights", "defaultCommissionType": "FIXED", "defaultCommissionValue": "250.00"}
SETTINGS = {
    "defaultCommissionType": "PERCENTAGE",
    "defaultCommissionValue": "8",
    "fallbackUrl": "https://dashain-market.example/",
    "allowedHosts": ["dashain-market.example"],
}
PRODUCTS = [
    {"externalId": "SHOE-42", "name": "Running shoes", "price": "2999.00"},
    {"externalId": "LAMP-1", "name": "Brass lamp", "price": "1500.00", "commissionType": "PERCENTAGE",
     "commissionValue": "20"},
]  # fmt: skip
AFFILIATES = ["Bina Gurung", "Chandra Rai", "Deepa Thapa"]


def seed(maja: User, operator: User) -> None:
    """One active, public campaign and a draft; two active affiliates and one who waits for approval; four orders."""
    maja.put(f"{API}/settings", SETTINGS)
    sale = maja.post(f"{API}/campaigns", SALE)["id"]
    maja.post(f"{API}/campaigns", TIHAR)
    products = [product | {"campaignId": sale} for product in PRODUCTS]
    maja.post(f"{API}/products", {"products": products})
    operator.post(f"/api/v1/admin/affiliate-campaigns/{sale}/approve")
    if maja.get(f"{API}/campaigns/{sale}")["status"] != "ACTIVE":
        maja.post(f"{API}/campaigns/{sale}/activate")
    bina, chandra = (_link(maja, sale, affiliate) for affiliate in _affiliates(maja)[:2])
    clicks = [_click(code) for code in (bina, chandra) for _ in range(CLICKS)]
    shoes = [{"externalId": "SHOE-42", "quantity": 1, "amount": "2999.00"}]
    lamps = [{"externalId": "LAMP-1", "quantity": 2, "amount": "3000.00"}]
    _order(maja, "DM-1001", "2999.00", clicks[0], shoes, {"status": "delivered"})
    _order(maja, "DM-1002", "3000.00", clicks[1], lamps)
    refund = {"status": "refunded", "refundAmount": "1500.00", "refundId": "DM-R1"}
    _order(maja, "DM-1003", "3000.00", clicks[3], lamps, {"status": "confirmed"}, refund)
    _order(maja, "DM-1004", "2999.00", clicks[4], shoes, {"status": "cancelled"})


def _affiliates(maja: User) -> list[str]:
    """Create the affiliates and return their ids; the last one waits for approval."""
    ids = []
    for name in AFFILIATES:
        email = f"{name.partition(' ')[0].lower()}@blog.example"
        ids.append(maja.post(f"{API}/affiliates", {"name": name, "email": email})["id"])
    for affiliate in ids[:-1]:
        maja.post(f"{API}/affiliates/{affiliate}/approve")
    return ids


def _link(maja: User, campaign: str, affiliate: str) -> str:
    """The address of a tracking link on this platform."""
    link = {"affiliateId": affiliate, "destination": "https://dashain-market.example/sale"}
    code = maja.post(f"{API}/campaigns/{campaign}/links", link)["code"]
    return f"{maja.base}/r/{code}"


def _click(link: str) -> str:
    """Follow a link as a new visitor; return the click's id."""
    answer = requests.get(link, allow_redirects=False, timeout=TIMEOUT)
    return answer.headers["Location"].partition("clickId=")[2]


def _order(
    maja: User, number: str, amount: str, click: str, items: list[dict[str, Any]], *then: dict[str, str]
) -> None:
    order = {"externalOrderId": number, "orderAmount": amount, "currency": "NPR", "clickId": click, "items": items}
    maja.post(f"{API}/conversions", order)
    _until_attributed(maja, number)  # so the reports that follow change a credited order
    for report in then:
        maja.post(f"{API}/conversions/{number}/status", report)


def _until_attributed(maja: User, number: str) -> None:
    deadline = time.monotonic() + ATTRIBUTED_WITHIN
    while maja.get(f"{API}/conversions/{number}")["status"] == "ACCEPTED" and time.monotonic() < deadline:
        time.sleep(0.2)
