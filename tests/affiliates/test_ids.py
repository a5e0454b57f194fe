"""Ids that merchants give: whatever is taken in a body is reached in a path (D60)."""

from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.affiliates.helpers import CONVERSIONS, KEYED, everything, ok, order, refused, reported
from tests.plugin.matrix import generated

PRODUCTS = f"{KEYED}/products"
LETTERS = st.characters(categories=("L", "Nd"), max_codepoint=0x2FFFF) | st.sampled_from("-_./:%;\\ ")


def in_path(text: str) -> str:
    return quote(text, safe="")


@given(st.text(LETTERS, min_size=1, max_size=30))
@example("INV/2026/00001")
@example("/")
@example("//a//")
@example("...")
@example("a/status")
@example("preview")
@example("status")
@example("100%")
@example("%2F")
@example("a;b\\c")
@generated(20)
def test_every_id_that_is_taken_is_reached(shop, text):
    """D60: orders and products, to read and to change; what cannot be addressed is refused when it is written."""
    product = {"externalId": text, "name": "Shoes", "price": 1}
    answer = shop.post(CONVERSIONS, json=order(text))
    (result,) = ok(shop.post(PRODUCTS, json={"products": [product]}), 202)["results"]
    assert (answer.status_code == 202) == (result["status"] != "rejected")
    if answer.status_code != 202:
        refused(answer, 400, "externalOrderId")
        assert text.strip() in ("", ".", "..")
        return
    order_id = answer.json["externalOrderId"]
    assert ok(shop.get(f"{CONVERSIONS}/{in_path(order_id)}"))["externalOrderId"] == order_id
    changed = ok(shop.post(f"{CONVERSIONS}/{in_path(order_id)}/status", json={"status": "confirmed"}))
    assert (changed["externalOrderId"], changed["orderStatus"]) == (order_id, "confirmed")
    refund = {"status": "refunded", "refundAmount": "1.00", "refundId": text}
    assert ok(shop.post(f"{CONVERSIONS}/{in_path(order_id)}/status", json=refund))["refundedAmount"] == "1.00"
    assert ok(shop.get(f"{PRODUCTS}/{in_path(order_id)}"))["externalId"] == order_id


@pytest.mark.parametrize("bad", [".", "..", " .. ", "", "a\nb", "a\x00b", "a\u202eb", "a\u2028b", "x" * 201])
def test_what_no_path_can_name_is_refused(shop, affiliates, bad):
    """D60."""
    ok(shop.put(f"{KEYED}/settings", json={}))
    before = everything(affiliates)
    for body in (order(bad), order("A-1", items=[{"externalId": bad, "amount": "1"}])):
        assert shop.post(CONVERSIONS, json=body).status_code == 400
    product = {"externalId": bad, "name": "Shoes", "price": 1}
    answer = shop.post(PRODUCTS, json={"products": [product]})
    assert answer.status_code == 400 or answer.json["results"][0]["status"] == "rejected"
    assert everything(affiliates) == before


def test_an_id_with_a_slash_is_no_other_one(shop, otto):
    """D60, S2-22."""
    reported(shop, "INV/2026/1")
    refused(shop.get(f"{CONVERSIONS}/INV"), 404)
    refused(otto.get(f"{CONVERSIONS}/INV%2F2026%2F1"), 404)
    refused(shop.get(f"{CONVERSIONS}/{uuid4()}%2Fstatus"), 404)
    assert ok(shop.get(f"{CONVERSIONS}/INV/2026/1"))["externalOrderId"] == "INV/2026/1"  # as it was before


def test_spaces_around_an_id_count_nowhere(shop):
    """D60: not in a body, a path or a filter."""
    reported(shop, " INV 1 ")
    assert ok(shop.get(f"{CONVERSIONS}/%20INV%201%20"))["externalOrderId"] == "INV 1"
    [only] = ok(shop.get(f"{CONVERSIONS}?externalOrderId=%20INV%201%20"))["items"]
    assert only["externalOrderId"] == "INV 1"
