"""Shoppers' carts (S4): what a link into the checkout makes, and what a campaign lets a cart hold.

Bad quantities are subtests: they change nothing, so they share a cart.
"""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import time_machine

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from contracts.roles import Role
from services.promotions.carts import tasks as carts_tasks
from services.promotions.carts.list_schemas import EPOCH, MILLISECOND
from services.promotions.carts.models import Cart, CartItem
from tests.plugin import principal
from tests.promotions.carts.campaign_helpers import campaign, in_hours, linked, made, refused
from tests.promotions.carts.helpers import ADD, PRODUCTS, SHOP, added, gone, more, put, quantities_in, reason
from tests.promotions.helpers import (
    BERGEN,
    FJORD,
    HERS,
    MINE,
    RITA,
    ROLF,
    everything,
    ok,
    stored,
    suspension,
    tenant_event,
)


def test_a_link_makes_a_cart_with_its_campaign(rolf, shopper):
    """S4-24: ``?mktop=NAME&product=…``, by GET, and as the contract shows a cart."""
    made(rolf, "my_mkt_name_example")
    answer = shopper.get(f"{ADD}?mktop=my_mkt_name_example&product=base")
    assert answer.status_code == 201
    cart = answer.json
    assert cart == {
        "id": cart["id"],
        "currency": "SEK",
        "campaign": {"name": "my_mkt_name_example", "applied": True, "reason": None},
        "items": [{"productId": "base", "quantity": 1, "unitPrice": "100.00", "listPrice": "100.00", "linkedTo": None}],
        "total": "100.00",
    }
    assert answer.headers["Location"] == f"{SHOP}/carts/{cart['id']}"
    assert ok(shopper.get(answer.headers["Location"])) == cart
    assert UUID(cart["id"]).version == 4


def test_a_cart_is_extended_read_changed_and_thrown_away(shopper, promotions):
    cart = ok(shopper.post(f"{ADD}?product=base&quantity=2"), 201)
    assert cart["campaign"] == {"name": None, "applied": False, "reason": None}
    cart = more(shopper, cart, "base", quantity=3)
    cart = more(shopper, cart, "extra")
    assert (quantities_in(cart), cart["total"]) == ({"base": 5, "extra": 1}, "520.50")
    cart = put(shopper, cart, "base", 1)
    assert (quantities_in(cart), cart["total"]) == ({"base": 1, "extra": 1}, "120.50")
    cart = put(shopper, cart, "base", 0)
    assert ([item["productId"] for item in cart["items"]], cart["total"]) == (["extra"], "20.50")
    assert ok(shopper.get(f"{SHOP}/carts/{cart['id']}")) == cart
    assert shopper.delete(f"{SHOP}/carts/{cart['id']}").status_code == 204
    refused(shopper.get(f"{SHOP}/carts/{cart['id']}"), 404, "Not Found")
    assert (stored(promotions, Cart), stored(promotions, CartItem)) == ([], [])


def test_variants_have_their_own_price_or_their_products(shopper):
    cart = added(shopper, "shirt-s")
    cart = more(shopper, cart, "shirt-xl")
    cart = more(shopper, cart, "shirt")
    assert {item["productId"]: item["unitPrice"] for item in cart["items"]} == {
        "shirt-s": "30.00",
        "shirt-xl": "33.00",
        "shirt": "30.00",
    }


def test_a_variant_that_is_no_longer_sold_leaves_the_cart(rolf, shopper):
    """The cart goes on, and says so; what was linked to it goes too (S4-21)."""
    linked(rolf, made(rolf), base="shirt")
    cart = more(shopper, added(shopper, "shirt-s", mktop="spring"), "extra")
    cart = more(shopper, cart, "other")
    ok(rolf.post(f"{MINE}/products", json={"products": [PRODUCTS[3] | {"variants": []}]}))
    remainder = ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))
    assert (quantities_in(remainder), remainder["total"]) == ({"other": 1}, "7.00")
    assert gone(remainder) == {"shirt-s": "no_longer_sold", "extra": "base_product_missing"}
    assert remainder["items"][0]["unitPrice"] is None
    assert quantities_in(more(shopper, cart, "other")) == {"other": 2}
    assert gone(put(shopper, cart, "shirt-s", 3))["shirt-s"] == "no_longer_sold"
    refused(shopper.get(f"{ADD}?product=shirt-s&cart={cart['id']}"), 400, "Bad Request")
    ok(rolf.post(f"{MINE}/products", json={"products": [PRODUCTS[3]]}))
    assert quantities_in(more(shopper, cart, "shirt-s")) == {"other": 2, "shirt-s": 1}
    assert "shirt-s" not in gone(put(shopper, cart, "shirt-s", 0))


def test_regular_prices_are_those_of_evaluations(rolf, shopper):
    """S1-34: the chain's list goes before the product's price, and a variant's own price before both."""
    prices = [{"productUid": uid, "price": "25.00"} for uid in ("base", "shirt")]
    ok(rolf.post(f"{MINE}/pricelists", json={"pricelistUid": "chain", "name": "Chain", "products": prices}), 201)
    ok(rolf.put(f"{MINE}/settings", json={"pricelistUid": "chain"}))
    shown = {}
    for product in ("base", "extra", "shirt", "shirt-s", "shirt-xl"):
        [item] = added(shopper, product)["items"]
        shown[product] = (item["unitPrice"], item["listPrice"])
    assert shown == {
        "base": ("25.00", "25.00"),
        "extra": ("20.50", "20.50"),
        "shirt": ("25.00", "25.00"),
        "shirt-s": ("25.00", "25.00"),
        "shirt-xl": ("33.00", "33.00"),
    }


def test_only_the_making_of_a_cart_starts_a_campaign(rolf, shopper):
    """S4-24: not a later link."""
    made(rolf)
    cart = added(shopper)
    assert reason(more(shopper, cart, "base", mktop="spring")) == (False, None)
    made(rolf, "summer")
    cart = added(shopper, mktop="spring")
    assert more(shopper, cart, "base", mktop="summer")["campaign"]["name"] == "spring"


def test_a_campaign_that_cannot_be_had_makes_a_plain_cart_and_says_why(rolf, shopper):
    """S4-25, D52: unknown, disabled, not begun, over; the product is in the cart all the same."""
    only = {"products": [{"id": "other"}]}
    made(rolf, "off", status="DISABLED", **only)
    made(rolf, "later", startDate=in_hours(1), **only)
    made(rolf, "over", startDate=in_hours(-2), endDate=in_hours(-1), **only)
    reasons = {
        "nothing": "unknown_campaign",
        "": "unknown_campaign",
        "x" * 3000: "unknown_campaign",
        "off": "campaign_disabled",
        "later": "campaign_not_started",
        "over": "campaign_ended",
    }
    for name, why in reasons.items():
        cart = added(shopper, mktop=name)
        assert (reason(cart), quantities_in(cart)) == ((False, why), {"base": 1}), name
        assert cart["campaign"]["name"] == name[:200]


def test_both_dates_belong_to_a_campaign(rolf, shopper):
    """S4-25, D3."""
    start, end = in_hours(-1), in_hours(1)
    made(rolf, startDate=start, endDate=end)
    for moment, applied in ((start - 1, False), (start, True), (end, True), (end + 1, False)):
        with time_machine.travel(EPOCH + moment * MILLISECOND, tick=False):
            assert added(shopper, mktop="spring")["campaign"]["applied"] is applied


def test_what_a_cart_was_not_given_it_does_not_get_later(rolf, shopper):
    """S4-24: a campaign that begins afterwards has missed this cart; one that it has comes and goes with its dates."""
    made(rolf, "later", startDate=in_hours(1))
    made(rolf, "now", endDate=in_hours(1), products=[{"id": "base"}])
    missed, had = added(shopper, mktop="later"), added(shopper, mktop="now")
    assert reason(had) == (True, None)
    with time_machine.travel(utcnow() + timedelta(hours=2), tick=False):
        assert reason(ok(shopper.get(f"{SHOP}/carts/{missed['id']}"))) == (False, "campaign_not_started")
        assert reason(ok(shopper.get(f"{SHOP}/carts/{had['id']}"))) == (False, "campaign_ended")
        assert quantities_in(more(shopper, had, "other")) == {"base": 1, "other": 1}


def test_a_campaign_that_is_changed_or_deleted_changes_its_carts(rolf, shopper):
    """S4-25, S4-26: at once, for carts that are there."""
    address = made(rolf)
    cart = more(shopper, added(shopper, mktop="spring"), "other")
    ok(rolf.put(address, json=campaign(products=[{"id": "base"}], dbVersion=0)))
    cart = ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))
    assert (quantities_in(cart), gone(cart), cart["total"]) == ({"base": 1}, {"other": "not_in_campaign"}, "100.00")
    ok(rolf.put(address, json=campaign(status="DISABLED", dbVersion=1)))
    cart = ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))
    assert (reason(cart), quantities_in(cart)) == ((False, "campaign_disabled"), {"base": 1, "other": 1})
    assert rolf.delete(address).status_code == 204
    assert reason(ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))) == (False, "unknown_campaign")


def test_the_filter_says_what_may_be_in_the_cart(rolf, shopper):
    """S4-26, S4-23: one variant only, or any of a product."""
    made(rolf, products=[{"id": "base"}, {"id": "shirt-s", "matchMode": "variant"}])
    cart = added(shopper, "extra", mktop="spring")
    assert (quantities_in(cart), gone(cart), cart["total"]) == ({}, {"extra": "not_in_campaign"}, "0.00")
    cart = more(shopper, cart, "shirt-s")
    cart = more(shopper, cart, "shirt-xl")
    assert (quantities_in(cart), gone(cart)) == (
        {"shirt-s": 1},
        {"extra": "not_in_campaign", "shirt-xl": "not_in_campaign"},
    )
    made(rolf, "any", products=[{"id": "shirt-xl", "matchMode": "product"}])
    for product, status in (("shirt", 1), ("shirt-s", 1), ("shirt-xl", 1), ("base", 0)):
        assert added(shopper, product, mktop="any")["items"][0]["quantity"] == status


def test_what_was_removed_can_be_put_in_again_or_taken_out(rolf, shopper):
    """S4-26: the line says why until then."""
    address = made(rolf, products=[{"id": "base"}])
    cart = more(shopper, added(shopper, mktop="spring"), "other")
    assert gone(ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))) == {"other": "not_in_campaign"}
    assert gone(put(shopper, cart, "other", 4)) == {"other": "not_in_campaign"}
    ok(rolf.put(address, json=campaign(dbVersion=0)))
    assert gone(ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))) == {"other": "not_in_campaign"}
    assert quantities_in(more(shopper, cart, "other")) == {"base": 1, "other": 1}
    assert [item["productId"] for item in put(shopper, cart, "other", 0)["items"]] == ["base"]


def test_a_campaign_has_prices_of_its_own(rolf, shopper):
    """S4-27: from its price list, for every variant of a product; the list cannot go while the campaign has it."""
    prices = [{"productUid": "base", "price": "80.00"}, {"productUid": "shirt", "price": "25.00"}]
    ok(rolf.post(f"{MINE}/pricelists", json={"pricelistUid": "low", "name": "Low", "products": prices}), 201)
    address = made(rolf, pricelistUid="low")
    assert ok(rolf.get(address))["pricelistUid"] == "low"
    cart = more(shopper, added(shopper, mktop="spring", quantity=2), "shirt-xl")
    cart = more(shopper, cart, "extra")
    shown = {item["productId"]: (item["unitPrice"], item["listPrice"]) for item in cart["items"]}
    assert shown == {"base": ("80.00", "100.00"), "shirt-xl": ("25.00", "33.00"), "extra": ("20.50", "20.50")}
    assert cart["total"] == "205.50"
    assert added(shopper)["total"] == "100.00"
    ok(rolf.put(f"{MINE}/pricelists/low/products", json={"add": [{"productUid": "base", "price": "70.00"}]}))
    assert ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))["total"] == "185.50"
    assert rolf.delete(f"{MINE}/pricelists/low").status_code == 409
    campaign_seen = ok(rolf.put(address, json=campaign(dbVersion=0)))
    assert campaign_seen["pricelistUid"] == "low"
    ok(rolf.put(address, json=campaign(dbVersion=1, pricelistUid=None)))
    assert rolf.delete(f"{MINE}/pricelists/low").status_code == 204
    assert ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))["total"] == "253.50"


def test_a_mandatory_product_that_is_missing_switches_the_campaign_off_for_this_cart(rolf, shopper):
    """S4-11, D50: the stored status stays, and the campaign counts again with the product."""
    address = made(rolf, mandatoryProducts=[{"id": "base"}], products=[{"id": "extra"}])
    off = (False, "mandatory_product_missing")
    cart = added(shopper, "other", mktop="spring")
    assert (reason(cart), quantities_in(cart)) == (off, {"other": 1})
    cart = more(shopper, cart, "base")
    assert (reason(cart), quantities_in(cart), gone(cart)) == ((True, None), {"base": 1}, {"other": "not_in_campaign"})
    cart = put(shopper, cart, "base", 0)
    assert reason(cart) == off
    assert quantities_in(more(shopper, cart, "other")) == {"other": 1}
    assert ok(rolf.get(address))["status"] == "ENABLED"
    assert reason(added(shopper, "base", mktop="spring")) == (True, None)


def test_a_linked_product_goes_only_with_its_base(rolf, shopper):
    """S4-21: removed when the base is absent; the answer names the base."""
    linked(rolf, made(rolf))
    cart = added(shopper, "extra", mktop="spring")
    assert (quantities_in(cart), gone(cart)) == ({}, {"extra": "base_product_missing"})
    cart = more(shopper, more(shopper, cart, "base"), "extra")
    assert quantities_in(cart) == {"base": 1, "extra": 1}
    links = {item["productId"]: item["linkedTo"] for item in cart["items"]}
    assert links == {"base": None, "extra": "base"}
    cart = put(shopper, cart, "base", 0)
    assert (quantities_in(cart), gone(cart)) == ({}, {"extra": "base_product_missing"})
    assert quantities_in(more(shopper, cart, "base")) == {"base": 1}


def test_never_more_of_a_linked_product_than_of_its_base(rolf, shopper):
    """S4-22: ``alignedLessOrEqual``, whichever of the two changes."""
    linked(rolf, made(rolf))
    cart = more(shopper, added(shopper, quantity=3, mktop="spring"), "extra", quantity=9)
    assert quantities_in(cart) == {"base": 3, "extra": 3}
    assert quantities_in(put(shopper, cart, "extra", 2)) == {"base": 3, "extra": 2}
    assert quantities_in(put(shopper, cart, "base", 1)) == {"base": 1, "extra": 1}
    assert quantities_in(put(shopper, cart, "base", 5)) == {"base": 5, "extra": 1}
    assert quantities_in(put(shopper, cart, "extra", 6)) == {"base": 5, "extra": 5}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("alignedEqual", [{"base": 2}, {"base": 2, "extra": 2}, {"base": 5, "extra": 5}, {}]),
        ("any", [{"base": 2}, {"base": 2, "extra": 9}, {"base": 5, "extra": 9}, {}]),
    ],
)
def test_the_other_selectors(rolf, shopper, selector, expected):
    """D53: ``alignedEqual`` follows the base both ways once it is in the cart, ``any`` only needs the base."""
    linked(rolf, made(rolf, "linking"), linkedProduct={"id": "extra", "quantitySelector": selector})
    cart = added(shopper, quantity=2, mktop="linking")
    states = [cart, more(shopper, cart, "extra", quantity=9), *(put(shopper, cart, "base", n) for n in (5, 0))]
    assert [quantities_in(state) for state in states] == expected


def test_variants_as_base_and_as_linked(rolf, shopper):
    """S4-23: one variant as base, or all of a product together."""
    exact = made(rolf, "exact")
    linked(rolf, exact, baseProduct={"id": "shirt-s", "matchMode": "variant"})
    cart = more(shopper, added(shopper, "shirt-xl", mktop="exact"), "extra")
    assert gone(cart) == {"extra": "base_product_missing"}
    assert quantities_in(more(shopper, more(shopper, cart, "shirt-s"), "extra")) == {
        "shirt-xl": 1,
        "shirt-s": 1,
        "extra": 1,
    }
    linked(rolf, made(rolf, "all"), baseProduct={"id": "shirt-s", "matchMode": "product"})
    cart = more(shopper, added(shopper, "shirt-s", mktop="all"), "shirt-xl", quantity=2)
    assert quantities_in(more(shopper, cart, "extra", quantity=9))["extra"] == 3
    linked(rolf, made(rolf, "both"), base="base", linked="shirt")
    cart = more(shopper, added(shopper, quantity=3, mktop="both"), "shirt-s", quantity=2)
    cart = more(shopper, cart, "shirt-xl", quantity=2)
    assert quantities_in(cart) == {"base": 3, "shirt-s": 2, "shirt-xl": 1}
    cart = put(shopper, cart, "base", 2)
    assert (quantities_in(cart), gone(cart)) == ({"base": 2, "shirt-s": 2}, {"shirt-xl": "more_than_base_product"})


def test_the_link_finds_the_campaign_by_name_and_customer(rolf, rita, shopper):
    """S4-28: of the customer that the link names, else nobody's; without one nobody's, else the only one there is."""
    made(rita, "spring", products=[{"id": "none"}])
    ours = made(rolf, "spring", customerId="shop-1", products=[{"id": "extra"}])
    assert gone(added(shopper, mktop="spring")) == {"base": "not_in_campaign"}
    assert reason(added(shopper, mktop="spring", customerId="shop-2")) == (False, "unknown_campaign")
    assert gone(added(shopper, mktop="spring", customerId="shop-1")) == {"base": "not_in_campaign"}
    made(rolf, "spring", customerId="shop-2")
    assert reason(added(shopper, mktop="spring")) == (False, "ambiguous_campaign")
    made(rolf, "spring", mandatoryProducts=[{"id": "other"}])
    for query in ({}, {"customerId": "shop-3"}):
        assert reason(added(shopper, mktop="spring", **query)) == (False, "mandatory_product_missing")
    assert reason(added(shopper, mktop="spring", customerId="shop-2")) == (True, None)
    assert rolf.delete(ours).status_code == 204


def test_carts_are_kept_apart_by_shop(rolf, rita, shopper, promotions):
    """D5: another shop's cart, and its products and campaigns, do not exist."""
    ok(rita.post(f"{HERS}/products", json={"products": [{"productUid": "hers", "name": "H", "price": 1}]}))
    cart = added(shopper)
    before = everything(promotions)
    for shop in ("/shops/bergen-bygg", f"/shops/{BERGEN}"):
        address = f"{shop}/carts/{cart['id']}"
        for answer in (
            shopper.get(address),
            shopper.delete(address),
            shopper.put(f"{address}/items/base", json={"quantity": 2}),
        ):
            refused(answer, 404, "Not Found")
        refused(shopper.get(f"{shop}/checkout/add?product=base"), 400, "Bad Request")
    refused(shopper.get(f"{ADD}?product=hers"), 400, "Bad Request")
    assert everything(promotions) == before
    for shop in (SHOP, f"/shops/{FJORD}", f"/shops/{str(FJORD).upper()}"):
        assert ok(shopper.get(f"{shop}/carts/{cart['id']}")) == cart


def test_every_caller_is_a_shopper(rolf, rita, promotions, shopper):
    """S4-24: a signed-in caller gains and loses nothing here."""
    cart = added(rita)
    for client in (rolf, rita, shopper, promotions.client(ROLF)):
        assert ok(client.get(f"{SHOP}/carts/{cart['id']}")) == cart


def test_the_door_is_the_tenants_own(promotions, shopper):
    """D5: no such shop 404, its flag off 403; whatever the caller's own flags are."""
    cart = added(shopper)
    for shop in ("/shops/nowhere", f"/shops/{uuid4()}", "/shops/FJORD-RETAIL"):
        refused(shopper.get(f"{shop}/checkout/add?product=base"), 404, "Not Found")
    promotions.deliver(tenant_event(ROLF, 2, "Changed", features=["campaigns"]))
    before = everything(promotions)
    for client in (shopper, promotions.client(RITA)):
        for answer in (
            client.get(f"{ADD}?product=base"),
            client.post(f"{ADD}?product=base"),
            client.get(f"{SHOP}/carts/{cart['id']}"),
            client.delete(f"{SHOP}/carts/{cart['id']}"),
            client.put(f"{SHOP}/carts/{cart['id']}/items/base", json={"quantity": 2}),
        ):
            refused(answer, 403, "Forbidden", "The feature 'promotions' is not enabled.")
    assert everything(promotions) == before
    promotions.deliver(tenant_event(ROLF, 3, "Changed", slug="fjord"))
    refused(shopper.get(f"{SHOP}/carts/{cart['id']}"), 404, "Not Found")
    assert ok(shopper.get(f"/shops/fjord/carts/{cart['id']}")) == cart


def test_the_door_of_a_suspended_shop_is_shut(promotions, shopper):
    """Whatever is told of its flag meanwhile; older news change nothing. It says why before it speaks of the flag."""
    suspended = "This shop's access to the platform is suspended."
    cart = added(shopper)

    def is_open():
        return shopper.get(f"{SHOP}/carts/{cart['id']}").status_code == 200

    promotions.deliver(suspension(ROLF, 2))
    refused(shopper.get(f"{ADD}?product=base"), 403, "Forbidden", suspended)
    promotions.deliver(tenant_event(ROLF, 3, "Changed", features=[]))
    refused(shopper.get(f"{SHOP}/carts/{cart['id']}"), 403, "Forbidden", suspended)
    promotions.deliver(tenant_event(ROLF, 4, "Changed"))
    assert not is_open()
    promotions.deliver(suspension(ROLF, 5, "Resumed"))
    assert is_open()
    promotions.deliver(suspension(ROLF, 2))
    assert is_open()
    promotions.deliver(suspension(ROLF, 6, "Ended"))
    assert not is_open()


def test_a_suspension_may_come_before_what_it_is_about(promotions, shopper):
    newcomer = principal(Role.RETAILER_ADMIN, tenant_slug="newcomer")
    promotions.deliver(suspension(newcomer, 2))
    assert shopper.get("/shops/newcomer/checkout/add?product=base").status_code == 404
    promotions.deliver(tenant_event(newcomer))
    assert shopper.get("/shops/newcomer/checkout/add?product=base").status_code == 403
    promotions.deliver(suspension(newcomer, 3, "Resumed"))
    assert shopper.get("/shops/newcomer/checkout/add?product=base").status_code == 400
    assert promotions.retry_rows() == []


BAD = [
    {},
    {"product": ""},
    {"product": "x" * 101},
    {"product": "nothing"},
    {"product": "base", "quantity": 0},
    {"product": "base", "quantity": -1},
    {"product": "base", "quantity": "1.5"},
    {"product": "base", "quantity": "many"},
    {"product": "base", "quantity": 1000},
    {"product": ["base", ""]},
    {"product": ["base", "nothing"]},
    {"product": ["base", "extra"], "quantity": [1, 2, 3]},
    {"product": "base", "quantity": [1, 2]},
    {"product": ["base", "extra"], "quantity": [1, 0]},
    {"product": ["base"] * 101},
]
NO_QUANTITY = [{}, {"quantity": -1}, {"quantity": 1.5}, {"quantity": "many"}, {"quantity": None}, {"quantity": 1000}]
NO_QUANTITY += [{"quantity": True}, {"quantity": [1]}, {"quantity": "1e1"}, {"quantity": "-0"}]


@pytest.mark.parametrize("query", BAD, ids=lambda query: str(query)[:40])
def test_a_bad_link_is_refused_and_changes_nothing(shopper, promotions, query):
    """S4-18: in the error format of S4."""
    before = everything(promotions)
    assert refused(shopper.get(ADD, query_string=query), 400, "Bad Request").startswith("error: ")
    assert everything(promotions) == before


def test_bad_input_for_a_cart_is_named_and_changes_nothing(shopper, promotions, subtests):
    """S4-18."""
    cart = added(shopper, quantity=998)
    address = f"{SHOP}/carts/{cart['id']}"
    before = everything(promotions), ok(shopper.get(address))
    for body in NO_QUANTITY:
        with subtests.test(body=body):
            answer = shopper.put(f"{address}/items/base", json=body)
            assert refused(answer, 400, "Bad Request").startswith("error: quantity")
    too_many = shopper.get(ADD, query_string={"product": "base", "quantity": 2, "cart": cart["id"]})
    assert "999" in refused(too_many, 400, "Bad Request")
    for quantity in (0, 1):
        refused(shopper.put(f"{address}/items/nothing", json={"quantity": quantity}), 404, "Not Found")
    refused(shopper.put(f"{address}/items/base", json={"quantity": 1, "colour": "red"}), 400, "Bad Request")
    refused(shopper.get(f"{SHOP}/carts/1"), 404, "Not Found")
    refused(shopper.put(address), 405, "Method Not Allowed")
    assert (everything(promotions), ok(shopper.get(address))) == before


def test_other_parameters_of_a_link_are_ignored(shopper):
    """S4-24: links in mails carry the marks of those who count them."""
    assert quantities_in(added(shopper, utm_source="newsletter", gclid="x")) == {"base": 1}


def test_a_head_request_makes_no_cart(shopper, promotions):
    """S4-24: previews of mails and chats ask by HEAD."""
    before = everything(promotions)
    assert shopper.head(f"{ADD}?product=base").status_code == 200
    assert shopper.head("/shops/nowhere/checkout/add?product=base").status_code == 404
    assert everything(promotions) == before


def test_a_cart_has_room_for_a_hundred_products(rolf, shopper, promotions):
    many = [{"productUid": f"p{number}", "name": "P", "price": 1} for number in range(101)]
    ok(rolf.post(f"{MINE}/products", json={"products": many}))
    cart = added(shopper, "p0")
    with acting_as(Principal.system("test")), promotions.database.begin() as session:
        for number in range(1, 99):
            line = {"product_id": f"p{number}", "position": number, "quantity": 1}
            session.add(CartItem(cart_id=UUID(cart["id"]), **line))
    cart = more(shopper, cart, "p99")
    assert (len(quantities_in(cart)), cart["total"]) == (100, "100.00")
    answer = shopper.get(ADD, query_string={"product": "p100", "cart": cart["id"]})
    assert "100" in refused(answer, 400, "Bad Request")
    assert quantities_in(more(shopper, cart, "p0"))["p0"] == 2


def test_stale_changes_are_refused_where_the_client_says_what_it_saw(shopper):
    """D6."""
    answer = shopper.get(f"{ADD}?product=base")
    address, headers = answer.headers["Location"], {"If-Match": answer.headers["ETag"]}
    assert shopper.get(address).headers["ETag"] == headers["If-Match"]
    changed = shopper.put(f"{address}/items/base", json={"quantity": 2}, headers=headers)
    assert changed.headers["ETag"] == shopper.get(address).headers["ETag"] != headers["If-Match"]
    refused(shopper.put(f"{address}/items/base", json={"quantity": 3}, headers=headers), 412, "Precondition Failed")
    refused(shopper.delete(address, headers=headers), 412, "Precondition Failed")
    assert quantities_in(ok(shopper.get(address))) == {"base": 2}


def test_a_post_with_a_key_acts_once(shopper, promotions):
    """D7."""
    headers = {"Idempotency-Key": "add-1"}
    first, again = (shopper.post(f"{ADD}?product=base", headers=headers) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    assert len(stored(promotions, Cart)) == 1


def test_carts_expire_a_month_after_the_last_change(shopper, promotions):
    """An expired cart is not there, whether or not it has been deleted yet."""
    old, fresh = added(shopper), added(shopper)
    with time_machine.travel(utcnow() + timedelta(days=29), tick=False):
        put(shopper, fresh, "base", 2)
    with time_machine.travel(utcnow() + timedelta(days=31), tick=False):
        refused(shopper.get(f"{SHOP}/carts/{old['id']}"), 404, "Not Found")
        assert len(stored(promotions, Cart)) == 2
        with acting_as(Principal.system("test")):
            assert not carts_tasks.trim_carts(promotions.runtime)
        assert [str(row.id) for row in stored(promotions, Cart)] == [fresh["id"]]
        assert len(stored(promotions, CartItem)) == 1
        assert quantities_in(ok(shopper.get(f"{SHOP}/carts/{fresh['id']}"))) == {"base": 2}


def test_reading_a_cart_writes_nothing(rolf, shopper, promotions):
    """However its campaign has changed; and the campaign is not changed by its carts (D50)."""
    address = made(rolf, mandatoryProducts=[{"id": "other"}])
    cart = added(shopper, mktop="spring")
    before = ok(rolf.get(address)), everything(promotions), [row.version for row in stored(promotions, Cart)]
    ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))
    assert (ok(rolf.get(address)), everything(promotions), [row.version for row in stored(promotions, Cart)]) == before
