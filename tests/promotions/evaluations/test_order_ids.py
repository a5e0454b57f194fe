"""An order's id can have any letters, and is reached percent-encoded (D60)."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.plugin.matrix import generated
from tests.promotions.evaluations.shop import Shop, order
from tests.promotions.helpers import MINE, everything, is_problem, ok

LETTERS = "aZ9-_./:%;\\ "


@pytest.fixture
def evaluation(promotions, till):
    shop = Shop(promotions)
    shop.store()
    shop.product("jeans")
    return ok(till.post(f"{MINE}/orders/evaluate", json=order(("jeans", 1))))["evaluationId"]


def address(order_id):
    return f"{MINE}/orders/{quote(order_id, safe='')}/reservation"


def goes_through(client, order_id, evaluation):
    reservation = ok(client.post(address(order_id), json={"evaluationId": evaluation}))
    assert reservation["orderId"] == order_id.strip()
    assert ok(client.get(address(order_id))) == reservation
    assert ok(client.post(f"{address(order_id)}/commit"))["status"] == "committed"
    assert ok(client.post(f"{address(order_id)}/release"))["orderId"] == order_id.strip()


@pytest.mark.parametrize(
    "order_id",
    ["INV/2026/00001", "a/reservation", "a%2Fb", "a;b", "\\a", "50 %", "...", "a/../b", "Ordre № 5", "x" * 100],
)
def test_an_order_is_reached_by_its_id(evaluation, till, order_id):
    goes_through(till, order_id, evaluation)


@given(order_id=st.text(LETTERS, min_size=1, max_size=12).filter(lambda text: text.strip() not in ("", ".", "..")))
@generated(25)
def test_any_text_of_letters_digits_and_signs_is_an_id(evaluation, till, order_id):
    goes_through(till, order_id, evaluation)


@pytest.mark.parametrize("order_id", [".", "..", " . ", " ", "\u200b", "a\nb", "a\u202eb", "x" * 101])
def test_an_order_id_that_no_path_can_have_is_refused(promotions, evaluation, till, order_id):
    before = everything(promotions)
    answer = till.post(address(order_id), json={"evaluationId": evaluation})
    assert answer.status_code in (400, 422)
    is_problem(answer, answer.status_code, answer.json["code"])
    assert everything(promotions) == before
