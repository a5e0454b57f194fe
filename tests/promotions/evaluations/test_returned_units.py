"""Returned units in an order (D69): a line below 0 takes back what its units were bought for."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from chassis.core.principal import Principal, acting_as
from services.promotions.catalogue.models import Settings
from services.promotions.evaluations.models import Evaluation, UnitReturn
from tests.promotions.evaluations.shop import Shop, order, socks
from tests.promotions.helpers import BERGEN, HERS, MINE, count, everything, fields_of, is_problem, ok

EVALUATE = f"{MINE}/orders/evaluate"


@pytest.fixture
def shop(promotions):
    shop = Shop(promotions)
    shop.store()
    shop.product("socks", "49.90")
    shop.product("jeans", 800)
    shop.campaign("3for2socks", **socks())
    return shop


def evaluated(client, *lines, **more):
    return ok(client.post(EVALUATE, json=order(*lines, **more)))


def back(evaluation, quantity=-1, line="1", product="socks", line_id="back", **units):
    """A line of returned units."""
    origin = {"evaluationId": evaluation["evaluationId"], "lineId": line} | units
    return {"lineId": line_id, "productUid": product, "quantity": quantity, "returnOf": origin}


def with_returns(client, returned, *lines):
    asked = order(*lines)
    asked["lines"] += returned
    return client.post(EVALUATE, json=asked)


def reservation(client, order_id, evaluation, verb=""):
    body = {} if verb else {"json": {"evaluationId": evaluation["evaluationId"]}}
    return client.post(f"{MINE}/orders/{order_id}/reservation{verb}", **body)


def returned_of(client, evaluation):
    return ok(client.get(f"{MINE}/orders/evaluations/{evaluation['evaluationId']}/returns"))


def test_a_returned_unit_takes_back_what_it_was_paid_with(shop, till):
    """The unit with the largest discount first, as with returns by themselves; the net total may be below 0."""
    bought = evaluated(till, ("socks", 3), ("jeans", 1))
    free = ok(with_returns(till, [back(bought)]))
    assert free["lines"] == [
        {
            "lineId": "back",
            "productUid": "socks",
            "quantity": -1,
            "unitPrice": "49.90",
            "gross": "-49.90",
            "discount": "-49.90",
            "net": "0.00",
            "units": [{"discount": "-49.90", "campaigns": [{"campaignUid": "3for2socks", "amount": "-49.90"}]}],
            "returnOf": {"evaluationId": bought["evaluationId"], "lineId": "1", "units": [0]},
        }
    ]
    assert free["totals"] == {"gross": "-49.90", "discount": "-49.90", "net": "0.00", "returned": "0.00"}
    both = ok(with_returns(till, [back(bought, -2), back(bought, "-1.0", "2", "jeans", "b")], ("socks", 1)))
    assert [line["lineId"] for line in both["lines"]] == ["1", "back", "b"]
    assert both["totals"] == {"gross": "-849.90", "discount": "-49.90", "net": "-800.00", "returned": "849.90"}
    assert ok(till.get(f"{MINE}/orders/evaluations/{both['evaluationId']}")) == both


def test_they_take_no_part_in_campaigns(shop, till):
    """Neither do they count for thresholds, nor does a campaign of today touch them; the order of lines stays."""
    bought = evaluated(till, ("socks", 2))
    shop.campaign("ten", discount_type="ORDER_DISCOUNT", amount_threshold=90)
    answer = ok(with_returns(till, [back(bought)], ("socks", 2)))
    three = next(outcome for outcome in answer["campaigns"] if outcome["campaignUid"] == "3for2socks")
    assert (three["missing"], three["basis"]["quantity"]) == ({"quantity": 1}, 2)
    assert answer["totals"] == {"gross": "49.90", "discount": "9.98", "net": "39.92", "returned": "49.90"}


def test_the_units_that_were_answered_can_be_named(shop, till):
    """What we answer is accepted back: the same units, whatever else has come back in between."""
    bought = evaluated(till, ("socks", 3))
    named = ok(with_returns(till, [back(bought, units=[2])]))
    assert (named["totals"]["returned"], named["lines"][0]["returnOf"]["units"]) == ("49.90", [2])
    again = back(bought) | {"returnOf": named["lines"][0]["returnOf"], "unitPrice": named["lines"][0]["unitPrice"]}
    assert ok(with_returns(till, [again]))["lines"] == named["lines"]


def test_a_basket_can_be_evaluated_again_and_again(shop, till):
    """Evaluating keeps nothing of it; the units have come back once the order is paid."""
    bought = evaluated(till, ("socks", 3))
    for _ in range(2):
        answer = ok(with_returns(till, [back(bought, -3)]))
    assert count(shop.service, UnitReturn) == 0
    ok(reservation(till, "a", answer))
    assert count(shop.service, UnitReturn) == 0
    for _ in range(2):
        ok(reservation(till, "a", answer, "/commit"))
    [booked] = returned_of(till, bought)
    assert (booked["refund"], len(booked["units"])) == ("99.80", 3)
    is_problem(with_returns(till, [back(bought)]), 409, "already_returned")
    is_problem(reservation(till, "b", answer), 409, "already_returned")


def test_an_order_that_is_called_off_gives_the_units_back(shop, till):
    bought = evaluated(till, ("socks", 3))
    answer = ok(with_returns(till, [back(bought, -3)]))
    ok(reservation(till, "a", answer)), ok(reservation(till, "a", answer, "/commit"))
    ok(reservation(till, "a", answer, "/release"))
    assert returned_of(till, bought) == []
    ok(reservation(till, "a", answer)), ok(reservation(till, "a", answer, "/commit"))
    assert len(returned_of(till, bought)) == 1


def test_never_more_comes_back_than_was_bought(shop, till):
    bought = evaluated(till, ("socks", 3))
    is_problem(with_returns(till, [back(bought, -4)]), 409, "already_returned")
    is_problem(with_returns(till, [back(bought, -2), back(bought, -2, line_id="b")]), 409, "already_returned")
    path = f"{MINE}/orders/evaluations/{bought['evaluationId']}/returns"
    ok(till.post(path, json={"lines": [{"lineId": "1", "quantity": 2}]}))
    is_problem(with_returns(till, [back(bought, -2)]), 409, "already_returned")
    assert ok(with_returns(till, [back(bought, -1)]))["totals"]["net"] == "-49.90"


def test_two_orders_that_take_back_the_same_unit_are_not_both_paid(shop, till, promotions):
    """Row locks on PostgreSQL, the one writer on SQLite."""
    bought = evaluated(till, ("socks", 3))
    exchange = ok(with_returns(till, [back(bought, -2)]))
    for number in range(2):
        ok(reservation(till, f"o{number}", exchange))
    path = f"{MINE}/orders/evaluations/{bought['evaluationId']}/returns"
    by_itself = {"lines": [{"lineId": "1", "quantity": 2}]}
    with ThreadPoolExecutor(4) as pool:
        works = [
            pool.submit(reservation, promotions.client(till.who), f"o{number}", exchange, "/commit")
            for number in range(2)
        ]
        works += [pool.submit(promotions.client(till.who).post, path, json=by_itself) for _ in range(2)]
        answers = [work.result() for work in works]
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json.get("code") for answer in answers} == {None, "already_returned"}
    assert count(promotions, UnitReturn) == 2


def test_a_weighed_line_comes_back_whole(shop, till):
    bought = evaluated(till, ("jeans", 0.335, 100))
    for quantity, named in ((-1, {}), (-0.3, {}), (-1, {"units": [0]})):
        line = back(bought, quantity, "1", "jeans", **named)
        problem = is_problem(with_returns(till, [line]), 422, "validation_failed")
        assert fields_of(problem) == ["lines.0.quantity"]
    answer = ok(with_returns(till, [back(bought, "-0.335", "1", "jeans")]))
    assert (answer["lines"][0]["quantity"], answer["totals"]["net"]) == (-0.335, "-33.50")
    ok(reservation(till, "a", answer)), ok(reservation(till, "a", answer, "/commit"))
    assert returned_of(till, bought)[0]["refund"] == "33.50"
    whole = evaluated(till, ("jeans", 2))
    for named in ({}, {"units": [0]}):
        line = back(whole, -0.5, "1", "jeans", **named)
        problem = is_problem(with_returns(till, [line]), 422, "validation_failed")
        assert fields_of(problem) == ["lines.0.quantity"]


BAD = [
    ({"returnOf": None}, "validation_failed", "quantity"),
    ({"quantity": 1}, "validation_failed", "quantity"),
    ({"quantity": 0}, "validation_failed", "quantity"),
    ({"quantity": -10_001}, "validation_failed", "quantity"),
    ({"productUid": "jeans"}, "validation_failed", "productUid"),
]
BAD_ORIGINS = [
    ({"evaluationId": "x"}, "validation_failed", "evaluationId"),
    ({"evaluationId": str(uuid4())}, "unknown_evaluation", "evaluationId"),
    ({"lineId": "9"}, "unknown_line", "lineId"),
    ({"units": [0, 1]}, "validation_failed", "units"),
    ({"units": []}, "validation_failed", "units"),
    ({"colour": "red"}, "validation_failed", "colour"),
]


def test_bad_returned_lines(shop, till):
    bought = evaluated(till, ("socks", 3))
    before = everything(shop.service)
    for change, code, field in BAD:
        problem = is_problem(with_returns(till, [back(bought) | change]), 422, code)
        assert fields_of(problem) == [f"lines.0.{field}"], change
    for change, code, field in BAD_ORIGINS:
        line = back(bought)
        line["returnOf"] |= change
        problem = is_problem(with_returns(till, [line]), 422, code)
        assert fields_of(problem) == [f"lines.0.returnOf.{field}"], change
    is_problem(with_returns(till, [back(bought, units=[3])]), 422, "unknown_line")
    assert everything(shop.service) == before


def test_what_came_back_cannot_come_back_again_by_its_own_line(shop, till):
    bought = evaluated(till, ("socks", 3))
    answer = ok(with_returns(till, [back(bought)]))
    is_problem(with_returns(till, [back(answer, line="back")]), 422, "unknown_line")
    path = f"{MINE}/orders/evaluations/{answer['evaluationId']}/returns"
    is_problem(till.post(path, json={"lines": [{"lineId": "back", "quantity": 1}]}), 422, "unknown_line")


def test_what_was_paid_in_another_currency_is_not_taken_back_in_this_one(shop, rolf, till):
    """D9."""
    bought = evaluated(till, ("socks", 3))
    ok(rolf.put(f"{MINE}/settings", json={}))
    shop.change(Settings, {}, currency="NOK")
    is_problem(with_returns(till, [back(bought)]), 422, "currency_mismatch")


def test_another_tenants_units_do_not_exist(shop, till, rita):
    """D5."""
    bought = evaluated(till, ("socks", 3))
    hers = Shop(shop.service, BERGEN)
    hers.store()
    asked = {"storeUid": "oslo-1", "lines": [back(bought)]}
    problem = is_problem(rita.post(f"{HERS}/orders/evaluate", json=asked), 422, "unknown_evaluation")
    assert fields_of(problem) == ["lines.0.returnOf.evaluationId"]


def test_a_return_can_be_tried_with_a_dry_run(shop, till):
    bought = evaluated(till, ("socks", 1))
    asked = order(("socks", 1), dryRun={"campaignUid": "3for2socks"})
    asked["lines"].append(back(bought))
    answer = ok(till.post(EVALUATE, json=asked))
    assert (answer["evaluationId"], answer["totals"]["net"]) == (None, "0.00")


def test_records_of_before_can_still_be_read_and_returned(shop, till, promotions):
    """They do not say how many decimals their currency has, nor which codes were given."""
    bought = evaluated(till, ("socks", 3))
    with acting_as(Principal.system("test")), promotions.database.begin() as session:
        row = session.get(Evaluation, UUID(bought["evaluationId"]))
        record = {name: value for name, value in row.record.items() if name not in ("decimals", "codes", "warnings")}
        session.execute(update(Evaluation).where(Evaluation.id == row.id).values(record=record))
    assert ok(till.get(f"{MINE}/orders/evaluations/{bought['evaluationId']}")) == bought
    assert ok(with_returns(till, [back(bought, -3)]))["totals"]["net"] == "-99.80"
