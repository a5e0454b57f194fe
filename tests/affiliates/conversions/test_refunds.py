"""Refunds of single lines: each takes back what it earned, once, and never more than there was."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.errors import Invalid
from services.affiliates.commissions.ledger_rules import OrderState, OrderStatus, remaining
from services.affiliates.conversions.refund_rules import Line, RefundItem, lines_taken_back, refund_items
from tests.affiliates.helpers import (
    CONVERSIONS,
    KEYED,
    activated,
    everything,
    linked,
    ok,
    refused,
    reported,
    settled,
    without_links_in_memory,
)
from tests.plugin.matrix import generated

SHOES = {"externalId": "shoes", "quantity": 2, "amount": "100.00"}
BAG = {"externalId": "bag", "quantity": 1, "amount": "50.00"}  # earns nothing
SOCKS = {"externalId": "socks", "quantity": 3, "amount": "10.00"}


@pytest.fixture
def sell(shop, affiliates):
    """Reports an order of these lines under a click: shoes earn 20 per cent, the bag nothing, the rest 12."""
    without_links_in_memory(affiliates)
    products = [
        {"externalId": "shoes", "name": "Shoes", "price": 50, "commissionType": "PERCENTAGE", "commissionValue": "20"},
        {"externalId": "bag", "name": "Bag", "price": 50, "commissionType": "PERCENTAGE", "commissionValue": "0"},
    ]
    ok(shop.post(f"{KEYED}/products", json={"products": products}), 202)
    code = linked(shop, activated(shop))

    def report(*items, number="A-1", amount="200.00", weigh=True):
        click_id = affiliates.client(None).get(f"/r/{code}").headers["Location"].partition("clickId=")[2]
        reported(shop, number, clickId=click_id, orderAmount=amount, items=list(items))
        if weigh:
            settled(affiliates)
        return f"{CONVERSIONS}/{number}/status"

    return report


def refund(client, address, *items, **more):
    return client.post(address, json={"status": "refunded", "items": list(items)} | more)


def taken(answer):
    """What each line has taken back."""
    return [line["takenBack"] for line in ok(answer)["items"]]


def by_product(client):
    rows = ok(client.get(f"{KEYED}/reports?by=product"))["items"]
    return {row["key"]: (row["commission"][0]["held"], row["commission"][0]["reversed"]) for row in rows}


def held(client):
    return ok(client.get(f"{KEYED}/ledger/balances"))["items"][0]["held"]


def test_a_line_takes_back_what_it_earned(shop, sell, affiliates):
    """S2-27: and one that earned nothing takes nothing back; ledger, report and event follow."""
    address = sell(SHOES, BAG, SOCKS)
    nothing = ok(refund(shop, address, {"externalId": "bag"}))
    assert (nothing["orderStatus"], nothing["refundedAmount"], nothing["commission"]) == ("pending", "50.00", "21.20")
    assert affiliates.events("affiliates.CommissionReversed.v1") == []
    half = ok(refund(shop, address, {"externalId": "shoes", "quantity": 1}))
    assert (half["refundedAmount"], half["commission"]) == ("100.00", "11.20")
    assert half["items"][0] == SHOES | {
        "commission": "20.00",
        "commissionLevel": "product",
        "refundedQuantity": 1,
        "refundedAmount": "50.00",
        "takenBack": "10.00",
    }
    assert taken(refund(shop, address, {"externalId": "socks", "amount": "5.00"})) == ["10.00", "0.00", "0.60"]
    assert held(shop) == "10.60"
    assert by_product(shop) == {"shoes": ("10.00", "10.00"), "bag": ("0.00", "0.00"), "socks": ("0.60", "0.60")}
    reversals = affiliates.events("affiliates.CommissionReversed.v1")
    assert [(event["data"]["reversed"], event["data"]["remaining"]) for event in reversals] == [
        ("10.00", "11.20"),
        ("0.60", "10.60"),
    ]
    causes = [entry["cause"] for entry in ok(shop.get(f"{KEYED}/ledger"))["items"]]
    assert sorted(causes) == ["credited", "refunded", "refunded"]
    listed = ok(shop.get(CONVERSIONS))["items"][0]
    assert listed["commission"] == ok(shop.get(f"{CONVERSIONS}/A-1"))["commission"] == "10.60"


@pytest.mark.parametrize(
    ("item", "field", "words"),
    [
        ({"externalId": "shoes", "quantity": 2}, "items.0.quantity", "Only 1"),
        ({"externalId": "shoes", "amount": "50.01"}, "items.0.amount", "50.00"),
        ({"externalId": "hat"}, "items.0.externalId", "no such line"),
        ({"externalId": "shoes", "amount": "0"}, "amount", "more than nothing"),
        ({"externalId": "shoes", "quantity": 0}, "quantity", ""),
        ({"externalId": "shoes", "quantity": -1}, "quantity", ""),
        ({"externalId": "shoes", "colour": "red"}, "colour", ""),
        ({}, "externalId", ""),
    ],
)
def test_no_more_is_refunded_than_is_left_of_a_line(shop, sell, affiliates, item, field, words):
    """S2-27: by pieces and by amount; a refusal changes nothing."""
    address = sell(SHOES, BAG, SOCKS, amount="160.00")
    ok(refund(shop, address, {"externalId": "shoes", "quantity": 1}))
    before = everything(affiliates)
    (message, *_) = refused(refund(shop, address, item), 400, words)
    assert field in message
    assert everything(affiliates) == before


def test_no_more_is_refunded_than_is_left_of_an_order(shop, sell, affiliates):
    """S2-27: a refusal changes nothing."""
    address = sell(SHOES, BAG, SOCKS, amount="160.00")
    ok(refund(shop, address, {"externalId": "shoes", "quantity": 1}))
    before = everything(affiliates)
    refused(refund(shop, address, {"externalId": "shoes"}, {"externalId": "shoes"}), 400, "items.1")
    refused(refund(shop, address), 400, "items")
    for status in ("confirmed", "returned", "cancelled", "pending"):
        refused(refund(shop, address, {"externalId": "bag"}, status=status), 400, "items")
    refused(refund(shop, address, {"externalId": "bag"}, refundAmount="49.99"), 400, "refundAmount")
    refused(refund(shop, address, {"externalId": "bag"}, refundAmount="110.01"), 400, "refundAmount")
    assert everything(affiliates) == before
    ok(refund(shop, address, {"externalId": "shoes"}))
    refused(refund(shop, address, {"externalId": "shoes"}), 400, "Nothing of the line is left")


def test_an_order_without_lines_has_none_to_refund(shop, sell):
    refused(refund(shop, sell(), {"externalId": "shoes"}), 400, "no such line")


def test_the_same_refund_counts_once(shop, sell, affiliates):
    """S2-27: by its refundId, however often and whatever became of the order; with other contents it is refused."""
    address = sell(SHOES, BAG)
    item = {"externalId": "shoes", "quantity": 1}
    first = ok(refund(shop, address, item, refundId="R-1"))
    before = everything(affiliates)
    assert ok(refund(shop, address, item, refundId="R-1")) == first
    assert ok(refund(shop, address, item | {"amount": None}, refundId="R-1", refundAmount="50.00")) == first
    for other in ({"externalId": "shoes"}, {"externalId": "bag", "quantity": 1}, item | {"amount": "50.00"}):
        refused(refund(shop, address, other, refundId="R-1"), 409, "50.00")
    refused(shop.post(address, json={"status": "refunded", "refundAmount": "50", "refundId": "R-1"}), 409)
    assert everything(affiliates) == before
    ok(shop.post(address, json={"status": "refunded"}))
    assert ok(refund(shop, address, item, refundId="R-1"))["orderStatus"] == "refunded"
    refused(refund(shop, address, item, refundId="R-2"), 409, "final")


def test_refunds_at_once_count_each_once(shop, sell, affiliates):
    """S2-27: eight reports of the same refund, and eight of one piece where there are two."""
    address = sell(SHOES, BAG, SOCKS)
    item = {"externalId": "socks", "quantity": 1}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refund(shop, address, item, refundId="R-1"), range(8)))
        assert {taken(answer)[2] for answer in answers} == {"0.40"}
        pieces = list(pool.map(lambda _: refund(shop, address, {"externalId": "shoes", "quantity": 1}), range(8)))
    assert sorted(answer.status_code for answer in pieces) == [200] * 2 + [400] * 6
    conversion = ok(shop.get(f"{CONVERSIONS}/A-1"))
    assert ([line["takenBack"] for line in conversion["items"]], conversion["commission"]) == (
        ["20.00", "0.00", "0.40"],
        "0.80",
    )
    assert held(shop) == "0.80"


def test_lines_and_amounts_may_be_refunded_of_one_order(shop, sell):
    """S2-27: what names no line takes back in proportion to the order, and every way they come to the same."""
    address = sell(SHOES, BAG, SOCKS)
    ok(shop.post(address, json={"status": "refunded", "refundAmount": "20.00"}))  # a tenth of 21.20
    mixed = ok(refund(shop, address, {"externalId": "socks"}, refundAmount="30.00"))  # 10.00 of the line, 20.00 of none
    assert (mixed["refundedAmount"], mixed["commission"]) == ("50.00", "15.76")
    assert sum(Decimal(line["takenBack"]) for line in mixed["items"]) == Decimal("5.44")
    assert held(shop) == "15.76"
    assert sum(Decimal(row[1]) for row in by_product(shop).values()) == Decimal("5.44")
    whole = ok(refund(shop, address, {"externalId": "shoes"}, {"externalId": "bag"}))
    assert (whole["orderStatus"], whole["commission"], whole["commissionState"]) == ("refunded", "0.00", "REVERSED")
    assert [line["takenBack"] for line in whole["items"]] == ["20.00", "0.00", "1.20"]
    assert held(shop) == "0.00"
    assert sum(Decimal(row[0]) for row in by_product(shop).values()) == 0


def test_a_product_on_two_lines_is_refunded_line_by_line(shop, sell):
    address = sell(SHOES, BAG, SHOES | {"quantity": 1, "amount": "30.00"})
    assert taken(refund(shop, address, {"externalId": "shoes", "quantity": 3})) == ["20.00", "0.00", "6.00"]
    again = sell(SHOES, BAG, SHOES | {"quantity": 1, "amount": "30.00"}, number="A-2", amount="180.00")
    assert taken(refund(shop, again, {"externalId": "shoes", "amount": "115.00"})) == ["20.00", "0.00", "3.00"]


def test_pieces_are_taken_only_of_lines_that_have_some(shop, sell):
    """S2-27: a line whose pieces all came back for less than they cost gives nothing to a refund of the next one's."""
    address = sell(SHOES, SHOES)
    ok(refund(shop, address, {"externalId": "shoes", "quantity": 2, "amount": "25.00"}))
    answer = ok(refund(shop, address, {"externalId": "shoes", "quantity": 1}))
    assert [line["refundedAmount"] for line in answer["items"]] == ["25.00", "50.00"]
    assert (answer["refundedAmount"], taken(refund(shop, address, {"externalId": "shoes"}))) == ("75.00", ["20.00"] * 2)


def test_a_refund_before_the_order_is_weighed_counts(shop, sell, affiliates):
    """S2-27: in whatever order things are told."""
    address = sell(SHOES, BAG, weigh=False)
    waiting = ok(refund(shop, address, {"externalId": "shoes", "quantity": 1}))
    assert (waiting["commission"], waiting["items"][0]["refundedAmount"]) == (None, "50.00")
    settled(affiliates)
    conversion = ok(shop.get(f"{CONVERSIONS}/A-1"))
    assert (conversion["commission"], conversion["items"][0]["takenBack"]) == ("10.00", "10.00")
    assert held(shop) == "10.00"


def test_a_line_that_cost_nothing_goes_by_its_pieces(shop, sell):
    free = {"externalId": "gift", "quantity": 2, "amount": "0.00"}
    address = sell(free, amount="0.00")
    answer = ok(refund(shop, address, {"externalId": "gift", "quantity": 1}))
    assert (answer["orderStatus"], answer["items"][0]["refundedQuantity"]) == ("pending", 1)
    assert ok(refund(shop, address, {"externalId": "gift"}))["orderStatus"] == "refunded"


CENTS = st.decimals(Decimal(0), Decimal(100), places=2)
LINES = st.lists(st.builds(Line, st.sampled_from("abc"), st.integers(1, 5), CENTS, CENTS), min_size=1, max_size=4)
ITEMS = st.lists(
    st.builds(RefundItem, st.sampled_from("abcd"), st.none() | st.integers(1, 5), st.none() | CENTS), max_size=6
)


@given(LINES, ITEMS, CENTS, st.booleans())
def test_lines_take_back_no_more_than_they_earned(lines, items, at_large, undone):
    """S2-27: whatever is refunded in whatever order, and together as much as the order does."""
    amount = sum((line.amount for line in lines), Decimal(1))
    commission = sum((line.commission for line in lines), Decimal(0))
    after = lines
    for item in items:
        try:
            after = refund_items(after, [item], "EUR")
        except Invalid:
            continue
    for line in after:
        assert 0 <= line.refunded <= line.amount
        assert 0 <= line.refunded_quantity <= line.quantity
    by_item = sum((line.refunded for line in after), Decimal(0))
    by_name = sum((line.taken_back("EUR") for line in after), Decimal(0))
    refunded = by_item + min(at_large, amount - by_item)
    status = OrderStatus.CANCELLED if undone else OrderStatus.PENDING
    state = OrderState(status, amount, "EUR", refunded, by_item, by_name)
    taken_back = lines_taken_back(commission, state, after)
    assert sum(taken_back) == commission - remaining(commission, state)
    for part, line in zip(taken_back, after, strict=True):
        assert 0 <= part <= line.commission


@given(data=st.data())
@generated(10)
def test_the_ledger_and_the_reports_agree_after_any_refunds(shop, affiliates, sell, data):
    """S2-27: sums of the ledger are what the conversion says, and the products' sums are the ledger's."""
    number = uuid4().hex[:8]
    address = sell(SHOES, BAG, SOCKS, number=number)
    for _ in range(data.draw(st.integers(0, 5))):
        item = {"externalId": data.draw(st.sampled_from(["shoes", "bag", "socks"]))}
        if data.draw(st.booleans()):
            item["quantity"] = data.draw(st.integers(1, 3))
        body = {"status": "refunded"} | data.draw(
            st.sampled_from([{"items": [item]}, {"refundAmount": "7.77"}, {"items": [item], "refundAmount": "60.00"}])
        )
        assert shop.post(address, json=body).status_code in (200, 400, 409)
    conversion = ok(shop.get(f"{CONVERSIONS}/{number}"))
    entries = ok(shop.get(f"{KEYED}/ledger?externalOrderId={number}&pageSize=200"))["items"]
    assert sum(Decimal(entry["amount"]) for entry in entries) == Decimal(conversion["commission"])
    back = sum(Decimal(line["takenBack"]) for line in conversion["items"])
    assert back == Decimal(conversion["commissionCredited"]) - Decimal(conversion["commission"])
    assert sum(Decimal(row[0]) for row in by_product(shop).values()) == Decimal(held(shop))
