"""Who may call which endpoint: every one of them, as everybody."""

from dataclasses import replace
from itertools import product
from uuid import uuid4

import pytest

from contracts.roles import Role
from services.campaigns import service
from tests.campaigns.helpers import (
    ANNA,
    CAMPAIGNS,
    OTTO,
    RITA,
    ROLF,
    SPRING,
    VERA,
    draft,
    invite_of,
    is_problem,
    rows,
    sent,
)
from tests.plugin import endpoints, principal

ONE = f"{CAMPAIGNS}/<uuid:campaign_id>"
INVITE = f"{CAMPAIGNS}/invites/<uuid:invite_id>"
WRITERS = {Role.SUPPLIER_ADMIN}
READERS = WRITERS | {Role.SUPPLIER_VIEWER}
RETAILERS = {Role.RETAILER_ADMIN}
INBOX = RETAILERS | {Role.RETAILER_VIEWER}

ACCESS = {
    ("GET", CAMPAIGNS): (READERS, None),
    ("POST", CAMPAIGNS): (WRITERS, SPRING),
    ("GET", ONE): (READERS, None),
    ("PUT", ONE): (WRITERS, SPRING),
    ("DELETE", ONE): (WRITERS, None),
    ("GET", f"{ONE}/invites"): (READERS, None),
    ("POST", f"{ONE}/send"): (WRITERS, {"retailerIds": [str(ROLF.tenant_id)]}),
    ("POST", f"{ONE}/status"): (WRITERS, {"status": "ResponsesIn"}),
    ("GET", f"{CAMPAIGNS}/invites"): (INBOX, None),
    ("GET", INVITE): (INBOX, None),
    ("POST", f"{INVITE}/respond"): (RETAILERS, {"response": "Accepted"}),
    ("GET", f"{CAMPAIGNS}/audit"): (WRITERS | INBOX, None),
}


@pytest.fixture
def ids(anna, rolf):
    address = sent(anna, ROLF)
    return {"<uuid:campaign_id>": address.rpartition("/")[2], "<uuid:invite_id>": invite_of(rolf).rpartition("/")[2]}


def ask(client, endpoint, ids, **kwargs):
    method, path = endpoint
    for name, value in ids.items():
        path = path.replace(name, value)
    body = ACCESS[endpoint][1]
    return client.open(path, method=method, **({} if body is None else {"json": body}), **kwargs)


def without_request_id(answer):
    request_id = answer.headers.pop("X-Request-Id")
    return answer.get_data(as_text=True).replace(request_id, ""), dict(answer.headers)


def test_the_table_names_every_endpoint(campaigns):
    assert {key: set(roles) for key, roles in endpoints(campaigns.app).items()} == {
        key: roles for key, (roles, _) in ACCESS.items()
    }


def test_nobody_unknown_gets_in(campaigns, ids):
    """S0-5."""
    before = rows(campaigns)
    for endpoint in ACCESS:
        is_problem(ask(campaigns.client(None), endpoint, ids), 401, "unauthorized")
    assert rows(campaigns) == before


def test_with_the_flag_off_nothing_answers(campaigns, ids):
    """S0-1, S0-2, D15: each side by its own tenant's flag, whatever its role and the other two flags."""
    before = rows(campaigns)
    for endpoint, role in product(ACCESS, Role):
        person = principal(role, tenant_id=ANNA.tenant_id, features=frozenset({"prm", "messaging"}))
        is_problem(ask(campaigns.client(person), endpoint, ids), 403, "feature_disabled")
    assert rows(campaigns) == before


def test_the_wrong_role_is_refused(campaigns, ids):
    """S0-6, S0-7, S0-8, D5: before anything is looked up, so also for ids that are nobody's."""
    before = rows(campaigns)
    for endpoint, role, tenant in product(ACCESS, Role, (ANNA, ROLF)):
        if role not in ACCESS[endpoint][0]:
            client = campaigns.client(principal(role, tenant_id=tenant.tenant_id))
            is_problem(ask(client, endpoint, ids), 403, "forbidden")
            is_problem(ask(client, endpoint, dict.fromkeys(ids, str(uuid4()))), 403, "forbidden")
    assert rows(campaigns) == before


def test_what_is_anothers_does_not_exist(campaigns, ids):
    """S0-9, D5: the answer is the same to the letter as for an id that is nobody's, whatever version is expected."""
    before = rows(campaigns)
    for endpoint in (entry for entry in ACCESS if "<" in entry[1]):
        client = campaigns.client(RITA if "invite_id" in endpoint[1] else OTTO)
        foreign, absent = ask(client, endpoint, ids), ask(client, endpoint, dict.fromkeys(ids, str(uuid4())))
        is_problem(foreign, 404, "not_found")
        assert without_request_id(foreign) == without_request_id(absent)
        is_problem(ask(client, endpoint, ids, headers={"If-Match": '"99"'}), 404, "not_found")
    assert rows(campaigns) == before


def test_lists_hold_nothing_of_others(campaigns, anna, ids):
    """S0-9: in lists, trails and counts, also of a supplier and a retailer that share a retailer or a campaign."""
    for person, path in ((OTTO, ""), (OTTO, "/audit"), (RITA, "/invites"), (RITA, "/audit")):
        page = campaigns.client(person).get(CAMPAIGNS + path).json
        assert (page["items"], page["totalItems"]) == ([], 0)
    mine = draft(campaigns.client(OTTO), name="Otto's")
    board = campaigns.client(OTTO).get(CAMPAIGNS).json
    assert [item["name"] for item in board["items"]] == ["Otto's"]
    assert board["totalItems"] == 1
    assert anna.get(CAMPAIGNS).json["totalItems"] == 1
    is_problem(anna.get(mine), 404, "not_found")
    assert anna.get(f"{CAMPAIGNS}/audit?targetId={mine.rpartition('/')[2]}").json["totalItems"] == 0


def test_a_viewer_reads_what_the_admin_reads(campaigns, anna, rolf, ids):
    """S0-7, and the same on the retailer's side."""
    viewer_of_rolfs = campaigns.client(replace(ROLF, role=Role.RETAILER_VIEWER, user_id=uuid4()))
    before = rows(campaigns)
    for endpoint in (entry for entry in ACCESS if entry[0] == "GET"):
        for admin, viewer in ((anna, campaigns.client(VERA)), (rolf, viewer_of_rolfs)):
            if viewer is not viewer_of_rolfs and Role.SUPPLIER_VIEWER not in ACCESS[endpoint][0]:
                is_problem(ask(viewer, endpoint, ids), 403, "forbidden")
                continue
            assert ask(viewer, endpoint, ids).status_code == ask(admin, endpoint, ids).status_code
            assert ask(viewer, endpoint, ids).json.get("items") == ask(admin, endpoint, ids).json.get("items")
    assert ask(campaigns.client(VERA), ("GET", ONE), ids).json["inviteCount"] == 1
    assert ask(viewer_of_rolfs, ("GET", INVITE), ids).json == ask(rolf, ("GET", INVITE), ids).json
    assert rows(campaigns) == before


def test_a_viewer_of_another_tenant_finds_nothing(campaigns, ids):
    """S0-9."""
    for endpoint in (entry for entry in ACCESS if entry[0] == "GET"):
        is_for_retailers = Role.RETAILER_VIEWER in ACCESS[endpoint][0]
        stranger = replace(RITA, role=Role.RETAILER_VIEWER) if is_for_retailers else replace(OTTO, role=VERA.role)
        answer = ask(campaigns.client(stranger), endpoint, ids)
        if "<" in endpoint[1]:
            is_problem(answer, 404, "not_found")
        else:
            assert answer.json["items"] == [], endpoint


def test_the_service_declares_what_it_publishes(campaigns, anna, rolf, ids):
    """Every event written is declared."""
    rolf.post(f"{invite_of(rolf)}/respond", json={"response": "Accepted"})
    assert {event["type"] for event in campaigns.events()} <= {event.event_type for event in service.events}
    assert len(service.events) == 7
