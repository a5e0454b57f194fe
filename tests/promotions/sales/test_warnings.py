"""What is said before a campaign is activated, and that it never keeps anybody from activating it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from services.promotions.catalogue.models import Pricelist
from services.promotions.sales.rules import reduced
from tests.promotions.evaluations.shop import NOW, Shop, socks
from tests.promotions.helpers import MINE, ok


@pytest.fixture
def shop(promotions):
    shop = Shop(promotions)
    shop.store()
    shop.store("bergen-1")
    shop.product("socks", 50, cost=Decimal(20), brand_uid="Happy")
    shop.product("jeans", 800, cost=Decimal(700))
    shop.product("shirt", 300)
    return shop


def warned(client, uid):
    """The warnings about a campaign by code: how many things, and which."""
    answer = ok(client.get(f"{MINE}/campaigns/{uid}/warnings"))
    assert answer["campaignUid"] == uid
    assert all(item["message"] for item in answer["warnings"])
    return {item["code"]: (item["count"], item["uids"]) for item in answer["warnings"]}


def jeans(shop, uid, **more):
    shop.campaign(uid, **{"include": [("product", "jeans")], "status": "NEW"} | more)


def test_nothing_to_say(shop, rolf):
    jeans(shop, "ten")
    shop.campaign("other", products=["shirt"])
    assert warned(rolf, "ten") == {}


def test_an_end_in_the_past(shop, rolf):
    jeans(shop, "late", valid_from=NOW - timedelta(days=3), valid_to=NOW - timedelta(days=2))
    assert warned(rolf, "late") == {"ends_in_the_past": (1, [])}


def test_an_empty_selection(shop, rolf):
    jeans(shop, "none", include=[("brand", "Nobody")])
    shop.campaign("list", pricelist=shop.pricelist("empty"), status="NEW")
    shop.campaign("order", discount_type="ORDER_DISCOUNT", status="NEW")
    assert warned(rolf, "none") == {"empty_selection": (1, []), "unknown_brand": (1, ["Nobody"])}
    assert warned(rolf, "list") == {"empty_selection": (1, [])}
    assert warned(rolf, "order") == {}
    jeans(shop, "everything", include=[])
    assert warned(rolf, "everything") == {}


def test_overlaps(shop, rolf):
    """Same store, same time, same product, the same customers."""
    shop.campaign("same", products=["jeans"])
    shop.campaign("list", pricelist=shop.pricelist("l", jeans=790))
    shop.campaign("order", discount_type="ORDER_DISCOUNT")
    shop.campaign("other-store", products=["jeans"], stores=["bergen-1"])
    shop.campaign("other-product", products=["shirt"])
    shop.campaign("before", products=["jeans"], valid_from=NOW - timedelta(9), valid_to=NOW - timedelta(8))
    shop.campaign("inactive", products=["jeans"], status="INACTIVE")
    members, staff = shop.group("members"), shop.group("staff")
    shop.campaign("staff", products=["jeans"], customer_group_id=staff)
    jeans(shop, "new", stores=["oslo-1"], customer_group_id=members)
    assert warned(rolf, "new") == {"overlap": (3, ["list", "order", "same"])}
    jeans(shop, "everywhere")
    assert warned(rolf, "everywhere")["overlap"] == (5, ["list", "order", "other-store", "same", "staff"])
    shop.campaign("on-order", discount_type="ORDER_DISCOUNT", status="NEW", stores=["bergen-1"])
    everything = ["list", "order", "other-product", "other-store", "same", "staff"]
    assert warned(rolf, "on-order")["overlap"] == (6, everything)
    shop.campaign("new-list", pricelist=shop.pricelist("m", shirt=290), status="NEW")
    assert warned(rolf, "new-list")["overlap"] == (2, ["order", "other-product"])


def test_prices_below_cost_or_of_nothing(shop, rolf):
    everything = {"include": [], "status": "NEW"}
    shop.campaign("percent", discount_percent=Decimal(15), **everything)
    assert warned(rolf, "percent") == {"price_below_cost": (1, ["jeans"])}
    shop.campaign("amount", discount_amount=Decimal(300), **everything)
    assert warned(rolf, "amount") == {"price_of_zero": (2, ["shirt", "socks"]), "price_below_cost": (1, ["jeans"])}
    shop.campaign("list", pricelist=shop.pricelist("l", jeans=699, shirt=0, socks=20), status="NEW")
    assert warned(rolf, "list") == {"price_of_zero": (1, ["shirt"]), "price_below_cost": (1, ["jeans"])}


def test_a_free_cheapest_product_is_meant(shop, rolf):
    """S1-22."""
    shop.campaign("3for2socks", **socks(status="NEW", include=[("product", "socks")]))
    assert warned(rolf, "3for2socks") == {}


def test_what_a_selection_names_and_nothing_has(shop, rolf):
    """D68: taken, and warned of by kind: in the header when it is written, and with the uids for whoever asks."""
    jeans(shop, "typing", include=[])
    include = {
        "brandUids": ["Hapy", "Happy"],
        "categoryUids": ["x"],
        "productGroupUids": ["y"],
        "productUids": ["jeens", "jeans", "shirtt"],
    }
    body = {"create": {"include": include, "exclude": {"brandUids": ["Hapy", "Nike"]}}}
    answer = rolf.put(f"{MINE}/campaigns/typing/selections", json=body)
    ok(answer)
    codes = ["unknown_brand", "unknown_category", "unknown_product_group", "unknown_product"]
    assert answer.headers["Concord-Warnings"] == ", ".join(codes)
    warnings = warned(rolf, "typing")
    expected = [(2, ["Hapy", "Nike"]), (1, ["x"]), (1, ["y"]), (2, ["jeens", "shirtt"])]
    assert [warnings[code] for code in codes] == expected
    activated = rolf.put(f"{MINE}/campaigns/typing", json={"status": "ACTIVE"})
    assert activated.headers["Concord-Warnings"].split(", ")[:4] == codes
    ok(rolf.put(f"{MINE}/campaigns/typing", json={"status": "INACTIVE"}))
    right = {"create": {"include": {"brandUids": ["Happy"], "productUids": ["shirt"]}}}
    assert "Concord-Warnings" not in rolf.put(f"{MINE}/campaigns/typing/selections", json=right).headers


def test_a_campaign_for_a_variant_alone(shop, rolf):
    """D68: it is for something, it overlaps, and its price counts."""
    shop.product("coat", 900, cost=Decimal(880), variants=[("coat-blue", 870), ("coat-red", None)])
    alone = {"include": [("product", "coat-red")], "discount_percent": Decimal(5), "status": "NEW"}
    shop.campaign("alone", **alone)
    assert warned(rolf, "alone") == {"price_below_cost": (1, ["coat-red"])}
    ok(rolf.put(f"{MINE}/campaigns/alone", json={"status": "ACTIVE"}))
    assert warned(rolf, "alone") == {"price_below_cost": (1, ["coat-red"])}
    shop.campaign("again", **alone | {"include": [("product", "coat")], "discount_percent": Decimal(1)})
    assert warned(rolf, "again") == {"overlap": (1, ["alone"])}
    entries = [{"productUid": "coat-blue", "price": 1}]
    ok(rolf.post(f"{MINE}/pricelists", json={"pricelistUid": "l", "name": "L", "products": entries}), 201)
    shop.campaign("list", pricelist=shop.row(Pricelist, pricelist_uid="l").id, status="NEW")
    assert warned(rolf, "list") == {"overlap": (1, ["alone"]), "price_below_cost": (1, ["coat-blue"])}


def test_what_is_taken_off_a_list_and_was_never_there(shop, rolf):
    """D68: a typing error in a removal takes nothing off, and says so."""
    shop.pricelist("l", jeans=790)
    right = rolf.put(f"{MINE}/pricelists/l/products", json={"remove": ["socks"]})
    wrong = rolf.put(f"{MINE}/pricelists/l/products", json={"remove": ["jeens", "socks"]})
    assert "Concord-Warnings" not in right.headers
    assert wrong.headers["Concord-Warnings"] == "unknown_product"
    assert ok(wrong)["productCount"] == 1


def test_an_activation_says_them_in_a_header_and_is_done(shop, rolf):
    """S1-12: the documented body stays as it is."""
    shop.campaign("other", products=["jeans"])
    jeans(shop, "new", discount_percent=Decimal(50))
    answer = rolf.put(f"{MINE}/campaigns/new", json={"status": "ACTIVE"})
    assert ok(answer)["status"] == "ACTIVE"
    assert answer.headers["Concord-Warnings"] == "overlap, price_below_cost"
    assert set(warned(rolf, "new")) == {"overlap", "price_below_cost"}
    assert "Concord-Warnings" not in rolf.put(f"{MINE}/campaigns/new", json={"status": "INACTIVE"}).headers
    shop.campaign("fine", products=["shirt"], include=[("product", "shirt")], status="NEW")
    assert "Concord-Warnings" not in rolf.put(f"{MINE}/campaigns/fine", json={"status": "ACTIVE"}).headers


def test_what_a_unit_would_cost():
    """D25, D27."""
    assert reduced(Decimal("0.20"), "SEK", percent=Decimal("12.5"), amount=Decimal(0)) == Decimal("0.17")
    assert reduced(Decimal(575), "JPY", percent=Decimal(15), amount=Decimal(0)) == Decimal(489)
    assert reduced(Decimal(5), "SEK", percent=Decimal(0), amount=Decimal(9)) == 0
