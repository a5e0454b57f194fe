"""Demo data of a retailer's sales campaigns, all active: the cheapest free, a price list, a discount on the order."""

from typing import Any

from concord.demo_user import User

STORES = {"oslo": "Fjord Oslo", "bergen": "Fjord Bergen"}
PRODUCTS = [
    {
        "productUid": "wool-socks",
        "name": "Wool work socks",
        "price": "129.00",
        "cost": "54.00",
        "brandUid": "devold",
        "productGroupUid": "SOCKS",
        "categoryUids": ["workwear", "winter"],
    },
    {"productUid": "cotton-socks", "name": "Cotton socks", "price": "59.00", "productGroupUid": "SOCKS"},
    {
        "productUid": "panel-heater",
        "name": "Panel heater 1000 W",
        "price": "1490.00",
        "cost": "890.00",
        "brandUid": "nordic-heating",
        "productGroupUid": "HEATING",
        "categoryUids": ["winter"],
    },
]
WINTER_PRICES = {
    "pricelistUid": "winter-prices",
    "name": "Winter prices",
    "products": [{"productUid": "panel-heater", "price": "1190.00"}],
}
ALWAYS = {"validFrom": "2026-01-01T00:00:00Z", "validTo": "2036-12-31T23:59:59Z"}
SOCKS = {
    "name": "3 for 2 - Socks",
    "displayName": "Socks: 3 for 2",
    **ALWAYS,
    "type": "CAMPAIGN",
    "discountType": "CHEAPEST_PRODUCT",
    "storeUids": ["oslo", "bergen"],
    "discountPercent": 100,
    "quantityThreshold": 3,
    "campaignUid": "3for2socks",
}
WINTER = {
    "name": "Winter 2026",
    "displayName": "Warm for the winter!",
    **ALWAYS,
    "type": "PRICELIST",
    "discountType": "QUALIFIED_PRODUCT",
    "storeUids": [],
    "pricelistUid": "winter-prices",
    "campaignUid": "winter",
}

LARGE_ORDERS = {
    "name": "5 % off from 5,000",
    "displayName": "5 % off your order",
    **ALWAYS,
    "type": "CAMPAIGN",
    "discountType": "ORDER_DISCOUNT",
    "storeUids": ["oslo", "bergen"],
    "discountPercent": 5,
    "amountThreshold": 5000,
    "campaignUid": "large-orders",
}
CAMPAIGNS: tuple[dict[str, Any], ...] = (SOCKS, WINTER, LARGE_ORDERS)


def sales_campaigns(retailer: User, slug: str) -> None:
    """Stores and products, and a campaign of each kind: for one product group, with a price list, and for the order."""
    tenant = f"/v2/tenants/{slug}"
    retailer.put(f"{tenant}/settings", {"currency": "NOK", "timeZone": "Europe/Oslo"})
    for store_uid, name in STORES.items():
        retailer.post(f"{tenant}/stores", {"storeUid": store_uid, "name": name})
    retailer.post(f"{tenant}/products", {"products": PRODUCTS})
    retailer.post(f"{tenant}/pricelists", WINTER_PRICES)
    for campaign in CAMPAIGNS:
        retailer.post(f"{tenant}/campaigns", campaign)
    selection = {"create": {"include": {"productGroupUids": ["SOCKS"]}}}
    retailer.post(f"{tenant}/campaigns/{SOCKS['campaignUid']}/selections", selection)
    for campaign in CAMPAIGNS:
        retailer.put(f"{tenant}/campaigns/{campaign['campaignUid']}", {"status": "ACTIVE"})
