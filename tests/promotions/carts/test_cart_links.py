"""Links into the checkout (S4-24): several products, closed carts, spelling, money, links to nothing (D9, D54, D64)."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote
from uuid import uuid4

import pytest
import time_machine

from chassis.core.clock import utcnow
from services.promotions.carts.campaign_models import CartCampaign
from services.promotions.carts.models import Cart
from services.promotions.catalogue.models import Product, Settings
from tests.promotions.carts.campaign_helpers import linked, made, refused
from tests.promotions.carts.helpers import ADD, SHOP, added, gone, more, put, quantities_in, reason
from tests.promotions.evaluations.shop import Shop
from tests.promotions.helpers import HERS, MINE, everything, ok, stored


def from_link(client, query, status=201):
    """The cart that a link makes or extends."""
    return ok(client.get(f"{ADD}?{query}"), status)


SEVERAL = [
    ("product=base&product=extra", {"base": 1, "extra": 1}),
    ("product=base&product=extra&quantity=2", {"base": 2, "extra": 2}),
    ("product=base&product=extra&quantity=2&quantity=3", {"base": 2, "extra": 3}),
    ("quantity=2&quantity=3&product=base&product=extra", {"base": 2, "extra": 3}),
    ("product=base&product=base&quantity=2&quantity=3", {"base": 5}),
    ("product=base&quantity=2.0", {"base": 2}),
    ("product=base&quantity=%202", {"base": 2}),
]


@pytest.mark.parametrize(("query", "holds"), SEVERAL)
def test_a_link_can_put_several_products_in(shopper, query, holds):
    """S4-24: with one quantity for all, or one for each by position."""
    cart = from_link(shopper, query)
    assert quantities_in(cart) == holds
    again = from_link(shopper, f"{query}&cart={cart['id']}", 200)
    assert quantities_in(again) == {product: 2 * quantity for product, quantity in holds.items()}


def test_several_products_are_put_in_together_or_not_at_all(rolf, shopper, promotions):
    """S4-24: a base comes with what is linked to it, in whichever order."""
    linked(rolf, made(rolf))
    assert quantities_in(from_link(shopper, "mktop=spring&product=extra&product=base")) == {"extra": 1, "base": 1}
    cart = added(shopper)
    before = everything(promotions), ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))
    refused(shopper.get(f"{ADD}?product=extra&product=nothing&cart={cart['id']}"), 400, "Bad Request")
    assert (everything(promotions), ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))) == before


QUANTITIES = [2, 2.0, 2.0000000000000004, "2", "2.0", " 2.00 "]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_whole_quantity_is_one_however_it_is_written(shopper, quantity):
    """D69: carts hold whole units."""
    assert quantities_in(put(shopper, added(shopper), "base", quantity)) == {"base": 2}


def test_what_was_taken_out_can_be_put_in_again(shopper):
    """S4: 0 and then 1 works, also for what was not there before, and 0 twice is 0."""
    cart = added(shopper)
    for quantity, holds in ((0, {}), (0, {}), (1, {"base": 1}), (3, {"base": 3})):
        assert quantities_in(put(shopper, cart, "base", quantity)) == holds
    assert quantities_in(put(shopper, cart, "extra", 2)) == {"base": 3, "extra": 2}
    assert quantities_in(put(shopper, cart, "other", 0)) == {"base": 3, "extra": 2}


def test_an_item_can_be_sent_back_as_it_was_read(rolf, shopper):
    """D65: all but its quantity is read-only."""
    linked(rolf, made(rolf))
    cart = added(shopper, "extra", mktop="spring")
    [item] = cart["items"]
    assert item["removedDetail"] == "It goes only with base, which is not in the cart."
    for changed in (item, item | {"quantity": 2}):
        ok(shopper.put(f"{SHOP}/carts/{cart['id']}/items/extra", json=changed))


def test_a_closed_cart_makes_a_new_one_and_says_so(rita, shopper, promotions):
    """D54: unknown, thrown away, expired, another shop's, or no id at all; the campaign of the link counts."""
    ok(rita.post(f"{HERS}/products", json={"products": [{"productUid": "hers", "name": "H", "price": 1}]}))
    hers = ok(shopper.get("/shops/bergen-bygg/checkout/add?product=hers"), 201)
    thrown, old = added(shopper), added(shopper)
    shopper.delete(f"{SHOP}/carts/{thrown['id']}")
    with time_machine.travel(utcnow() + timedelta(days=31), tick=False):
        for closed in (str(uuid4()), thrown["id"], old["id"], hers["id"], "mine", "\u202e", "%00"):
            answer = shopper.get(ADD, query_string={"product": "base", "cart": closed, "mktop": "spring"})
            cart = ok(answer, 201)
            assert [item["code"] for item in cart["warnings"]] == ["cart_closed"], closed
            assert answer.headers["Location"] == f"{SHOP}/carts/{cart['id']}"
            assert cart["id"] not in (closed, hers["id"])
            assert reason(cart) == (False, "unknown_campaign")
            seen = ok(shopper.get(answer.headers["Location"]))
            assert (quantities_in(seen), "warnings" in seen) == ({"base": 1}, False)
    for query in ("", "&cart=", "&cart=%20"):
        assert "warnings" not in from_link(shopper, f"product=base{query}")
    assert len(stored(promotions, Cart)) == 2 + 1 + 7 + 3 - 1


SPELLINGS = ["Påske", "PÅSKE", "  påske ", "Pa\u030aske", "pÅSKE\t"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_name_of_a_campaign_is_trimmed_and_without_case(rolf, shopper, spelling):
    """S4-24, D62: the cart shows the campaign's own spelling."""
    made(rolf, "Påske")
    cart = added(shopper, mktop=spelling)
    assert (cart["campaign"]["name"], reason(cart)) == ("Påske", (True, None))


def test_of_two_old_names_that_clash_each_link_finds_its_own(rolf, shopper, promotions):
    """S4-28, D62: what is written exactly so goes first, and the oldest has all other spellings."""
    made(rolf, "Spring")
    made(rolf, "Other", products=[{"id": "other"}])
    shop = Shop(promotions)
    row = shop.row(CartCampaign, name="Other")
    shop.change(CartCampaign, {"name": "Other"}, name="SPRING", name_folded=f"spring\n{row.id}")
    assert quantities_in(added(shopper, mktop="SPRING")) == {}
    for spelling in ("Spring", "spring"):
        assert quantities_in(added(shopper, mktop=spelling)) == {"base": 1}
    read = ok(rolf.get(f"/marketing/campaigns/{row.id}"))
    assert ok(rolf.put(f"/marketing/campaigns/{row.id}", json=read))["name"] == "SPRING"


def test_a_link_into_the_checkout_ignores_unknown_parameters(shopper):
    """D64: marks of those who count, cache busters, whatever they hold; the other routes of a cart too."""
    junk = "utm_source=x&gclid=&_=1&utm_term=%ff%00&%00=1&colour[]=red&Product=other"
    cart = from_link(shopper, f"product=base&{junk}")
    assert quantities_in(cart) == {"base": 1}
    assert ok(shopper.get(f"{SHOP}/carts/{cart['id']}?{junk}")) == cart
    ok(shopper.put(f"{SHOP}/carts/{cart['id']}/items/base?{junk}", json={"quantity": 2}))
    assert shopper.delete(f"{SHOP}/carts/{cart['id']}?{junk}").status_code == 204


CURRENCIES = [
    ("JPY", "575.34", ("575", "1725"), "0"),
    ("JPY", "575.5", ("576", "1728"), "0"),
    ("SEK", "19.9", ("19.90", "59.70"), "0.00"),
    ("KWD", "19.99", ("19.990", "59.970"), "0.000"),
    ("KWD", "0.0005", ("0.001", "0.003"), "0.000"),
]


@pytest.mark.parametrize(("currency", "price", "shown", "nothing"), CURRENCIES)
def test_a_cart_says_its_currency_and_has_its_decimals(shopper, promotions, currency, price, shown, nothing):
    """D9: prices that were stored finer than the currency are rounded half up, and the total is of what is shown."""
    shop = Shop(promotions)
    shop.change(Settings, {}, currency=currency)
    shop.change(Product, {"product_uid": "base"}, price=Decimal(price))
    cart = added(shopper, quantity=3)
    [item] = cart["items"]
    assert (cart["currency"], item["unitPrice"], cart["total"]) == (currency, *shown)
    assert item["listPrice"] == item["unitPrice"]
    assert put(shopper, cart, "base", 0)["total"] == nothing


def test_the_missing_base_is_named(rolf, shopper):
    """D54: linked to base and other, of which one is in the cart."""
    address = made(rolf)
    for base in ("base", "other"):
        linked(rolf, address, base=base)
    for there, missing in (("base", "other"), ("other", "base")):
        cart = more(shopper, added(shopper, there, mktop="spring"), "extra")
        item = cart["items"][1]
        assert (item["linkedTo"], item["removedBecause"]) == (missing, "base_product_missing")
        assert item["removedDetail"] == f"It goes only with {missing}, which is not in the cart."
        assert ok(shopper.get(f"{SHOP}/carts/{cart['id']}")) == cart


def test_a_link_to_an_unknown_product_empties_no_cart(rolf, shopper):
    """D68: it is ignored, and the cart says so; once the catalogue has the base, it counts."""
    linked(rolf, made(rolf), base="bsae")
    cart = added(shopper, "extra", mktop="spring")
    assert (quantities_in(cart), [item["code"] for item in cart["warnings"]]) == (
        {"extra": 1},
        ["unknown_base_product"],
    )
    assert "bsae" in cart["warnings"][0]["message"]
    assert cart["items"][0]["linkedTo"] is None
    assert "warnings" not in added(shopper, "other", mktop="spring")
    ok(rolf.post(f"{MINE}/products", json={"products": [{"productUid": "bsae", "name": "B", "price": 1}]}))
    seen = ok(shopper.get(f"{SHOP}/carts/{cart['id']}"))
    assert (gone(seen), "warnings" in seen) == ({"extra": "base_product_missing"}, False)


def test_a_variant_is_as_good_as_a_product_in_linked_products(rolf, shopper):
    """D68: it means that variant only, as base and as linked product."""
    address = made(rolf)
    linked(rolf, address, base="shirt-s", linked="extra")
    linked(rolf, address, base="base", linked="shirt-xl")
    products = "product=shirt&product=shirt-s&product=extra"
    cart = from_link(shopper, f"mktop=spring&{products}&quantity=2&quantity=1&quantity=2")
    assert quantities_in(cart) == {"shirt": 2, "shirt-s": 1, "extra": 1}
    cart = from_link(shopper, f"cart={cart['id']}&product=shirt-xl", 200)
    assert gone(cart) == {"shirt-xl": "base_product_missing"}


def test_a_variant_that_stands_on_a_list_itself_has_that_price(rolf, shopper):
    """D68, S4-27, S1-34: on the chain's list, and on the campaign's before it."""
    lists = {"chain": {"shirt": "25.00", "shirt-xl": "27.00"}, "low": {"shirt": "20.00", "shirt-s": "9.00"}}
    for uid, prices in lists.items():
        products = [{"productUid": product, "price": price} for product, price in prices.items()]
        ok(rolf.post(f"{MINE}/pricelists", json={"pricelistUid": uid, "name": uid, "products": products}), 201)
    ok(rolf.put(f"{MINE}/settings", json={"pricelistUid": "chain"}))
    made(rolf, pricelistUid="low")
    cart = from_link(shopper, "mktop=spring&product=shirt&product=shirt-s&product=shirt-xl")
    shown = {item["productId"]: (item["unitPrice"], item["listPrice"]) for item in cart["items"]}
    assert shown == {"shirt": ("20.00", "25.00"), "shirt-s": ("9.00", "25.00"), "shirt-xl": ("20.00", "27.00")}


IDS = ["a/b", "A-1_2.3", "50%", "a;b", "a:b", "a\\b", "a b", "%2F", "Größe/4", "a?b#c"]


@pytest.mark.parametrize("product_id", IDS)
def test_a_product_of_any_letters_can_be_addressed(rolf, shopper, product_id):
    """D60: in a link, an item's path, a filter and linked products, percent-encoded."""
    ok(rolf.post(f"{MINE}/products", json={"products": [{"productUid": product_id, "name": "P", "price": 1}]}))
    address = made(rolf, products=[{"id": product_id}])
    pair = linked(rolf, address, base=product_id)
    cart = added(shopper, product_id, mktop="spring")
    assert quantities_in(cart) == {product_id: 1}
    path = f"{SHOP}/carts/{cart['id']}/items/{quote(product_id, safe='')}"
    assert quantities_in(ok(shopper.put(path, json={"quantity": 3}))) == {product_id: 3}
    assert quantities_in(ok(shopper.put(path, json={"quantity": 0}))) == {}
    items = ok(rolf.get("/marketing/campaigns", query_string={"products.id": product_id}))["items"]
    assert [item["products"][0]["id"] for item in items] == [product_id]
    [only] = ok(rolf.get("/marketing/linked-products", query_string={"baseProduct.id": product_id}))["items"]
    assert pair.endswith(only["id"])


def test_spaces_around_a_key_count_in_no_query(rolf, shopper):
    """D60: as they count in no path and no body, also not around a customer's."""
    address = made(rolf, products=[{"id": " base "}], customerId=" shop-1 ")
    linked(rolf, address, base=" base ", linked=" extra ", customerId=" shop-1 ")
    cart = from_link(shopper, "mktop=spring&customerId=%20shop-1%20&product=%20base%20")
    assert (quantities_in(cart), cart["campaign"]["applied"]) == ({"base": 1}, True)
    for path, filters in (
        ("/marketing/campaigns", {"products.id": " base ", "customerId": " shop-1 "}),
        (
            "/marketing/linked-products",
            {"baseProduct.id": " base ", "linkedProduct.id": "extra ", "customerId": "shop-1 "},
        ),
    ):
        for name, value in filters.items():
            [only] = ok(rolf.get(path, query_string={name: value}))["items"]
            assert only["customerId"] == "shop-1"


def test_the_document_says_that_a_link_can_be_too_long(shopper):
    """A hundred long ids do not fit into a request line, which the server refuses before anybody reads them."""
    described = shopper.get("/openapi.json").json["paths"]["/shops/{shop}/checkout/add"]
    assert all("414" in described[method]["responses"] for method in ("get", "post"))
