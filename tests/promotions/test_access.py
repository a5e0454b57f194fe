"""Who may call which endpoint: every one of them, as everybody."""

from itertools import cycle, product

import pytest

from contracts.roles import Role
from tests.plugin import endpoints, principal
from tests.promotions.evaluations.test_orders_access import ACCESS as ORDERS
from tests.promotions.helpers import FJORD, HERS, MINE, ROLF, everything, is_problem
from tests.promotions.sales.helpers import SELECTION, SOCKS

TENANT = "/v2/tenants/<tenant_uid>"
ADMINS = {Role.RETAILER_ADMIN, Role.MACHINE}
READERS = ADMINS | {Role.RETAILER_VIEWER}
NAME = {"name": "New"}

ACCESS = {
    ("GET", f"{TENANT}/settings"): (READERS, None),
    ("PUT", f"{TENANT}/settings"): (ADMINS, {"currency": "NOK"}),
    ("GET", f"{TENANT}/products"): (READERS, None),
    ("POST", f"{TENANT}/products"): (ADMINS, {"products": [{"productUid": "p", "name": "P", "price": 1}]}),
    ("PUT", f"{TENANT}/products"): (ADMINS, {"products": [{"productUid": "p", "name": "P", "price": 1}]}),
    ("GET", f"{TENANT}/products/<product_uid>"): (READERS, None),
    ("GET", f"{TENANT}/stores"): (READERS, None),
    ("POST", f"{TENANT}/stores"): (ADMINS, {"storeUid": "new", **NAME}),
    ("GET", f"{TENANT}/stores/<store_uid>"): (READERS, None),
    ("PUT", f"{TENANT}/stores/<store_uid>"): (ADMINS, NAME),
    ("GET", f"{TENANT}/customergroups"): (READERS, None),
    ("POST", f"{TENANT}/customergroups"): (ADMINS, {"customerGroupUid": "new", **NAME}),
    ("GET", f"{TENANT}/customergroups/<customer_group_uid>"): (READERS, None),
    ("PUT", f"{TENANT}/customergroups/<customer_group_uid>"): (ADMINS, NAME),
    ("GET", f"{TENANT}/pricelists"): (READERS, None),
    ("POST", f"{TENANT}/pricelists"): (ADMINS, NAME),
    ("GET", f"{TENANT}/pricelists/<pricelist_uid>"): (READERS, None),
    ("PUT", f"{TENANT}/pricelists/<pricelist_uid>"): (ADMINS, NAME),
    ("DELETE", f"{TENANT}/pricelists/<pricelist_uid>"): (ADMINS, None),
    ("GET", f"{TENANT}/pricelists/<pricelist_uid>/products"): (READERS, None),
    ("PUT", f"{TENANT}/pricelists/<pricelist_uid>/products"): (ADMINS, {"remove": ["p"]}),
    ("GET", f"{TENANT}/campaigns"): (READERS, None),
    ("POST", f"{TENANT}/campaigns"): (ADMINS, SOCKS),
    ("POST", f"{TENANT}/campaigns/search"): (READERS, {}),
    ("GET", f"{TENANT}/campaigns/<campaign_uid>"): (READERS, None),
    ("PUT", f"{TENANT}/campaigns/<campaign_uid>"): (ADMINS, {"status": "ACTIVE"}),
    ("PUT", f"{TENANT}/campaigns/<campaign_uid>/selections"): (ADMINS, SELECTION),
    ("POST", f"{TENANT}/campaigns/<campaign_uid>/selections"): (ADMINS, SELECTION),
    ("GET", f"{TENANT}/audit"): (READERS, None),
}
KEYS = ("product_uid", "store_uid", "customer_group_uid", "pricelist_uid", "campaign_uid")
"""Places of keys in paths; the fixture makes one thing of each with its own key."""


@pytest.fixture
def things(rolf):
    """One thing of each kind, with the place of its key in a path as its key."""
    rolf.post(f"{MINE}/products", json={"products": [{"productUid": "product_uid", "name": "P", "price": 1}]})
    rolf.post(f"{MINE}/stores", json={"storeUid": "store_uid", "name": "S"})
    rolf.post(f"{MINE}/customergroups", json={"customerGroupUid": "customer_group_uid", "name": "G"})
    rolf.post(f"{MINE}/pricelists", json={"pricelistUid": "pricelist_uid", "name": "L"})
    rolf.post(f"{MINE}/campaigns", json=SOCKS | {"campaignUid": "campaign_uid", "storeUids": []})


def ask(client, endpoint, *, tenant=MINE, key=None, **kwargs):
    method, path = endpoint
    body = ACCESS[endpoint][1]
    path = path.replace(TENANT, tenant)
    for kind in KEYS:
        path = path.replace(f"<{kind}>", key or kind)
    return client.open(path, method=method, **({} if body is None else {"json": body}), **kwargs)


def without_request_id(answer):
    request_id = answer.headers.pop("X-Request-Id")
    return answer.get_data(as_text=True).replace(request_id, ""), dict(answer.headers)


def test_the_table_names_every_endpoint(promotions):
    ours = {key: set(roles) for key, roles in endpoints(promotions.app).items() if key[1].startswith(TENANT)}
    assert ours == {key: roles for key, (roles, _) in (ACCESS | ORDERS).items()}


def test_unknown_callers_are_refused(promotions, things):
    before = everything(promotions)
    for endpoint in ACCESS:
        is_problem(ask(promotions.client(None), endpoint), 401, "unauthorized")
    assert everything(promotions) == before


def test_with_the_flag_off_nothing_answers(promotions, things):
    """D5: whatever the role and the other flags, and whatever tenant the path names."""
    before = everything(promotions)
    for (endpoint, role), tenant in zip(product(ACCESS, Role), cycle((MINE, HERS)), strict=False):
        who = principal(role, tenant_id=FJORD, features=frozenset({"campaigns", "affiliates"}))
        is_problem(ask(promotions.client(who), endpoint, tenant=tenant), 403, "feature_disabled")
    assert everything(promotions) == before


def test_the_wrong_role_is_refused(promotions, things):
    """D5: before the tenant in the path or anything else is looked at."""
    before = everything(promotions)
    for (endpoint, role), tenant in zip(product(ACCESS, Role), cycle((MINE, HERS)), strict=False):
        if role not in ACCESS[endpoint][0]:
            client = promotions.client(principal(role, tenant_id=FJORD))
            is_problem(ask(client, endpoint, tenant=tenant), 403, "forbidden")
    assert everything(promotions) == before


def test_the_right_ones_get_in(promotions, things):
    """Machine clients as well as people, and viewers."""
    for role in READERS:
        client = promotions.client(principal(role, tenant_id=FJORD))
        for endpoint in ACCESS:
            if endpoint[0] == "GET":
                assert ask(client, endpoint).status_code == 200, endpoint


def test_anothers_tenant_in_the_path_is_not_there(promotions, things, rita):
    """D5: the same answer to the letter for another's id or slug as for nobody's, whatever the body."""
    before = everything(promotions)
    for endpoint, tenant in product(ACCESS, (MINE, "/v2/tenants/fjord-retail")):
        foreign, absent = ask(rita, endpoint, tenant=tenant), ask(rita, endpoint, tenant="/v2/tenants/nobody")
        is_problem(foreign, 404, "not_found")
        assert without_request_id(foreign) == without_request_id(absent)
        stale = ask(rita, endpoint, tenant=tenant, headers={"If-Match": '"99"'})
        is_problem(stale, 404, "not_found")
    is_problem(rita.post(f"{MINE}/stores", json={"x": 1}), 404, "not_found")
    assert everything(promotions) == before


def test_anothers_things_are_not_there_under_the_own_tenant(promotions, things, rita):
    """The same answer to the letter for what another tenant has as for what nobody has."""
    before = everything(promotions)
    for endpoint in (entry for entry in ACCESS if "_uid>" in entry[1].removeprefix(TENANT)):
        foreign, absent = ask(rita, endpoint, tenant=HERS), ask(rita, endpoint, tenant=HERS, key="none")
        is_problem(foreign, 404, "not_found")
        assert without_request_id(foreign) == without_request_id(absent)
    assert everything(promotions) == before


def test_lists_hold_nothing_of_others(promotions, things, rita):
    for method, path in ACCESS:
        if method == "GET" and "_uid>" not in path.removeprefix(TENANT) and not path.endswith("/settings"):
            assert rita.get(path.replace(TENANT, HERS)).json["items"] == [], path
    assert ROLF.tenant_id == FJORD


def test_a_viewer_reads_what_the_admin_reads(promotions, things, rolf):
    """Searching is reading, though it is a POST."""
    viewer = promotions.client(principal(Role.RETAILER_VIEWER, tenant_id=FJORD))
    before = everything(promotions)
    for endpoint in (entry for entry in ACCESS if Role.RETAILER_VIEWER in ACCESS[entry][0]):
        answer = ask(viewer, endpoint)
        assert (answer.status_code, answer.json) == (200, ask(rolf, endpoint).json), endpoint
    assert everything(promotions) == before


def test_a_viewer_of_another_tenant_finds_nothing(promotions, things):
    """D5."""
    viewer = promotions.client(principal(Role.RETAILER_VIEWER))
    for endpoint in (entry for entry in ACCESS if entry[0] == "GET"):
        is_problem(ask(viewer, endpoint), 404, "not_found")
