"""Products in bulk, with commission of their own."""

from uuid import uuid4

from tests.affiliates.helpers import KEYED, created, last_id, ok, refused, trail

PRODUCTS = f"{KEYED}/products"
SHOES = {
    "externalId": "SKU-1",
    "name": "Running shoes",
    "price": "2999.00",
    "campaignId": None,
    "commissionType": "PERCENTAGE",
    "commissionValue": "20",
    "currency": None,
}
SOCKS = {"externalId": "SKU-2", "name": "Socks", "price": 199.5}


def imported(client, *products):
    """What became of each product."""
    results = ok(client.post(PRODUCTS, json={"products": list(products)}), 202)["results"]
    return [(result["externalId"], result["status"]) for result in results]


def test_products_are_created_and_replaced(shop):
    """S2-28: known by the merchant's own ids; what is left out is nothing."""
    assert imported(shop, SHOES, SOCKS) == [("SKU-1", "created"), ("SKU-2", "created")]
    shoes = ok(shop.get(f"{PRODUCTS}/SKU-1"))
    assert shoes == SHOES | {"updatedAt": shoes["updatedAt"]}
    assert ok(shop.get(f"{PRODUCTS}/SKU-2"))["price"] == "199.50"
    cheaper = {"externalId": "SKU-1", "name": "Shoes", "price": "1999"}
    assert imported(shop, cheaper, {**SOCKS, "externalId": "SKU-3"}) == [("SKU-1", "updated"), ("SKU-3", "created")]
    shoes = ok(shop.get(f"{PRODUCTS}/SKU-1"))
    assert (shoes["name"], shoes["price"], shoes["commissionType"]) == ("Shoes", "1999.00", None)
    assert ok(shop.get(PRODUCTS))["totalItems"] == 3
    assert trail(shop)[0]["changes"] == {"SKU-1": [["PERCENTAGE", "20"], [None, None]]}


def test_a_product_says_to_which_campaign_it_belongs(shop, otto):
    """S2-16: one of the merchant's own; and leaves it again."""
    campaign = last_id(created(shop))
    assert imported(shop, SHOES | {"campaignId": campaign}, SOCKS)[0] == ("SKU-1", "created")
    page = ok(shop.get(f"{PRODUCTS}?campaignId={campaign}"))
    assert [item["externalId"] for item in page["items"]] == ["SKU-1"]
    for foreign in (last_id(created(otto)), str(uuid4())):
        assert imported(shop, SHOES | {"campaignId": foreign}) == [("SKU-1", "rejected")]
    assert ok(shop.get(f"{PRODUCTS}/SKU-1"))["campaignId"] == campaign
    assert imported(shop, SHOES) == [("SKU-1", "updated")]
    assert ok(shop.get(f"{PRODUCTS}?campaignId={campaign}"))["items"] == []


def test_a_bad_product_rejects_only_itself(shop):
    """S2-28, S2-14: and says why."""
    bad = [
        SHOES | {"externalId": "A", "price": "-1"},
        SHOES | {"externalId": "B", "commissionValue": None},
        SHOES | {"externalId": "C", "commissionValue": "101"},
        SHOES | {"externalId": "D", "name": ""},
        SHOES | {"externalId": "E", "colour": "red"},
        SHOES | {"externalId": "F\nG"},
        {"externalId": 5, "name": "x", "price": 1},
        "shoes",
        SHOES,
    ]
    answer = ok(shop.post(PRODUCTS, json={"products": [SHOES, *bad]}), 202)["results"]
    assert [result["status"] for result in answer[1:]] == ["rejected"] * len(bad)
    words = ["price", "go together", "at most 100", "name", "colour", "externalId", "externalId", "Invalid", "once"]
    assert [word for result, word in zip(answer[1:], words, strict=True) if word not in result["error"]] == []
    assert [item["externalId"] for item in ok(shop.get(PRODUCTS))["items"]] == ["SKU-1"]


def test_five_thousand_at_once_and_no_more(shop):
    """S2-28."""
    many = [{"externalId": f"SKU-{number}", "name": "Socks", "price": 1} for number in range(5001)]
    refused(shop.post(PRODUCTS, json={"products": many}), 400, "products")
    refused(shop.post(PRODUCTS, json={"products": []}), 400, "products")
    assert ok(shop.get(PRODUCTS))["items"] == []
    assert {status for _, status in imported(shop, *many[:5000])} == {"created"}
    assert imported(shop, *many[-2:]) == [("SKU-4999", "updated"), ("SKU-5000", "created")]
    assert ok(shop.get(f"{PRODUCTS}?pageSize=1"))["totalItems"] == 5001


def test_two_merchants_may_use_the_same_ids(shop, otto):
    """S2-22."""
    imported(shop, SHOES)
    refused(otto.get(f"{PRODUCTS}/SKU-1"), 404)
    assert imported(otto, SHOES | {"name": "Otto's"}) == [("SKU-1", "created")]
    assert ok(shop.get(f"{PRODUCTS}/SKU-1"))["name"] == "Running shoes"
