"""Campaigns, bodies and look-ups that the tests of sales campaigns share."""

from tests.promotions.helpers import MINE, ok

CAMPAIGNS = f"{MINE}/campaigns"
LISTS = f"{MINE}/pricelists"
STORES = [
    {"name": "Apple Store Sandnes sentrum", "storeUid": "sandnes-1"},
    {"name": "Apple Store Sandnes Kvadrat", "storeUid": "sandnes-2"},
    {"name": "Store 1", "storeUid": "store-1"},
]

# The document's own requests, word for word.
AUGUST = {
    "name": "August 2024",
    "displayName": "Back to school!",
    "validFrom": "2024-08-04T08:00:00Z",
    "validTo": "2024-08-20T23:59:59Z",
    "type": "PRICELIST",
    "discountType": "QUALIFIED_PRODUCT",
    "storeUids": ["sandnes-1", "sandnes-2"],
    "pricelistUid": "pricelist-august-2024",
}
SOCKS = {
    "name": "3 for 2 - Socks",
    "displayName": "Socks: 3 for 2",
    "validFrom": "2024-08-04T08:00:00Z",
    "validTo": "2024-08-20T23:59:59Z",
    "type": "CAMPAIGN",
    "discountType": "CHEAPEST_PRODUCT",
    "storeUids": ["store-1"],
    "discountPercentage": 100,
    "quantityThreshold": 3,
    "maxUsage": 1,
    "campaignUid": "3for2socks",
}
SIDE = {"productGroupUids": ["string"], "brandUids": ["string"], "categoryUids": ["string"], "productUids": ["string"]}
SELECTION = {"create": {"include": SIDE, "exclude": SIDE}}

NOTHING = {"brands": [], "categories": [], "productGroups": [], "products": []}
AUGUST_ANSWER = {
    "amountThreshold": 0,
    "campaignCode": "",
    "campaignUid": "backtoschool",
    "discountAmount": 0,
    "discountPercent": 0,
    "discountType": "QUALIFIED_PRODUCT",
    "displayName": "Back to school!",
    "maxUsage": 0,
    "name": "August 2024",
    "preventCombinations": False,
    "pricelist": {"name": "Kampanje - August 2024", "pricelistUid": "pricelist-august-2024"},
    "priority": 0,
    "quantityThreshold": 0,
    "selection": {"exclude": NOTHING, "include": NOTHING},
    "status": "NEW",
    "stores": [
        {"name": "Apple Store Sandnes sentrum", "storeUid": "sandnes-1"},
        {"name": "Apple Store Sandnes Kvadrat", "storeUid": "sandnes-2"},
    ],
    "type": "PRICELIST",
    "validFrom": "2024-08-04T10:00:00+02:00",
    "validTo": "2024-08-21T01:59:59+02:00",
}

PHONES = [
    {"productUid": "iphone", "brandUid": "apple", "productGroupUid": "PHONES", "categoryUids": ["mobile", "new"]},
    {"productUid": "galaxy", "brandUid": "samsung", "productGroupUid": "PHONES", "categoryUids": ["mobile"]},
    {"productUid": "frame", "brandUid": "samsung", "productGroupUid": "TV", "categoryUids": ["new"]},
    {"productUid": "repair", "productGroupUid": "SERVICES"},
    {"productUid": "mug"},
]


def furnish(client):
    """A shop in which the document's requests name what is there."""
    for store in STORES:
        ok(client.post(f"{MINE}/stores", json=store), 201)
    product_rows = [{"name": row["productUid"].title(), "price": 100} | row for row in PHONES]
    ok(client.post(f"{MINE}/products", json={"products": product_rows}))
    prices = [{"productUid": "iphone", "price": "80"}]
    body = {"pricelistUid": "pricelist-august-2024", "name": "Kampanje - August 2024", "products": prices}
    ok(client.post(LISTS, json=body), 201)
    return client


def made(client, body=SOCKS, **changes):
    """The address of a new campaign."""
    campaign = ok(client.post(CAMPAIGNS, json=body | changes), 201)
    return f"{CAMPAIGNS}/{campaign['campaignUid']}"


def activate(client, address, status="ACTIVE"):
    return ok(client.put(address, json={"status": status}))


def select(client, address, include=None, exclude=None):
    body = {"create": {"include": include or {}, "exclude": exclude or {}}}
    return ok(client.put(f"{address}/selections", json=body))["selection"]
