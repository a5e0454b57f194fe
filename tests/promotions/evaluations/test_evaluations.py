"""What orders cost: the endpoint over the engine, what it refuses, and that it is always of the present state.

Bad values of one field are subtests: they change nothing, so they share a shop.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from chassis.core.clock import rfc3339, utcnow
from services.promotions.catalogue.models import PricelistEntry, Product, Settings, Store
from services.promotions.evaluations.campaign_cache import CampaignCache, campaign_cache_of
from services.promotions.evaluations.models import Evaluation, UnitReturn
from services.promotions.sales.models import SalesCampaign
from tests.promotions.evaluations.shop import NOW, Shop, order, socks
from tests.promotions.helpers import BERGEN, FJORD, HERS, MINE, count, everything, fields_of, is_problem, ok

EVALUATE = f"{MINE}/orders/evaluate"


@pytest.fixture
def shop(promotions):
    shop = Shop(promotions)
    shop.store()
    shop.store("bergen-1")
    for uid, price in (("socks", "49.90"), ("jeans", 800), ("shirt", 300)):
        shop.product(uid, price)
    return shop


def evaluated(client, *lines, **more):
    return ok(client.post(EVALUATE, json=order(*lines, **more)))


def reasons(answer):
    return {item["campaignUid"]: item["reason"] for item in answer["campaigns"]}


def test_three_for_two(shop, till):
    """S1-22, word for word: 2 units → nothing; 3 → cheapest free; 6 → still one free; with maxUsage 0, 6 → two free."""
    shop.campaign("3for2socks", **socks())
    two = evaluated(till, ("socks", 2))
    assert two["totals"] == {"gross": "99.80", "discount": "0.00", "net": "99.80"}
    [skipped] = two["campaigns"]
    assert (skipped["status"], skipped["reason"]) == ("skipped", "quantity_missing")
    assert (skipped["missing"], skipped["detail"]) == ({"quantity": 1}, "needs 1 more unit")
    for bought in (3, 6):
        answer = evaluated(till, ("socks", bought))
        assert answer["totals"]["discount"] == "49.90"
        free, *paid = answer["lines"][0]["units"]
        assert free == {"discount": "49.90", "campaigns": [{"campaignUid": "3for2socks", "amount": "49.90"}]}
        assert paid == [{"discount": "0.00", "campaigns": []}] * (bought - 1)
    shop.change(SalesCampaign, {"campaign_uid": "3for2socks"}, max_usage=0)
    assert evaluated(till, ("socks", 6))["totals"]["discount"] == "99.80"


def test_an_answer_has_everything_the_contract_names(shop, till):
    shop.campaign("ten", products=["jeans"])
    answer = evaluated(till, ("jeans", 1, "799.50"), ("shirt", 2))
    assert set(answer) == {"evaluationId", "strategy", "at", "currency", "lines", "totals", "campaigns", "codes"}
    assert (answer["strategy"], answer["currency"]) == ("priority", "SEK")
    jeans, shirt = answer["lines"]
    assert (jeans["lineId"], jeans["unitPrice"], jeans["discount"], jeans["net"]) == ("1", "799.50", "79.95", "719.55")
    assert (shirt["unitPrice"], shirt["gross"]) == ("300.00", "600.00")
    assert answer["totals"] == {"gross": "1399.50", "discount": "79.95", "net": "1319.55"}
    assert answer["campaigns"] == [
        {
            "campaignUid": "ten",
            "status": "applied",
            "reason": "applied",
            "applications": 1,
            "discount": "79.95",
            "basis": {
                "quantityOf": "qualifying_units",
                "quantity": 1,
                "amountOf": "order_total_before_campaigns",
                "amount": "1399.50",
            },
        }
    ]


@pytest.mark.parametrize("strategy", ["priority", "best_price", "exclusive_first"])
def test_the_strategy_of_the_settings_is_used_and_echoed(shop, rolf, till, strategy):
    """D23."""
    shop.campaign("five", products=["jeans"], discount_percent=Decimal(5))
    shop.campaign("ten", products=["jeans"], priority=1)
    shop.campaign("alone", products=["jeans"], discount_percent=Decimal(8), prevent_combinations=True, priority=2)
    ok(rolf.put(f"{MINE}/settings", json={"strategy": strategy, "currency": "NOK"}))
    answer = evaluated(till, ("jeans", 1))
    assert (answer["strategy"], answer["currency"]) == (strategy, "NOK")
    discount = {"priority": "116.00", "best_price": "80.00", "exclusive_first": "64.00"}
    assert answer["totals"]["discount"] == discount[strategy]


def test_regular_prices_come_from_the_store_then_the_chain_then_the_product(shop, till):
    """S1-34."""
    shop.store("malmo-1", pricelist_id=shop.pricelist("malmo", jeans=700))
    shop.write(
        Settings(
            id=uuid4(),
            tenant_id=FJORD,
            currency="SEK",
            strategy="priority",
            pricelist_id=shop.pricelist("chain", jeans=750, shirt=280),
        )
    )
    lines = ("jeans", 1), ("shirt", 1), ("socks", 1)
    prices = [line["unitPrice"] for line in evaluated(till, *lines, storeUid="malmo-1")["lines"]]
    assert prices == ["700.00", "280.00", "49.90"]
    prices = [line["unitPrice"] for line in evaluated(till, *lines)["lines"]]
    assert prices == ["750.00", "280.00", "49.90"]


def test_variants_belong_to_what_their_product_does(shop, till):
    shop.product("coat", 900, variants=[("coat-red", Decimal(950)), ("coat-blue", None)])
    shop.campaign("ten", products=["coat"])
    answer = evaluated(till, ("coat-red", 1), ("coat-blue", 1), ("coat", 1))
    assert [line["discount"] for line in answer["lines"]] == ["95.00", "90.00", "90.00"]


def test_a_price_list_is_a_discount_of_its_campaign_while_it_stands(shop, till):
    """S1-2, S1-14: products that are added or removed count at once."""
    august = shop.pricelist("august", jeans=650, shirt=320)
    shop.campaign("august", pricelist=august)
    answer = evaluated(till, ("jeans", 1), ("shirt", 1))
    assert [line["discount"] for line in answer["lines"]] == ["150.00", "0.00"]
    assert answer["campaigns"][0]["discount"] == "150.00"
    shop.write(PricelistEntry(pricelist_id=august, product_id=shop.row(Product, product_uid="socks").id, price=10))
    assert evaluated(till, ("socks", 1))["totals"]["discount"] == "39.90"


def test_a_campaign_runs_in_its_stores_and_for_its_group_only(shop, till):
    """S1-32, S1-37."""
    group = shop.group("members")
    shop.campaign("for-members", products=["shirt"], customer_group_id=group)
    assert evaluated(till, ("shirt", 1), customerGroupUid="members")["totals"]["discount"] == "30.00"
    assert reasons(evaluated(till, ("shirt", 1))) == {"for-members": "other_customer_group"}
    shop.campaign("here", products=["jeans"], stores=["oslo-1"])
    assert evaluated(till, ("jeans", 1))["totals"]["discount"] == "80.00"
    assert evaluated(till, ("jeans", 1), storeUid="bergen-1")["campaigns"] == []


@pytest.mark.parametrize("status", ["NEW", "INACTIVE"])
def test_only_active_campaigns_have_an_effect(shop, till, status):
    """S1-11, S1-15: and a dry run shows what one would have, without being kept."""
    shop.campaign("coming", include=[("product", "jeans")], status=status)
    assert evaluated(till, ("jeans", 1))["campaigns"] == []
    before = count(shop.service, Evaluation)
    tried = evaluated(till, ("jeans", 1), ("shirt", 1), dryRun={"campaignUid": "coming"})
    assert (tried["evaluationId"], tried["totals"]["discount"]) == (None, "80.00")
    assert count(shop.service, Evaluation) == before


SELECTIONS = [
    ([], [], ["iphone", "galaxy", "case"]),
    ([("product_group", "PHONES")], [("brand", "Apple")], ["galaxy"]),
    ([("brand", "Apple")], [], ["iphone", "case"]),
    ([("category", "covers"), ("product", "galaxy")], [], ["galaxy", "case"]),
    ([("product", "iphone")], [("product_group", "PHONES")], []),
]


def test_a_dry_run_takes_the_selection_as_it_is_now(shop, till):
    """S1-23, S1-24, S1-25, S1-26."""
    shop.product("iphone", brand_uid="Apple", product_group_uid="PHONES")
    shop.product("galaxy", brand_uid="Samsung", product_group_uid="PHONES")
    shop.product("case", brand_uid="Apple", categories=["covers"])
    lines = [(uid, 1) for uid in ("iphone", "galaxy", "case")]
    for number, (include, exclude, chosen) in enumerate(SELECTIONS):
        shop.campaign(f"coming-{number}", include=include, exclude=exclude, status="NEW")
        answer = evaluated(till, *lines, dryRun={"campaignUid": f"coming-{number}"})
        assert [line["productUid"] for line in answer["lines"] if line["discount"] != "0.00"] == chosen


def test_dry_runs_of_price_lists_order_discounts_active_ones_and_other_stores(shop, till):
    shop.campaign("list", pricelist=shop.pricelist("l", jeans=600), status="NEW")
    shop.campaign("order", discount_type="ORDER_DISCOUNT", status="NEW")
    shop.campaign("active", products=["shirt"], include=[("product", "jeans")], stores=["bergen-1"])
    lines = ("jeans", 1), ("shirt", 1)
    assert evaluated(till, *lines, dryRun={"campaignUid": "list"})["totals"]["discount"] == "200.00"
    assert evaluated(till, *lines, dryRun={"campaignUid": "order"})["totals"]["discount"] == "110.00"
    assert reasons(evaluated(till, *lines, dryRun={"campaignUid": "active"})) == {"active": "other_store"}
    there = evaluated(till, *lines, storeUid="bergen-1", dryRun={"campaignUid": "active"})
    assert there["totals"]["discount"] == "30.00"
    is_problem(till.post(EVALUATE, json=order(("jeans", 1), dryRun={"campaignUid": "none"})), 422, "unknown_campaign")


def test_validity_goes_by_the_moment_that_is_asked_for(shop, till):
    """S1-33, D3: also for what ended long ago, and what has not begun."""
    start, end = NOW - timedelta(days=400), NOW - timedelta(days=390)
    shop.campaign("past", products=["jeans"], valid_from=start, valid_to=end)
    assert evaluated(till, ("jeans", 1))["campaigns"] == []
    assert evaluated(till, ("jeans", 1), at=rfc3339(start))["totals"]["discount"] == "80.00"
    assert evaluated(till, ("jeans", 1), at=rfc3339(end))["totals"]["discount"] == "80.00"
    late = evaluated(till, ("jeans", 1), at=rfc3339(end + timedelta(microseconds=1)))
    assert reasons(late) == {"past": "ended"}


def test_codes(shop, till):
    """S1-30."""
    shop.campaign("coded", products=["jeans"], campaign_code="SAVE10")
    assert reasons(evaluated(till, ("jeans", 1))) == {"coded": "code_not_given"}
    for code in ("SAVE10", " SAVE10\n"):  # campaigns keep theirs without white space around it too
        assert reasons(evaluated(till, ("jeans", 1), campaignCodes=[code])) == {"coded": "applied"}


def test_locked_lines_keep_their_price(shop, till):
    """S1-35."""
    shop.campaign("ten", products=["jeans"])
    body = order(("jeans", 1), ("jeans", 1))
    body["lines"][0]["priceLocked"] = True
    assert [line["discount"] for line in ok(till.post(EVALUATE, json=body))["lines"]] == ["0.00", "80.00"]


BAD = [
    ({"storeUid": "nowhere"}, "unknown_store", ["storeUid"]),
    ({"currency": "NOK"}, "currency_mismatch", ["currency"]),
    ({"at": "1970-01-01T00:00:00Z"}, "at_far_away", ["at"]),
    ({"at": "2999-12-31T00:00:00Z"}, "at_far_away", ["at"]),
    ({"at": "2026-01-01T00:00:00"}, "validation_failed", ["at"]),
    ({"lines": []}, "validation_failed", ["lines"]),
    ({"colour": "red"}, "validation_failed", ["colour"]),
    ({"campaignCodes": ["x"] * 51}, "validation_failed", ["campaignCodes"]),
    ({"campaignCodes": ["x" * 101]}, "validation_failed", ["campaignCodes.0"]),
    ({"campaignCodes": [1]}, "validation_failed", ["campaignCodes.0"]),
    ({"currency": "ZZZ"}, "validation_failed", ["currency"]),
    ({"currency": "nok"}, "validation_failed", ["currency"]),
]
BAD_LINES = {
    "quantity": [0, -1, 1.2345, "0.0001", True, "two", None, 10_001, "10000.001"],
    "unitPrice": ["1.005", -1, "NaN", 1e15],
    "lineId": ["", "a\u202eb"],
    "priceLocked": ["yes"],
    "currency": ["NOK"],
}


@pytest.mark.parametrize(("change", "code", "fields"), BAD, ids=[str(change)[:40] for change, *_ in BAD])
def test_bad_orders(shop, till, change, code, fields):
    before = everything(shop.service)
    problem = is_problem(till.post(EVALUATE, json=order(("jeans", 1)) | change), 422, code)
    assert fields_of(problem) == fields
    assert everything(shop.service) == before


@pytest.mark.parametrize("field", BAD_LINES)
def test_bad_lines(shop, till, subtests, field):
    for value in BAD_LINES[field]:
        with subtests.test(value=value):
            body = order(("jeans", 1))
            body["lines"][0][field] = value
            problem = is_problem(till.post(EVALUATE, json=body), 422, "validation_failed")
            assert fields_of(problem) == [f"lines.0.{field}"]


def test_a_quantity_has_an_end(shop, till):
    endless = json.dumps(order(("jeans", 1))).replace('"quantity": 1', '"quantity": 1e400')
    is_problem(till.post(EVALUATE, data=endless, content_type="application/json"), 422, "validation_failed")


def test_unknown_product_are_named(shop, till):
    problem = is_problem(till.post(EVALUATE, json=order(("jeans", 1), ("hat", 1), ("cap", 2))), 422, "unknown_product")
    assert fields_of(problem) == ["lines.1.productUid", "lines.2.productUid"]
    assert "hat" in problem["detail"]
    assert "There is no product cap." in [error["message"] for error in problem["errors"]]


def test_orders_have_limits(shop, till):
    """1,000 lines and 10,000 units."""
    many = order(*[("jeans", 1)] * 1001)
    assert fields_of(is_problem(till.post(EVALUATE, json=many), 422, "validation_failed")) == ["lines"]
    assert len(evaluated(till, *[("jeans", 1)] * 1000)["lines"]) == 1000
    assert fields_of(
        is_problem(till.post(EVALUATE, json=order(("jeans", 9000), ("shirt", 1001))), 422, "validation_failed")
    ) == ["lines"]
    dear = order(("jeans", 1000, "999999999999"), ("shirt", 1, "1.00"))
    assert fields_of(is_problem(till.post(EVALUATE, json=dear), 422, "validation_failed")) == ["lines"]
    twice = order(("jeans", 1), ("jeans", 1))
    twice["lines"][1]["lineId"] = "1"
    assert fields_of(is_problem(till.post(EVALUATE, json=twice), 422, "validation_failed")) == ["lines.1.lineId"]


def test_a_currency_without_decimals_has_no_half_prices(shop, rolf, till):
    shop.change(Product, {"product_uid": "socks"}, price=Decimal(50))
    ok(rolf.put(f"{MINE}/settings", json={"currency": "JPY"}))
    problem = is_problem(till.post(EVALUATE, json=order(("jeans", 1, "99.50"))), 422, "validation_failed")
    assert fields_of(problem) == ["lines.0.unitPrice"]
    assert evaluated(till, ("jeans", 1, "99.00"))["totals"]["gross"] == "99"


def test_changes_count_from_the_next_evaluation_on_in_every_process(shop, till, promotions):
    """A second process of the service keeps sets of its own; both see what either has changed."""
    other = promotions.runtime.create_app()
    other.test_client_class = promotions.app.test_client_class
    elsewhere = other.test_client(use_cookies=False)
    elsewhere.who, elsewhere.signer, elsewhere.audience = till.who, till.signer, till.audience
    shop.campaign("ten", products=["jeans"])
    for client in (till, elsewhere):
        assert evaluated(client, ("jeans", 1))["totals"]["discount"] == "80.00"
    shop.change(SalesCampaign, {"campaign_uid": "ten"}, status="INACTIVE")
    shop.change(Product, {"product_uid": "jeans"}, price=Decimal(500))
    for client in (till, elsewhere):
        assert evaluated(client, ("jeans", 1))["totals"] == {"gross": "500.00", "discount": "0.00", "net": "500.00"}
    assert campaign_cache_of(other) is not campaign_cache_of(promotions.app)


def test_store_sets_stay_in_the_cache_until_something_changes_and_within_bounds(shop, promotions, till):
    cache = promotions.app.extensions["campaign_cache"] = CampaignCache(most=4)
    evaluated(till, ("jeans", 1))
    first = cache.last_read(FJORD, "oslo-1", at=utcnow())
    evaluated(till, ("jeans", 1), ("shirt", 1))
    assert cache.last_read(FJORD, "oslo-1", at=utcnow()) is first
    evaluated(till, ("jeans", 1), ("shirt", 1), ("socks", 1), storeUid="bergen-1")
    evaluated(till, ("jeans", 1))
    assert len(cache) <= 2
    shop.product("a"), shop.product("b")
    evaluated(till, *[(uid, 1) for uid in ("jeans", "shirt", "socks", "a", "b")])
    assert cache.last_read(FJORD, "oslo-1", at=utcnow()) is None
    del promotions.app.extensions["campaign_cache"]


def test_an_evaluation_can_be_read_again(shop, till):
    shop.campaign("ten", products=["jeans"])
    answer = evaluated(till, ("jeans", 2), ("shirt", 1))
    shop.change(SalesCampaign, {"campaign_uid": "ten"}, status="INACTIVE")
    assert ok(till.get(f"{MINE}/orders/evaluations/{answer['evaluationId']}")) == answer


def test_another_tenants_evaluations_do_not_exist(shop, till, rita):
    """D5: nor their stores, products and campaigns."""
    shop.campaign("ten", products=["jeans"])
    evaluation_id = evaluated(till, ("jeans", 1))["evaluationId"]
    for path in (f"orders/evaluations/{evaluation_id}", f"orders/evaluations/{evaluation_id}/returns"):
        is_problem(rita.get(f"{HERS}/{path}"), 404, "not_found")
    returned = {"lines": [{"lineId": "1", "quantity": 1}]}
    is_problem(rita.post(f"{HERS}/orders/evaluations/{evaluation_id}/returns", json=returned), 404, "not_found")
    is_problem(rita.post(f"{HERS}/orders/evaluate", json=order(("jeans", 1))), 422, "unknown_store")
    hers = Shop(shop.service, BERGEN)
    hers.store()
    is_problem(rita.post(f"{HERS}/orders/evaluate", json=order(("jeans", 1))), 422, "unknown_product")
    hers.product("jeans", 1)
    tried = order(("jeans", 1), dryRun={"campaignUid": "ten"})
    is_problem(rita.post(f"{HERS}/orders/evaluate", json=tried), 422, "unknown_campaign")
    assert ok(rita.post(f"{HERS}/orders/evaluate", json=order(("jeans", 1))))["campaigns"] == []
    assert shop.row(Store, store_uid="oslo-1").tenant_id == FJORD


def bring_back(client, evaluation, *lines, **more):
    path = f"{MINE}/orders/evaluations/{evaluation['evaluationId']}/returns"
    body = [{"lineId": line, "units" if isinstance(units, list) else "quantity": units} for line, units in lines]
    return client.post(path, json={"lines": body} | more)


def test_a_return_refunds_what_was_paid_for_each_unit(shop, till):
    """The unit with the largest discount comes back first, unless units are named."""
    shop.campaign("3for2socks", **socks())
    answer = evaluated(till, ("socks", 3), ("jeans", 1))
    assert ok(bring_back(till, answer, ("1", 1), preview=True))["returnId"] is None
    free = ok(bring_back(till, answer, ("1", 1)))
    assert free["units"] == [{"lineId": "1", "unit": 0, "refund": "0.00"}]
    paid = ok(bring_back(till, answer, ("1", [2]), ("2", 1)))
    assert paid["refund"] == "849.90"
    assert ok(till.get(f"{MINE}/orders/evaluations/{answer['evaluationId']}/returns")) == [free, paid]


def test_no_unit_comes_back_twice(shop, till, promotions):
    answer = evaluated(till, ("jeans", 2))
    ok(bring_back(till, answer, ("1", [1])))
    is_problem(bring_back(till, answer, ("1", [1])), 409, "already_returned")
    is_problem(bring_back(till, answer, ("1", 2)), 409, "already_returned")
    is_problem(bring_back(till, answer, ("1", [2])), 422, "unknown_line")
    is_problem(bring_back(till, answer, ("9", 1)), 422, "unknown_line")
    ok(bring_back(till, answer, ("1", 1)))
    assert count(promotions, UnitReturn) == 2


def test_two_returns_at_once_take_a_unit_once(shop, till, promotions):
    purchase = evaluated(till, ("jeans", 3))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: bring_back(promotions.client(till.who), purchase, ("1", 2)), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert count(promotions, UnitReturn) == 2


BAD_RETURNS = [{}, {"quantity": 1, "units": [0]}, {"units": [0, 0]}, {"units": []}, {"quantity": 0}, {"units": [-1]}]
BAD_RETURNS += [{"units": [False]}, {"quantity": True}, {"quantity": 0.5}, {"quantity": -1}, {"quantity": "1.2345"}]


def test_bad_returns(shop, till, subtests):
    answer = evaluated(till, ("jeans", 1))
    path = f"{MINE}/orders/evaluations/{answer['evaluationId']}/returns"
    for line in BAD_RETURNS:
        with subtests.test(line=line):
            is_problem(till.post(path, json={"lines": [{"lineId": "1"} | line]}), 422, "validation_failed")


def test_a_weighed_line_comes_back_whole(shop, till):
    """D69: its quantity again, or its one unit."""
    for units in (0.335, "0.335", [0]):
        answer = evaluated(till, ("jeans", 0.335, 100))
        for wrong in (1, 0.3):
            is_problem(bring_back(till, answer, ("1", wrong)), 422, "validation_failed")
        assert ok(bring_back(till, answer, ("1", units)))["units"] == [{"lineId": "1", "unit": 0, "refund": "33.50"}]
        is_problem(bring_back(till, answer, ("1", 0.335)), 409, "already_returned")


def test_an_evaluation_sent_twice_is_one(shop, till, promotions):
    """D7."""
    key = {"Idempotency-Key": "order-1"}
    answers = [ok(till.post(EVALUATE, json=order(("jeans", 1)), headers=key)) for _ in range(2)]
    assert answers[0] == answers[1]
    assert count(promotions, Evaluation) == 1


def test_the_answer_is_of_the_present(shop, till):
    before = utcnow()
    assert evaluated(till, ("jeans", 1))["at"] >= rfc3339(before)
