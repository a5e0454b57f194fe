"""A shop and look-ups that the tests of carts share."""

from tests.promotions.helpers import ok

SHOP = "/shops/fjord-retail"
ADD = f"{SHOP}/checkout/add"
PRODUCTS = [
    {"productUid": "base", "name": "Printer", "price": "100.00"},
    {"productUid": "extra", "name": "Toner", "price": "20.50"},
    {"productUid": "other", "name": "Cable", "price": "7.00"},
    {
        "productUid": "shirt",
        "name": "Shirt",
        "price": "30.00",
        "variants": [{"variantUid": "shirt-s"}, {"variantUid": "shirt-xl", "price": "33.00"}],
    },
]


def added(client, product="base", status=201, **query):
    """The cart after a product was put in."""
    return ok(client.get(ADD, query_string={"product": product} | query), status)


def more(client, cart, product, **query):
    return added(client, product, 200, cart=cart["id"], **query)


def put(client, cart, product, quantity):
    return ok(client.put(f"{SHOP}/carts/{cart['id']}/items/{product}", json={"quantity": quantity}))


def quantities_in(cart) -> dict[str, int]:
    """What a cart holds."""
    return {item["productId"]: item["quantity"] for item in cart["items"] if item["quantity"]}


def gone(cart) -> dict[str, str]:
    """What was removed from a cart, and why."""
    return {item["productId"]: item["removedBecause"] for item in cart["items"] if not item["quantity"]}


def reason(cart):
    return cart["campaign"]["applied"], cart["campaign"]["reason"]
