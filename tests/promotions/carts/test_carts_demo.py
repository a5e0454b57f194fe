"""The demo's retailer: what the tour shows of its stores and carts."""

from concord import demo_carts
from tests.promotions.helpers import ok


class Poster:
    """Rolf, as the demo has him."""

    def __init__(self, client):
        self.client = client

    def post(self, path, body=None):
        answer = self.client.post(path, json=body)
        assert answer.status_code in (200, 201), answer.get_data(as_text=True)
        return answer.json


def test_the_demo_has_a_store_campaign_and_a_link_into_the_checkout(promotions, rolf):
    """S3-5, S4-22, S4-24, S4-27."""
    demo_carts.stores_and_carts(Poster(rolf), slug="fjord-retail")
    [weeks] = ok(rolf.get("/stores/company/fjord-retail/campaigns"))["items"]
    assert (weeks["status"], weeks["store_ids"]) == ("active", ["bergen", "oslo"])
    shopper, add = promotions.client(None), "/shops/fjord-retail/checkout/add"
    cart = ok(shopper.get(f"{add}?mktop=drill-days&product=drill-18v&quantity=2"), 201)
    cart = ok(shopper.post(f"{add}?product=battery-5ah&quantity=5&cart={cart['id']}"))
    shown = {item["productId"]: (item["quantity"], item["unitPrice"]) for item in cart["items"]}
    assert shown == {"drill-18v": (2, "999.00"), "battery-5ah": (2, "399.00")}
    assert cart["total"] == "2796.00"
