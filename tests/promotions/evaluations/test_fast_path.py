"""An order that is read at once is what its fields make of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from services.promotions.evaluations import fast_path
from services.promotions.evaluations.order_schemas import OrderIn
from tests.plugin.matrix import generated

plain_uid = st.text("aB1-_", min_size=1, max_size=3)
plain_price = st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,4})?", fullmatch=True, alphabet=st.characters(codec="ascii"))
plain_quantity = st.integers(1, 3000) | st.sampled_from([2.0, 1e0, 0.335, 0.1 + 0.2, "2", "2.000", "0.75"])
plain_line = st.fixed_dictionaries(
    {"lineId": plain_uid, "productUid": plain_uid, "quantity": plain_quantity},
    optional={
        "unitPrice": plain_price | st.none() | st.integers(0, 999) | st.sampled_from([99.5, 0.25]),
        "priceLocked": st.booleans(),
    },
)
plain = st.fixed_dictionaries(
    {
        "storeUid": plain_uid,
        "lines": st.lists(plain_line, min_size=1, max_size=3, unique_by=lambda line: line["lineId"]),
    },
    optional={
        "currency": st.sampled_from(["NOK", "EUR", None]),
        "campaignCodes": st.lists(plain_uid, max_size=3),
        "customerGroupUid": plain_uid | st.none(),
    },
)
odd_uid = st.text("aB1-_. /é", max_size=3)
odd = [
    (("storeUid",), odd_uid | st.none()),
    (("currency",), st.sampled_from(["nok", "N0K", "ΝΟΚ", "NOKK", "NOK\n", "", 1, "ZZZ", []])),
    (
        ("campaignCodes",),
        st.lists(odd_uid, max_size=3) | st.sampled_from([None, {}, "a", [None], ["a"] * 51, [" a "], ["", "a", None]]),
    ),
    (("customerGroupUid",), odd_uid | st.just(1)),
    (("colour",), st.just("red")),
    (("lines",), st.sampled_from([None, {}, [], "a", [None]])),
    (("lines", 0, "lineId"), odd_uid | st.none()),
    (("lines", 0, "productUid"), odd_uid | st.sampled_from(["a" * 101, "a\n", None])),
    (
        ("lines", 0, "quantity"),
        st.sampled_from([0, -1, 10_001, 1.0, True, "1", None, 2.5, "-1", 0.0001, "1.2345", "x", -0.0, 1e300, 10**400]),
    ),
    (
        ("lines", 0, "unitPrice"),
        st.decimals(-1, 10**12, places=3).map(str)
        | st.floats()
        | st.sampled_from(["1.", ".5", True, "१", "1e2", "1.500", "29.99000", 0.1 + 0.2, "-1", 10**12, "1\n"]),
    ),
    (("lines", 0, "priceLocked"), st.sampled_from([None, "true", 1])),
    (("lines", 0, "returnOf"), st.sampled_from([None, {}, {"evaluationId": "x", "lineId": "1"}])),
    (("lines", 0, "colour"), st.just("red")),
]


def read(order):
    """What is made of an order, or what is wrong with it."""
    try:
        return OrderIn().load(order)
    except ValidationError as error:
        return error.messages


def plainly(value):
    """As it reads, whatever zeros an amount ends with."""
    if isinstance(value, dict):
        return {key: plainly(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plainly(member) for member in value]
    return f"Decimal {value.normalize():f}" if isinstance(value, Decimal) else repr(value)


def by_fields(order):
    """The same without what is read at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fast_path, "read_order", lambda _order: None)
        patched.setattr(fast_path, "read_lines", lambda _lines: None)
        return read(order)


def line_of(line_id, quantity=1):
    return {"lineId": line_id, "productUid": "jeans", "quantity": quantity}


@given(plain)
@generated(200)
def test_a_usual_order_is_read_at_once(order):
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr(Schema, "load")
        at_once = OrderIn().load(order)
    assert plainly(at_once) == plainly(by_fields(order))


@given(plain, st.sampled_from(odd), st.data())
@generated(500)
def test_both_ways_agree_about_unusual_orders(order, place, data):
    (*path, key), values = place
    parent = order
    for step in path:
        parent = parent[step]
    parent[key] = data.draw(values)
    assert plainly(read(order)) == plainly(by_fields(order))


@pytest.mark.parametrize(
    "lines",
    [
        [line_of("a"), line_of("a")],
        [line_of(str(n)) for n in range(1001)],
        [line_of("a", 6000), line_of("b", 5000)],
    ],
    ids=["one id twice", "too many lines", "too many units"],
)
def test_both_ways_refuse(lines):
    order = {"storeUid": "oslo-1", "lines": lines}
    assert "store_uid" not in read(order)
    assert read(order) == by_fields(order)
