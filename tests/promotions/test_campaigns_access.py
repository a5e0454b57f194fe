"""Who may call which endpoint of store campaigns, cart campaigns and carts: every one of them, as everybody."""

from itertools import product
from uuid import uuid4

import pytest

from contracts.roles import Role
from tests.plugin import endpoints, principal
from tests.promotions.carts.campaign_helpers import CAMPAIGNS, LINKED, campaign, last_id, link, linked, made
from tests.promotions.helpers import BERGEN, FJORD, RITA, everything, ok
from tests.promotions.store_campaigns.helpers import away
from tests.promotions.store_campaigns.helpers import made as made_in_stores

COMPANY = "/stores/company/<company_id>/campaigns"
ADMINS = {Role.RETAILER_ADMIN, Role.MACHINE}
READERS = ADMINS | {Role.RETAILER_VIEWER}
WINDOW = {"starts_at": away(days=1), "ends_at": away(days=2)}

ACCESS = {
    ("GET", COMPANY): None,
    ("POST", COMPANY): {"name": "Spring"} | WINDOW,
    ("GET", f"{COMPANY}/<campaign_id>"): None,
    ("PUT", f"{COMPANY}/<campaign_id>"): {"name": "Spring"},
    ("DELETE", f"{COMPANY}/<campaign_id>"): None,
    ("PUT", f"{COMPANY}/<campaign_id>/stores"): {"name": "Spring"},
    ("PUT", f"{COMPANY}/<campaign_id>/linked-stores"): {"store_ids": []},
    ("GET", f"{COMPANY}/<campaign_id>/audit"): None,
    ("GET", CAMPAIGNS): None,
    ("POST", CAMPAIGNS): campaign("new"),
    ("GET", f"{CAMPAIGNS}/<uuid:campaign_id>"): None,
    ("PUT", f"{CAMPAIGNS}/<uuid:campaign_id>"): campaign("new", dbVersion=0),
    ("DELETE", f"{CAMPAIGNS}/<uuid:campaign_id>"): None,
    ("GET", LINKED): None,
    ("POST", LINKED): link(str(uuid4())),
    ("GET", f"{LINKED}/<uuid:linked_id>"): None,
    ("PUT", f"{LINKED}/<uuid:linked_id>"): link(str(uuid4()), dbVersion=0),
    ("DELETE", f"{LINKED}/<uuid:linked_id>"): None,
}
PUBLIC = {
    ("GET", "/shops/<shop>/checkout/add"),
    ("POST", "/shops/<shop>/checkout/add"),
    ("GET", "/shops/<shop>/carts/<uuid:cart_id>"),
    ("DELETE", "/shops/<shop>/carts/<uuid:cart_id>"),
    ("PUT", "/shops/<shop>/carts/<uuid:cart_id>/items/<product_id>"),
}
"""Shoppers do not sign in; ``test_carts`` tries these as everybody."""


@pytest.fixture
def ids(rolf):
    """One of each of Rolf's, by its place in a path."""
    address = made(rolf)
    return {
        "<company_id>": str(FJORD),
        "<campaign_id>": last_id(made_in_stores(rolf)),
        "<uuid:campaign_id>": last_id(address),
        "<uuid:linked_id>": last_id(linked(rolf, address)),
    }


def allowed(endpoint):
    return READERS if endpoint[0] == "GET" else ADMINS


def ask(client, endpoint, ids, **kwargs):
    (method, path), body = endpoint, ACCESS[endpoint]
    for place, key in ids.items():
        path = path.replace(place, key)
    return client.open(path, method=method, **({} if body is None else {"json": body}), **kwargs)


def test_the_table_names_every_endpoint(promotions):
    """S4-1: and all but the shopper's routes want somebody signed in."""
    ours = {key: set(roles) for key, roles in endpoints(promotions.app).items() if not key[1].startswith("/v2/")}
    assert ours == {endpoint: allowed(endpoint) for endpoint in ACCESS} | {key: set() for key in PUBLIC}


def test_a_refused_caller_changes_nothing(promotions, ids):
    """D5, S4-1: not signed in, the flag off whatever the role, another role; before anything is looked up."""
    before = everything(promotions)
    absent = dict.fromkeys(ids, str(uuid4()))
    for endpoint in ACCESS:
        assert ask(promotions.client(None), endpoint, ids).status_code == 401
    for endpoint, role in product(ACCESS, Role):
        off = promotions.client(principal(role, tenant_id=FJORD, features=frozenset({"campaigns"})))
        for places in (ids, absent):
            answer = ask(off, endpoint, places)
            assert (answer.status_code, "not enabled" in answer.json["message"]) == (403, True)
        if role not in allowed(endpoint):
            who = promotions.client(principal(role, tenant_id=FJORD))
            answer = ask(who, endpoint, ids)
            assert (answer.status_code, "role" in answer.json["message"]) == (403, True)
    assert everything(promotions) == before


def test_the_right_ones_get_in(promotions, ids):
    """Machine clients as well as people, and viewers."""
    for endpoint, role in product(ACCESS, READERS):
        if endpoint[0] == "GET":
            ok(ask(promotions.client(principal(role, tenant_id=FJORD)), endpoint, ids))


def test_anothers_things_are_not_there(promotions, rita, ids):
    """D5, S3-22: the same answer as for an id that is nobody's, in every endpoint and whatever version is named."""
    before = everything(promotions)
    nobodys = {place: str(uuid4()) for place in ids}
    for endpoint in (entry for entry in ACCESS if "<" in entry[1]):
        for company in (str(FJORD), str(BERGEN)):
            if endpoint[1] == COMPANY and company == str(BERGEN):
                continue  # her own
            foreign = ask(rita, endpoint, ids | {"<company_id>": company})
            absent = ask(rita, endpoint, nobodys | {"<company_id>": company})
            stale = ask(rita, endpoint, ids | {"<company_id>": company}, headers={"If-Match": '"99"'})
            assert foreign.status_code == absent.status_code == stale.status_code == 404, endpoint
            assert without_ids(foreign, ids) == without_ids(absent, nobodys)
    assert everything(promotions) == before


def test_lists_hold_nothing_of_others(rita, ids):
    """D5."""
    hers = {"<company_id>": RITA.tenant_slug}
    for endpoint in (("GET", COMPANY), ("GET", CAMPAIGNS), ("GET", LINKED)):
        page = ok(ask(rita, endpoint, hers))
        assert (page["items"], page["totalItems"]) == ([], 0)


def without_ids(answer, ids):
    body = {name: value for name, value in answer.json.items() if name != "timestamp"}
    text = str(body)
    for key in ids.values():
        text = text.replace(key, "…")
    return text
