"""Demo data of a retailer: what it sells and where, a campaign in its stores, and one for carts."""

from concord.demo_user import User

PRODUCTS = [
    {
        "productUid": "drill-18v",
        "name": "Cordless drill 18 V",
        "price": "1299.00",
        "brandUid": "fjordverk",
        "variants": [{"variantUid": "drill-18v-bare"}, {"variantUid": "drill-18v-case", "price": "1399.00"}],
    },
    {"productUid": "battery-5ah", "name": "Battery 5 Ah", "price": "599.00", "brandUid": "fjordverk"},
    {"productUid": "drill-bits", "name": "Drill bits, set of 19", "price": "249.00", "brandUid": "fjordverk"},
]
DRILL_PRICES = {
    "pricelistUid": "drill-days",
    "name": "Drill days",
    "products": [{"productUid": "drill-18v", "price": "999.00"}, {"productUid": "battery-5ah", "price": "399.00"}],
}
DRILL_DAYS = {
    "name": "drill-days",
    "description": "A drill at a lower price, and a battery at half price with each",
    "startDate": 1767225600000,
    "status": "ENABLED",
    "products": [{"id": "drill-18v"}, {"id": "battery-5ah"}],
    "pricelistUid": "drill-days",
}
SPRING_IN_STORES = {
    "name": "Workshop weeks",
    "description": "Drills and batteries at the entrance of every store",
    "campaign_identifier": "FJORD_WORKSHOP_WEEKS",
    "starts_at": "2026-01-01T00:00:00Z",
    "ends_at": "2999-12-31T23:59:59Z",
    "status": "active",
    "store_ids": ["oslo", "bergen"],
}


def stores_and_carts(retailer: User, slug: str) -> None:
    """Stores, a store campaign, and a cart campaign with its own prices and linked products."""
    tenant = f"/v2/tenants/{slug}"
    for store_uid, name in (("oslo", "Fjord Oslo"), ("bergen", "Fjord Bergen")):
        retailer.post(f"{tenant}/stores", {"storeUid": store_uid, "name": name})
    retailer.post(f"{tenant}/products", {"products": PRODUCTS})
    retailer.post(f"{tenant}/pricelists", DRILL_PRICES)
    retailer.post(f"/stores/company/{slug}/campaigns", SPRING_IN_STORES)
    campaign = retailer.post("/marketing/campaigns", DRILL_DAYS)
    linked = {
        "marketingCampaignId": campaign["id"],
        "baseProduct": {"id": "drill-18v", "matchMode": "product"},
        "linkedProduct": {"id": "battery-5ah", "matchMode": "product", "quantitySelector": "alignedLessOrEqual"},
    }
    retailer.post("/marketing/linked-products", linked)
