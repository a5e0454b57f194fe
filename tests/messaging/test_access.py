"""Who may call which endpoint: every one of them, as everybody."""

from dataclasses import replace
from itertools import product
from uuid import uuid4

import pytest

from contracts.roles import Role
from tests.messaging.helpers import (
    ANNA,
    ASTA,
    BADGE,
    MESSAGING,
    OTTO,
    RITA,
    ROLF,
    RUNE,
    THREADS,
    badge,
    begun,
    everything,
    is_problem,
    last_id,
    listed,
    opening,
    write,
)
from tests.plugin import endpoints, principal

ONE = f"{THREADS}/<uuid:thread_id>"
SUPPLIERS = {Role.SUPPLIER_ADMIN}
PARTIES = SUPPLIERS | {Role.RETAILER_ADMIN}
READERS = PARTIES | {Role.RETAILER_VIEWER}

ACCESS = {
    ("GET", THREADS): (READERS, None),
    ("POST", THREADS): (SUPPLIERS, opening()),
    ("GET", BADGE): (READERS, None),
    ("GET", ONE): (READERS, None),
    ("GET", f"{ONE}/messages"): (READERS, None),
    ("POST", f"{ONE}/messages"): (PARTIES, {"body": "Looks good."}),
    ("PUT", f"{ONE}/read"): (PARTIES, None),
    ("PUT", f"{ONE}/unread"): (PARTIES, None),
    ("PUT", f"{ONE}/archive"): (PARTIES, None),
    ("DELETE", f"{ONE}/archive"): (PARTIES, None),
    ("GET", f"{MESSAGING}/audit"): (READERS, None),
}


@pytest.fixture
def thread_id(anna):
    return last_id(begun(anna))


def ask(client, endpoint, thread_id, **kwargs):
    method, path = endpoint
    body = ACCESS[endpoint][1]
    path = path.replace("<uuid:thread_id>", str(thread_id))
    return client.open(path, method=method, **({} if body is None else {"json": body}), **kwargs)


def without_request_id(answer):
    request_id = answer.headers.pop("X-Request-Id")
    return answer.get_data(as_text=True).replace(request_id, ""), dict(answer.headers)


def test_the_table_names_every_endpoint(messaging):
    """S0-62."""
    assert {key: set(roles) for key, roles in endpoints(messaging.app).items()} == {
        key: roles for key, (roles, _) in ACCESS.items()
    }


def test_nobody_unknown_gets_in(messaging, thread_id):
    """S0-5."""
    before = everything(messaging)
    for endpoint in ACCESS:
        is_problem(ask(messaging.client(None), endpoint, thread_id), 401, "unauthorized")
    assert everything(messaging) == before


def test_with_the_flag_off_nothing_answers(messaging, thread_id):
    """S0-1, S0-2, D15: each side by its own tenant's flag, whatever its role and the other two flags."""
    before = everything(messaging)
    for endpoint, role, tenant in product(ACCESS, Role, (ANNA, ROLF)):
        person = principal(role, tenant_id=tenant.tenant_id, features=frozenset({"campaigns", "prm"}))
        is_problem(ask(messaging.client(person), endpoint, thread_id), 403, "feature_disabled")
    assert everything(messaging) == before


def test_one_sides_flag_does_not_gate_the_other(messaging, thread_id):
    """D15."""
    without = principal(Role.SUPPLIER_ADMIN, tenant_id=ANNA.tenant_id, features=frozenset())
    is_problem(messaging.client(without).get(THREADS), 403, "feature_disabled")
    assert messaging.client(ROLF).get(f"{THREADS}/{thread_id}").status_code == 200


def test_the_wrong_role_is_refused(messaging, thread_id):
    """S0-6, S0-7, S0-8, S0-56, D5: before anything is looked up, so also for ids that are nobody's."""
    before = everything(messaging)
    for endpoint, role, tenant in product(ACCESS, Role, (ANNA, ROLF)):
        if role not in ACCESS[endpoint][0]:
            client = messaging.client(principal(role, tenant_id=tenant.tenant_id))
            is_problem(ask(client, endpoint, thread_id), 403, "forbidden")
            is_problem(ask(client, endpoint, uuid4()), 403, "forbidden")
    assert everything(messaging) == before


def test_to_a_third_party_a_thread_does_not_exist(messaging, thread_id):
    """S0-9, S0-59, D5: the answer is the same to the letter as for an id that is nobody's, in every endpoint."""
    before = everything(messaging)
    for endpoint, stranger in product((entry for entry in ACCESS if "<" in entry[1]), (OTTO, RITA, RUNE)):
        client = messaging.client(stranger)
        foreign, absent = ask(client, endpoint, thread_id), ask(client, endpoint, uuid4())
        is_problem(foreign, 404, "not_found")
        assert without_request_id(foreign) == without_request_id(absent)
        is_problem(ask(client, endpoint, thread_id, headers={"If-Match": '"99"'}), 404, "not_found")
    assert everything(messaging) == before


def test_a_party_in_the_other_sides_role_is_none(messaging, thread_id):
    """S0-55: a tenant stands on one side of a thread, and only there."""
    for tenant, role in ((ANNA, Role.RETAILER_ADMIN), (ROLF, Role.SUPPLIER_ADMIN)):
        client = messaging.client(principal(role, tenant_id=tenant.tenant_id))
        is_problem(client.get(f"{THREADS}/{thread_id}"), 404, "not_found")
        assert client.get(THREADS).json["items"] == []


def test_lists_and_the_badge_hold_nothing_of_others(messaging, anna, otto, rolf, thread_id):
    """S0-9, S0-59: in lists, searches, badge and trail, also of two suppliers with the same retailer."""
    write(rolf, begun(otto, subject="Otto's", firstMessage="The artwork"), "Rolf to Otto")
    write(rolf, f"{THREADS}/{thread_id}", "Rolf to Anna")
    assert listed(anna) == ["Spring campaign artwork"]
    assert listed(otto) == ["Otto's"]
    assert len(listed(rolf)) == 2
    assert (badge(anna), badge(otto), badge(rolf)) == (1, 1, 0)
    for word, subjects in (("Otto", ["Otto's"]), ("artwork", ["Otto's"]), ("spring", []), ("Anna", [])):
        assert listed(otto, f"?q={word}") == subjects
    for stranger in (RITA, RUNE):
        client = messaging.client(stranger)
        assert (listed(client), listed(client, "?q=artwork"), badge(client)) == ([], [], 0)
        assert client.get(f"{MESSAGING}/audit").json["items"] == []
    assert otto.get(f"{MESSAGING}/audit?targetId={thread_id}").json["totalItems"] == 0


def test_everybody_of_a_tenant_sees_its_threads(messaging, anna, rolf, thread_id):
    """The parties are tenants: what one of its people has read, the tenant has read."""
    address, asta = f"{THREADS}/{thread_id}", messaging.client(ASTA)
    write(rolf, address)
    assert asta.get(address).json == anna.get(address).json
    asta.put(f"{address}/read")
    assert (badge(asta), badge(anna)) == (0, 0)
    assert write(asta, address, "From Asta")["senderName"] == "Asta"


VIEWER = replace(ROLF, role=Role.RETAILER_VIEWER, user_id=uuid4(), name="Viewer")


def test_a_viewer_reads_what_the_company_reads(messaging, anna, rolf, thread_id):
    """Threads, messages, badge and trail, and nothing of it moves a read mark (S0-65)."""
    write(anna, f"{THREADS}/{thread_id}")
    before = everything(messaging)
    for endpoint in (entry for entry in ACCESS if entry[0] == "GET"):
        answer = ask(messaging.client(VIEWER), endpoint, thread_id)
        assert answer.status_code == 200
        assert answer.json == ask(rolf, endpoint, thread_id).json
    viewed, own = badge(messaging.client(VIEWER)), badge(rolf)
    assert viewed == own > 0
    assert everything(messaging) == before


def test_a_viewer_marks_nothing_for_the_company(messaging, anna, rolf, thread_id):
    """The read mark is the company's (S0-65), and what waits for an answer must not look done."""
    address = f"{THREADS}/{thread_id}"
    rolf.put(f"{address}/read")
    write(anna, address)
    viewer = messaging.client(VIEWER)
    for method, step in (("PUT", "read"), ("PUT", "unread"), ("PUT", "archive"), ("DELETE", "archive")):
        is_problem(viewer.open(f"{address}/{step}", method=method), 403, "forbidden")
    is_problem(viewer.post(f"{address}/messages", json={"body": "Hello"}), 403, "forbidden")
    assert (badge(rolf), badge(viewer)) == (1, 1)
    rolf.put(f"{address}/read")
    assert (badge(rolf), badge(viewer)) == (0, 0)


def test_a_third_partys_viewer_finds_nothing(messaging, thread_id):
    """S0-59."""
    for stranger in (RITA, RUNE):
        client = messaging.client(replace(stranger, role=Role.RETAILER_VIEWER))
        is_problem(client.get(f"{THREADS}/{thread_id}"), 404, "not_found")
        is_problem(client.get(f"{THREADS}/{thread_id}/messages"), 404, "not_found")
        assert (listed(client), badge(client)) == ([], 0)
