"""Limits of campaigns on all orders together are never exceeded, and what is not used comes back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from sqlalchemy import update
from sqlalchemy.dialects import sqlite

from chassis.core.clock import utcnow
from chassis.core.errors import Conflict
from chassis.core.principal import Principal, acting_as
from chassis.data.audit import AuditRow
from services.promotions.evaluations import tasks as evaluations_tasks
from services.promotions.evaluations import usage_actions
from services.promotions.evaluations.models import CampaignUsage, Evaluation, Reservation
from services.promotions.sales.models import SalesCampaign
from tests.promotions.evaluations.shop import Shop, order
from tests.promotions.helpers import (
    HERS,
    MINE,
    RITA,
    ROLF,
    TILL,
    count,
    everything,
    fields_of,
    is_problem,
    ok,
    revision,
    stored,
)

LIMITS = f"{MINE}/campaigns/ten/limits"


@pytest.fixture
def shop(promotions):
    shop = Shop(promotions)
    shop.store()
    shop.product("jeans", 800)
    shop.campaign("ten", products=["jeans"])
    return shop


def evaluated(client, quantity=1):
    return ok(client.post(f"{MINE}/orders/evaluate", json=order(("jeans", quantity))))


def reserve(client, order_id, evaluation=None, **more):
    evaluation = evaluation or evaluated(client)
    body = {"evaluationId": evaluation["evaluationId"]} | more
    return client.post(f"{MINE}/orders/{order_id}/reservation", json=body)


def finish(client, order_id, verb):
    return client.post(f"{MINE}/orders/{order_id}/reservation/{verb}")


def later(shop, order_id):
    """Let the reservation of an order end now."""
    shop.change(Reservation, {"order_id": order_id}, expires_at=utcnow() - timedelta(microseconds=1))


def limit(client, **limits):
    return ok(client.put(LIMITS, json=limits))


def test_without_limits_everything_is_counted_and_nothing_refused(shop, till):
    assert ok(till.get(LIMITS)) == {
        "campaignUid": "ten",
        "totalUses": None,
        "totalDiscount": None,
        "committedUses": 0,
        "committedDiscount": "0.00",
        "reservedUses": 0,
        "reservedDiscount": "0.00",
        "leftUses": None,
        "leftDiscount": None,
    }
    reservation = ok(reserve(till, "order-1"))
    assert (reservation["orderId"], reservation["status"]) == ("order-1", "reserved")
    assert reservation["campaigns"] == [{"campaignUid": "ten", "discount": "80.00"}]
    assert ok(till.get(LIMITS))["reservedUses"] == 1
    assert ok(finish(till, "order-1", "commit"))["status"] == "committed"
    after = ok(till.get(LIMITS))
    assert (after["committedUses"], after["committedDiscount"], after["reservedUses"]) == (1, "80.00", 0)


def test_a_limit_on_uses(shop, rolf, till):
    limit(rolf, totalUses=2)
    early = [evaluated(till) for _ in range(3)]
    ok(reserve(till, "a", early[0]))
    ok(reserve(till, "b", early[1]))
    problem = is_problem(reserve(till, "c", early[2]), 409, "limit_reached")
    assert "ten" in problem["detail"]
    assert count(shop.service, Reservation) == 2
    refused = evaluated(till)
    assert (refused["totals"]["discount"], refused["campaigns"][0]["reason"]) == ("0.00", "used_up")


def test_a_budget(shop, rolf, till):
    """An order that would take more than is left gets nothing of it, a smaller one still does."""
    limit(rolf, totalDiscount="250.00")
    ok(reserve(till, "a", evaluated(till, 2)))
    assert evaluated(till, 2)["campaigns"][0]["reason"] == "budget_spent"
    ok(reserve(till, "b", evaluated(till, 1)))
    seen = ok(till.get(LIMITS))
    assert (seen["reservedDiscount"], seen["leftDiscount"]) == ("240.00", "10.00")
    assert evaluated(till)["campaigns"][0]["reason"] == "budget_spent"


def test_release_and_expiry_give_back(shop, rolf, till):
    limit(rolf, totalUses=1)
    first, second = evaluated(till), evaluated(till)
    ok(reserve(till, "a", first))
    is_problem(reserve(till, "b", second), 409, "limit_reached")
    assert ok(finish(till, "a", "release"))["status"] == "released"
    ok(reserve(till, "b", second))
    later(shop, "b")
    assert ok(till.get(f"{MINE}/orders/b/reservation"))["status"] == "expired"
    assert ok(till.get(LIMITS))["leftUses"] == 1
    ok(reserve(till, "a", first))


def test_committed_uses_come_back_when_the_order_is_called_off(shop, rolf, till):
    limit(rolf, totalUses=1)
    ok(reserve(till, "a"))
    for _ in range(2):
        ok(finish(till, "a", "commit"))
    assert ok(till.get(LIMITS))["leftUses"] == 0
    for _ in range(2):
        ok(finish(till, "a", "release"))
    seen = ok(till.get(LIMITS))
    assert (seen["leftUses"], seen["committedUses"], seen["committedDiscount"]) == (1, 0, "0.00")
    is_problem(finish(till, "a", "commit"), 409, "reservation_released")
    ok(reserve(till, "a"))
    ok(finish(till, "a", "commit"))
    is_problem(reserve(till, "a", evaluated(till)), 409, "reservation_committed")


def test_an_expired_reservation_is_committed_only_where_there_is_enough_left(shop, rolf, till):
    limit(rolf, totalUses=1)
    first, second = evaluated(till), evaluated(till)
    ok(reserve(till, "a", first))
    later(shop, "a")
    ok(reserve(till, "b", second))
    before = everything(shop.service)
    is_problem(finish(till, "a", "commit"), 409, "limit_reached")
    assert everything(shop.service) == before
    ok(finish(till, "b", "release"))
    assert ok(finish(till, "a", "commit"))["status"] == "committed"


def test_a_commit_that_waits_past_its_expiry_takes_nothing_from_other_orders(shop, rolf, till, promotions):
    """What counts is the moment at which it has the campaign to itself, not the one at which it was asked for."""
    limit(rolf, totalUses=1)
    first, second = evaluated(till), evaluated(till)
    asked = utcnow()
    ok(reserve(till, "a", first, seconds=60))
    with time_machine.travel(asked + timedelta(seconds=61), tick=False):
        ok(reserve(till, "b", second))
        with acting_as(TILL), pytest.raises(Conflict), promotions.database.begin() as session:
            usage_actions.commit(session, "a", actor=TILL, now=asked)
        assert ok(till.get(f"{MINE}/orders/a/reservation"))["status"] == "expired"


def test_reserving_again_replaces_the_reservation(shop, rolf, till):
    """Another basket of the same order, and the same one for longer; its own hold never stands in its way."""
    limit(rolf, totalUses=1, totalDiscount=100)
    evaluation = evaluated(till)
    first = ok(reserve(till, "a", evaluation, seconds=60))
    again = ok(reserve(till, "a", evaluation, seconds=600))
    assert again["expiresAt"] > first["expiresAt"]
    limit(rolf, totalDiscount=None)
    ok(finish(till, "a", "release"))
    two = evaluated(till, 2)
    ok(reserve(till, "a", evaluation))
    assert ok(reserve(till, "a", two))["campaigns"] == [{"campaignUid": "ten", "discount": "160.00"}]
    seen = ok(till.get(LIMITS))
    assert (seen["reservedUses"], seen["reservedDiscount"]) == (1, "160.00")


def at_once(promotions, works):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda work: work(promotions.client(ROLF)), works))


def test_orders_at_once_never_exceed_a_limit(shop, rolf, promotions):
    """Row locks on PostgreSQL, the one writer on SQLite."""
    limit(rolf, totalUses=5, totalDiscount="320.00")
    evaluation = evaluated(rolf)
    answers = at_once(promotions, [lambda c, n=n: reserve(c, f"order-{n}", evaluation) for n in range(16)])
    orders = [answer.json["orderId"] for answer in answers if answer.status_code == 200]
    assert len(orders) == 4
    assert {answer.json.get("code") for answer in answers} == {None, "limit_reached"}
    commits = [lambda c, n=n: finish(c, n, "commit") for n in orders for _ in range(3)]
    assert {answer.status_code for answer in at_once(promotions, commits)} == {200}
    seen = ok(rolf.get(LIMITS))
    assert (seen["committedUses"], seen["committedDiscount"], seen["leftDiscount"]) == (4, "320.00", "0.00")
    releases = [lambda c, n=n: finish(c, n, "release") for n in orders for _ in range(3)]
    at_once(promotions, releases)
    assert ok(rolf.get(LIMITS))["committedUses"] == 0


def test_orders_over_several_campaigns_do_not_lock_each_other_out(shop, rolf, promotions):
    """Usage rows are locked in one order, whatever the order in which campaigns applied."""
    shop.campaign("five", discount_type="ORDER_DISCOUNT", discount_percent=Decimal(5))
    limit(rolf, totalUses=100)
    ok(rolf.put(f"{MINE}/campaigns/five/limits", json={"totalUses": 3}))
    evaluation = evaluated(rolf)
    assert len(evaluation["campaigns"]) == 2
    answers = at_once(promotions, [lambda c, n=n: reserve(c, f"o{n}", evaluation) for n in range(8)])
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 5
    assert ok(rolf.get(LIMITS))["reservedUses"] == 3


def test_limits_change_also_while_active_and_leave_a_trail(shop, rolf, promotions):
    """S1-13 is about details; D6, D8."""
    seen = rolf.get(LIMITS)
    before = revision(promotions)
    tag = {"If-Match": seen.headers["ETag"]}
    changed = rolf.put(LIMITS, json={"totalUses": 7}, headers=tag)
    assert (ok(changed)["totalUses"], revision(promotions)) == (7, before + 1)
    is_problem(rolf.put(LIMITS, json={"totalUses": 8}, headers=tag), 412, "stale_version")
    assert limit(rolf, totalDiscount="9.50")["totalUses"] == 7
    assert limit(rolf, totalUses=None)["leftDiscount"] == "9.50"
    limit(rolf)
    changes = [
        row.changes for row in stored(promotions, AuditRow, AuditRow.id) if row.action == "sales_campaign.limited"
    ]
    assert [sorted(change) for change in changes] == [["totalUsesLimit"], ["totalDiscountLimit"], ["totalUsesLimit"]]


BAD = [
    ({"totalUses": -1}, "totalUses"),
    ({"totalUses": 1.5}, "totalUses"),
    ({"totalDiscount": "1.234"}, "totalDiscount"),
    ({"totalDiscount": -1}, "totalDiscount"),
    ({"uses": 1}, "uses"),
]


def test_bad_limits_and_reservations(shop, rolf, till):
    before = everything(shop.service)
    for body, field in BAD:
        assert fields_of(is_problem(rolf.put(LIMITS, json=body), 422, "validation_failed")) == [field]
    is_problem(rolf.put(f"{MINE}/campaigns/none/limits", json={"totalUses": 1}), 404, "not_found")
    is_problem(rolf.get(f"{MINE}/campaigns/none/limits"), 404, "not_found")
    unknown = {"evaluationId": "00000000-0000-0000-0000-000000000001"}
    is_problem(reserve(till, "a", unknown), 422, "unknown_evaluation")
    for verb in ("commit", "release"):
        is_problem(finish(till, "a", verb), 404, "not_found")
    assert everything(shop.service) == before
    evaluation = evaluated(till)
    for seconds in (0, 86_401, 1.5, True):
        is_problem(reserve(till, "a", evaluation, seconds=seconds), 422, "validation_failed")
    is_problem(reserve(till, "x" * 101, evaluation), 422, "validation_failed")


def test_another_tenants_orders_and_limits_do_not_exist(shop, till, rita, promotions):
    """D5: the same order number may be theirs too."""
    evaluation = evaluated(till)
    ok(reserve(till, "a", evaluation))
    is_problem(rita.get(f"{HERS}/orders/a/reservation"), 404, "not_found")
    for verb in ("commit", "release"):
        is_problem(rita.post(f"{HERS}/orders/a/reservation/{verb}"), 404, "not_found")
    is_problem(rita.get(f"{HERS}/campaigns/ten/limits"), 404, "not_found")
    is_problem(rita.put(f"{HERS}/campaigns/ten/limits", json={"totalUses": 0}), 404, "not_found")
    body = {"evaluationId": evaluation["evaluationId"]}
    is_problem(rita.post(f"{HERS}/orders/a/reservation", json=body), 422, "unknown_evaluation")
    hers = Shop(promotions, RITA.tenant_id)
    hers.store()
    hers.product("hat")
    own = ok(rita.post(f"{HERS}/orders/evaluate", json=order(("hat", 1))))
    assert ok(rita.post(f"{HERS}/orders/a/reservation", json={"evaluationId": own["evaluationId"]}))["campaigns"] == []
    assert count(promotions, Reservation) == 2


def test_what_is_past_its_time_is_trimmed(shop, till, promotions):
    for number in range(3):
        ok(reserve(till, f"o{number}"))
    ok(finish(till, "o0", "commit"))
    past = utcnow() - timedelta(days=8)
    shop.change(Reservation, {"order_id": "o0"}, expires_at=past)
    shop.change(Reservation, {"order_id": "o1"}, expires_at=past)
    with acting_as(Principal.system("test")):
        with promotions.database.begin() as session:
            session.execute(update(Evaluation).values(created_at=utcnow() - timedelta(days=1099)))
        assert not evaluations_tasks.trim_reservations(promotions.runtime)
        assert not evaluations_tasks.trim_evaluations(promotions.runtime)
    assert {row.order_id for row in stored(promotions, Reservation)} == {"o0", "o2"}
    assert count(promotions, Evaluation) == 0
    assert count(promotions, CampaignUsage) == 1
    assert shop.row(SalesCampaign, campaign_uid="ten").total_uses_limit is None


def test_reservations_to_be_trimmed_are_found_by_an_index(shop, promotions):
    """One is kept for every order ever paid; nobody reads them all every ten minutes."""
    if promotions.database.dialect == "postgresql":
        pytest.skip("PostgreSQL reads a small table whole, whatever indexes it has")
    statement = usage_actions.trimmable(utcnow())
    sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
    with promotions.database.engine.connect() as connection:
        values = ("x",) * sql.count("?")
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert ["ix_reservations_expiry (state=? AND expires_at<?)" in step for step in plan] == [True], plan
