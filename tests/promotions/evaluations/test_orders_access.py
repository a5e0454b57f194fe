"""Who may evaluate, reserve and take back: each endpoint, as everybody. ``test_access`` says that none is missing."""

from itertools import product
from uuid import uuid4

import pytest

from contracts.roles import Role
from tests.plugin import principal
from tests.promotions.evaluations.shop import Shop, order
from tests.promotions.helpers import FJORD, HERS, MINE, ROLF, everything, is_problem, ok

TENANT = "/v2/tenants/<tenant_uid>"
ADMINS = {Role.RETAILER_ADMIN, Role.MACHINE}
READERS = ADMINS | {Role.RETAILER_VIEWER}
RETURN = {"lines": [{"lineId": "1", "quantity": 1}]}

ACCESS = {
    ("POST", f"{TENANT}/orders/evaluate"): (ADMINS, order(("jeans", 1))),
    ("GET", f"{TENANT}/orders/evaluations/<uuid:evaluation_id>"): (READERS, None),
    ("GET", f"{TENANT}/orders/evaluations/<uuid:evaluation_id>/returns"): (READERS, None),
    ("POST", f"{TENANT}/orders/evaluations/<uuid:evaluation_id>/returns"): (ADMINS, RETURN),
    ("GET", f"{TENANT}/campaigns/<campaign_uid>/limits"): (READERS, None),
    ("PUT", f"{TENANT}/campaigns/<campaign_uid>/limits"): (ADMINS, {"totalUses": 5}),
    ("GET", f"{TENANT}/campaigns/<campaign_uid>/warnings"): (READERS, None),
    ("GET", f"{TENANT}/stores/<store_uid>/bundle"): (READERS, None),
    ("GET", f"{TENANT}/bundle-keys"): (READERS, None),
    ("GET", f"{TENANT}/orders/<order_id>/reservation"): (READERS, None),
    ("POST", f"{TENANT}/orders/<order_id>/reservation"): (ADMINS, {"evaluationId": str(uuid4())}),
    ("POST", f"{TENANT}/orders/<order_id>/reservation/commit"): (ADMINS, None),
    ("POST", f"{TENANT}/orders/<order_id>/reservation/release"): (ADMINS, None),
}


@pytest.fixture
def ids(promotions, till):
    """An evaluation of an order that holds something, and the campaign that gave it."""
    shop = Shop(promotions)
    shop.store()
    shop.product("jeans")
    shop.campaign("ten", products=["jeans"])
    evaluation_id = ok(till.post(f"{MINE}/orders/evaluate", json=order(("jeans", 2))))["evaluationId"]
    ok(till.post(f"{MINE}/orders/order-1/reservation", json={"evaluationId": evaluation_id}))
    return {
        "<uuid:evaluation_id>": evaluation_id,
        "<campaign_uid>": "ten",
        "<order_id>": "order-1",
        "<store_uid>": "oslo-1",
    }


def ask(client, endpoint, ids, tenant=MINE):
    method, path = endpoint
    path = path.replace(TENANT, tenant)
    for place, key in ids.items():
        path = path.replace(place, key)
    body = ACCESS[endpoint][1]
    return client.open(path, method=method, **({} if body is None else {"json": body}))


def test_a_refused_caller_changes_nothing(promotions, ids):
    """D5: not signed in, the flag off, another role, and another tenant's path, in that order."""
    before = everything(promotions)
    for endpoint in ACCESS:
        is_problem(ask(promotions.client(None), endpoint, ids), 401, "unauthorized")
    for endpoint, role in product(ACCESS, Role):
        off = principal(role, tenant_id=FJORD, features=frozenset({"campaigns"}))
        is_problem(ask(promotions.client(off), endpoint, ids, HERS), 403, "feature_disabled")
        if role not in ACCESS[endpoint][0]:
            is_problem(ask(promotions.client(principal(role, tenant_id=FJORD)), endpoint, ids, HERS), 403, "forbidden")
    for endpoint, tenant in product(ACCESS, (HERS, "/v2/tenants/bergen-bygg", "/v2/tenants/nobody")):
        is_problem(ask(promotions.client(ROLF), endpoint, ids, tenant), 404, "not_found")
    assert everything(promotions) == before


def test_of_another_tenants_nothing_is_found(promotions, ids, rita):
    """D5: the same answer as for ids that are nobody's."""
    before = everything(promotions)
    absent = dict.fromkeys(ids, "none") | {"<uuid:evaluation_id>": str(uuid4())}
    in_bodies = ("/evaluate", "/bundle-keys", "/reservation")  # tried beside their other rules, or about nothing
    for endpoint in ACCESS:
        if endpoint[1].endswith(in_bodies) and endpoint != ("GET", f"{TENANT}/orders/<order_id>/reservation"):
            continue
        for known in (ids, absent):
            is_problem(ask(rita, endpoint, known, HERS), 404, "not_found")
    assert everything(promotions) == before


def test_a_viewer_reads_what_the_admin_reads(promotions, ids):
    """Evaluations, returns, limits, warnings, reservations, and what tills download."""
    viewer = promotions.client(principal(Role.RETAILER_VIEWER, tenant_id=FJORD))
    for endpoint in (entry for entry in ACCESS if entry[0] == "GET"):
        answer = ask(viewer, endpoint, ids)
        assert (answer.status_code, answer.json) == (200, ask(promotions.client(ROLF), endpoint, ids).json), endpoint
