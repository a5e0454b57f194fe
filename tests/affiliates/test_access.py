"""Who may call which endpoint: every one of them, as everybody."""

from itertools import product
from uuid import uuid4

import pytest

from chassis.core.principal import Principal
from contracts.roles import Role
from contracts.services import GATEWAY, SERVICES
from tests.affiliates.helpers import (
    ADA,
    ADMIN,
    CAMPAIGNS,
    KEYED,
    LISTING,
    MAJA,
    NAME,
    OTTO,
    PORTAL,
    SALE,
    SHOP,
    SIGNED_IN,
    assert_problem,
    created,
    enrolled,
    everything,
    ids,
    last_id,
    ok,
    order,
    refused,
    reported,
)
from tests.plugin import endpoints, principal

MERCHANT = {Role.MERCHANT_ADMIN, Role.MACHINE}
READERS = MERCHANT | {Role.MERCHANT_VIEWER}
OPERATOR = {Role.PLATFORM_ADMIN}
ONE = "campaigns/<uuid:campaign_id>"
AFFILIATE = "affiliates/<uuid:affiliate_id>"

BOTH_DOORS = {
    ("GET", "campaigns"): None,
    ("POST", "campaigns"): SALE,
    ("GET", ONE): None,
    ("PATCH", ONE): {"title": "Another"},
    ("POST", f"{ONE}/activate"): None,
    ("POST", f"{ONE}/pause"): None,
    ("GET", "campaigns/audit"): None,
    ("GET", f"{ONE}/links"): None,
    ("POST", f"{ONE}/links"): {"affiliateId": str(uuid4()), "destination": "https://shop.example/"},
    ("GET", "products"): None,
    ("POST", "products"): {"products": [{"externalId": "SKU-1", "name": "Shoes", "price": "1.00"}]},
    ("GET", "products/<string:external_id>"): None,
    ("GET", "affiliates"): None,
    ("POST", "affiliates"): {"name": "Bina", "email": "bina@blog.example"},
    ("GET", AFFILIATE): None,
    ("POST", f"{AFFILIATE}/approve"): None,
    ("POST", f"{AFFILIATE}/suspend"): None,
    ("POST", f"{AFFILIATE}/invite"): None,
    ("GET", "conversions"): None,
    ("POST", "conversions"): order("A-8"),
    ("POST", "conversions/preview"): order("A-8"),
    ("GET", "conversions/<path:external_order_id>"): None,
    ("POST", "conversions/<path:external_order_id>/status"): {"status": "confirmed"},
    ("GET", "ledger"): None,
    ("GET", "ledger/balances"): None,
    ("GET", "reports"): None,
    ("GET", "statements"): None,
    ("GET", "settings"): None,
    ("PUT", "settings"): {},
}
"""What the merchant API has, below either prefix (D1), with a body that fits."""

OTHERS = {
    ("POST", f"{ADMIN}/<uuid:campaign_id>/approve"): (OPERATOR, None),
    ("PUT", f"{ADMIN}/<uuid:campaign_id>/visibility"): (OPERATOR, {"visibility": "PUBLIC"}),
}
OWN = {
    ("GET", f"{PORTAL}/{path}"): ({Role.AFFILIATE}, None)
    for path in ("me", "campaigns", ONE, "links", "clicks", "conversions", "balance", "statements")
}
"""What an affiliate sees of itself; ``portal/`` tries what is in it."""
PUBLIC = {("GET", LISTING), ("GET", "/r/<path:code>")}

ACCESS = (
    {
        (method, f"{prefix}/{path}"): (READERS if method == "GET" or path == "conversions/preview" else MERCHANT, body)
        for (method, path), body in BOTH_DOORS.items()
        for prefix in (KEYED, SIGNED_IN)
    }
    | OTHERS
    | OWN
)
MERCHANTS_OWN = ACCESS.keys() - OTHERS.keys() - OWN.keys()


@pytest.fixture
def things(shop):
    """One of each of the merchant's things, by the name that paths give its id."""
    ok(shop.post(f"{KEYED}/products", json={"products": [{"externalId": "SKU-9", "name": "Shoes", "price": 1}]}), 202)
    return {
        "uuid:campaign_id": last_id(created(shop)),
        "uuid:affiliate_id": enrolled(shop),
        "string:external_id": "SKU-9",
        "path:external_order_id": reported(shop, "A-9") and "A-9",
    }


def ask(client, endpoint, things, **kwargs):
    method, path = endpoint
    body = ACCESS[endpoint][1]
    for name, value in things.items():
        path = path.replace(f"<{name}>", str(value))
    return client.open(path, method=method, **({} if body is None else {"json": body}), **kwargs)


def nowhere(things):
    return {name: uuid4() for name in things}


def without_request_id(answer):
    request_id = answer.headers.pop("X-Request-Id")
    return answer.get_data(as_text=True).replace(request_id, ""), dict(answer.headers)


def test_the_table_names_every_endpoint(affiliates):
    """S2-1 … S2-6: both route prefixes have the same (D1)."""
    expected = {key: roles for key, (roles, _) in ACCESS.items()} | {key: set() for key in PUBLIC}
    expected |= {("GET", f"/internal/{AFFILIATE}"): {Role.SYSTEM}}
    assert {key: set(roles) for key, roles in endpoints(affiliates.app).items()} == expected


def test_identity_alone_hears_by_what_an_affiliate_is_known(affiliates, shop):
    """Whose it is, and that nobody signs in as it; every sender else is refused."""
    bina = enrolled(shop)
    for sender in (*SERVICES, GATEWAY):
        client = affiliates.client(Principal.system(sender), sender=sender)
        answer = client.get(f"/internal/affiliates/{bina}")
        assert answer.status_code == (200 if sender == "identity" else 403), sender
        if sender == "identity":
            assert answer.json == {
                "merchantId": str(MAJA.tenant_id),
                "email": ok(shop.get(f"{KEYED}/affiliates/{bina}"))["email"],
                "userId": None,
            }
            assert client.get(f"/internal/affiliates/{uuid4()}").status_code == 404
    assert affiliates.client(MAJA, sender=GATEWAY).get(f"/internal/affiliates/{bina}").status_code == 403


def test_nobody_unknown_gets_in(affiliates, things):
    """S2-26, D5."""
    before = everything(affiliates)
    for endpoint in ACCESS:
        assert ask(affiliates.client(None), endpoint, things).status_code == 401, endpoint
    refused(affiliates.client(None).get(CAMPAIGNS), 401)
    assert everything(affiliates) == before


def test_with_the_flag_off_nothing_answers(affiliates, things):
    """D5: 403 before the role is looked at."""
    before = everything(affiliates)
    for endpoint, role in product(MERCHANTS_OWN, Role):
        person = principal(role, tenant_id=MAJA.tenant_id, features=frozenset({"campaigns", "prm"}))
        refused(ask(affiliates.client(person), endpoint, things), 403, "affiliates")
    assert everything(affiliates) == before


def test_with_the_flag_off_an_affiliate_sees_nothing(affiliates, things):
    """D5: the flag is the merchant's, whose tenant the affiliate signs in to."""
    for endpoint, role in product(OWN, Role):
        person = principal(role, tenant_id=MAJA.tenant_id, features=frozenset({"campaigns", "prm"}))
        assert_problem(ask(affiliates.client(person), endpoint, things), 403, "feature_disabled")


def test_the_wrong_role_is_refused(affiliates, things):
    """D5: before anything is looked up, so also for ids that are nobody's."""
    before = everything(affiliates)
    for endpoint, role in product(ACCESS, Role):
        if role not in ACCESS[endpoint][0]:
            client = affiliates.client(principal(role, tenant_id=MAJA.tenant_id))
            assert ask(client, endpoint, things).status_code == 403, (endpoint, role)
            assert ask(client, endpoint, nowhere(things)).status_code == 403, (endpoint, role)
    assert everything(affiliates) == before


def test_to_another_merchant_things_do_not_exist(affiliates, things):
    """S2-22, D5: the answer is the same to the letter as for an id that is nobody's, in every endpoint."""
    before = everything(affiliates)
    stranger = principal(Role.MACHINE, tenant_id=OTTO.tenant_id)
    for endpoint, person in product((entry for entry in MERCHANTS_OWN if "<" in entry[1]), (OTTO, stranger)):
        client = affiliates.client(person)
        foreign, absent = ask(client, endpoint, things), ask(client, endpoint, nowhere(things))
        refused(foreign, 404)
        assert without_request_id(foreign) == without_request_id(absent)
        refused(ask(client, endpoint, things, headers={"If-Match": '"99"'}), 404)
    assert everything(affiliates) == before


def test_lists_and_the_trail_hold_nothing_of_others(affiliates, shop, otto, things):
    """S2-2, S2-22."""
    theirs = last_id(created(otto, title="Otto's"))
    assert ids(ok(otto.get(CAMPAIGNS))) == [theirs]
    assert ids(ok(shop.get(CAMPAIGNS))) == [str(things["uuid:campaign_id"])]
    assert [row["targetId"] for row in ok(otto.get(f"{CAMPAIGNS}/audit"))["items"]] == [theirs]


def test_both_route_prefixes_lead_to_the_same(affiliates):
    """D1: what one makes the other sees."""
    shop, maja = affiliates.client(SHOP), affiliates.client(MAJA)
    made = ok(maja.post(f"{SIGNED_IN}/campaigns", json=SALE), 201)
    through_one, through_other = (client.get(f"{prefix}/campaigns/{made['id']}") for client, prefix in
                                  ((shop, KEYED), (maja, SIGNED_IN)))  # fmt: skip
    assert ok(through_one) == ok(through_other)
    refused(maja.get(f"{SIGNED_IN}/campaigns/{uuid4()}"), 404)
    refused(maja.get(f"{SIGNED_IN}/campaigns?pageSize=0"), 400)


def test_the_operator_sees_all_merchants_campaigns(affiliates, things):
    """D30."""
    for endpoint in OTHERS:
        assert ask(affiliates.client(ADA), endpoint, things).status_code == 200
        assert ask(affiliates.client(ADA), endpoint, nowhere(things)).status_code == 404


def test_a_viewer_reads_what_the_admin_reads(affiliates, maja, things):
    """Of its own merchant, below both prefixes; of another one nothing."""
    viewer = affiliates.client(principal(Role.MERCHANT_VIEWER, tenant_id=MAJA.tenant_id, **NAME))
    stranger = affiliates.client(principal(Role.MERCHANT_VIEWER, tenant_id=OTTO.tenant_id))
    before = everything(affiliates)
    for endpoint in (entry for entry in MERCHANTS_OWN if entry[0] == "GET"):
        answer = ask(viewer, endpoint, things)
        assert (answer.status_code, answer.json) == (200, ask(maja, endpoint, things).json), endpoint
        if "<" in endpoint[1]:
            refused(ask(stranger, endpoint, things), 404)
        elif not endpoint[1].endswith("settings"):
            assert ask(stranger, endpoint, things).json["items"] == [], endpoint
    assert everything(affiliates) == before


def test_a_viewer_may_ask_what_an_order_would_earn(affiliates, maja, things):
    """Nothing is recorded by it, so it is reading."""
    viewer = affiliates.client(principal(Role.MERCHANT_VIEWER, tenant_id=MAJA.tenant_id, **NAME))
    before = everything(affiliates)
    assert ok(viewer.post(f"{SIGNED_IN}/conversions/preview", json=order("A-8")))["externalOrderId"] == "A-8"
    assert everything(affiliates) == before
