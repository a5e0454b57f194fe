"""Administration of tenants and their features (http-contract; S0-1, S0-4; D6, D7, D8)."""

import threading
import unicodedata
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from chassis.core.principal import Principal, acting_as
from services.identity.tenants import tasks
from services.identity.tenants.models import Tenant
from tests.identity.conftest import ADMIN, is_problem


def test_a_tenant_is_created_as_the_contract_shows(identity):
    answer = identity.admin.post(
        ADMIN, json={"name": " Nordic Heating ", "kind": "Supplier", "features": ["prm", "campaigns", "prm"]}
    )
    assert answer.status_code == 201
    assert answer.headers["ETag"] == '"1"'
    tenant = answer.json
    assert tenant == {
        "id": tenant["id"],
        "slug": "nordic-heating",
        "name": "Nordic Heating",
        "kind": "Supplier",
        "timeZone": "Europe/Stockholm",
        "features": ["campaigns", "prm"],
        "suspended": False,
        "exportedAt": None,
        "endsAt": None,
    }
    read = identity.admin.get(f"{ADMIN}/{tenant['id']}")
    assert (read.json, read.headers["ETag"]) == (tenant, '"1"')
    (event,) = identity.running.events()
    assert event["type"] == "identity.TenantCreated.v2"
    assert (event["subject"], event["sequence"], event["tenantids"]) == (tenant["id"], 1, tenant["id"])
    assert event["data"] == {
        "tenantId": tenant["id"],
        "slug": "nordic-heating",
        "name": "Nordic Heating",
        "kind": "Supplier",
        "timeZone": "Europe/Stockholm",
        "features": ["campaigns", "prm"],
    }
    (entry,) = identity.trail(tenant["id"])
    assert (entry["action"], entry["actorName"], entry["tenantId"]) == ("tenant.created", "Olga Operator", tenant["id"])
    assert entry["changes"]["features"] == [None, ["campaigns", "prm"]]


def test_features_are_off_unless_given(identity):
    assert identity.admin.get(f"{ADMIN}/{identity.tenant()}").json["features"] == []


def test_patch_changes_name_and_time_zone(identity, tenant):
    answer = identity.admin.patch(f"{ADMIN}/{tenant}", json={"name": "Nordic Heat", "timeZone": "Europe/Oslo"})
    assert answer.status_code == 200
    assert (answer.json["name"], answer.json["timeZone"]) == ("Nordic Heat", "Europe/Oslo")
    assert answer.headers["ETag"] == '"2"'
    event = identity.running.events("identity.TenantChanged.v2")[-1]
    assert (event["sequence"], event["tenantids"], event["subject"]) == (2, tenant, tenant)
    assert event["data"] == {
        "tenantId": tenant,
        "slug": "nordic-heating",
        "name": "Nordic Heat",
        "kind": "Supplier",
        "timeZone": "Europe/Oslo",
        "features": ["campaigns", "prm"],
    }
    entry = identity.trail(tenant)[0]
    assert entry["action"] == "tenant.changed"
    assert entry["changes"] == {
        "name": ["Nordic Heating", "Nordic Heat"],
        "timeZone": ["Europe/Stockholm", "Europe/Oslo"],
    }


def test_the_three_s0_flags_are_switched_one_by_one(identity, tenant):
    """S0-1: independent flags; names left out keep their value."""
    address = f"{ADMIN}/{tenant}/features"
    assert identity.admin.put(address, json={"prm": False}).json["features"] == ["campaigns"]
    assert identity.admin.put(address, json={"messaging": True}).json["features"] == ["campaigns", "messaging"]
    answer = identity.admin.put(address, json={"campaigns": False, "prm": True, "messaging": True})
    assert answer.json["features"] == ["prm", "messaging"]
    assert [event["sequence"] for event in identity.running.events()] == [1, 2, 3, 4]
    entry = identity.trail(tenant)[0]
    assert entry["action"] == "tenant.features_switched"
    assert entry["changes"] == {"features": [["campaigns", "messaging"], ["prm", "messaging"]]}


@pytest.mark.parametrize(
    ("path", "method", "body"),
    [("", "PATCH", {}), ("", "PATCH", {"name": "Nordic Heating"}), ("/features", "PUT", {"campaigns": True})],
)
def test_what_changes_nothing_tells_nobody(identity, tenant, path, method, body):
    before = identity.rows()
    answer = identity.admin.open(f"{ADMIN}/{tenant}{path}", method=method, json=body)
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert identity.rows() == before


GOOD = {"name": "Fjord Retail", "kind": "Retailer"}
BAD = [
    {},
    [],
    "Fjord",
    {"name": "Fjord"},
    {"kind": "Retailer"},
    GOOD | {"name": "  "},
    GOOD | {"name": 7},
    GOOD | {"name": None},
    GOOD | {"name": "x" * 201},
    GOOD | {"name": "Fjord\nRetail"},
    GOOD | {"name": "Fjord\u202eRetail"},
    GOOD | {"kind": "Platform"},
    GOOD | {"kind": "retailer"},
    GOOD | {"kind": ["Retailer"]},
    GOOD | {"timeZone": "Europe/Nowhere"},
    GOOD | {"timeZone": "../etc/passwd"},
    GOOD | {"timeZone": ""},
    GOOD | {"timeZone": None},
    GOOD | {"timeZone": 2},
    GOOD | {"features": ["teleport"]},
    GOOD | {"features": "campaigns"},
    GOOD | {"features": {"campaigns": True}},
    GOOD | {"features": [None]},
    GOOD | {"features": ["prm"] * 6},
    GOOD | {"id": str(UUID(int=1))},
    GOOD | {"version": 3},
]


@pytest.mark.parametrize("body", BAD, ids=lambda body: str(body)[:80])
def test_bad_tenants_are_refused_and_nothing_is_written(identity, body):
    is_problem(identity.admin.post(ADMIN, json=body), 422, "validation_failed")
    assert set(identity.rows().values()) == {0}


def test_nul_is_refused(identity):
    is_problem(identity.admin.post(ADMIN, json={"name": "a\x00b", "kind": "Retailer"}), 400, "malformed")
    is_problem(identity.admin.get(f"{ADMIN}?q=a%00"), 400, "malformed")
    assert identity.rows()["tenants"] == 0


BAD_CHANGES = [
    ("", "PATCH", {"version": 3}),
    ("", "PATCH", {"name": "a\nb"}),
    ("", "PATCH", {"name": "a\u202eb"}),
    ("", "PATCH", {"name": " "}),
    ("", "PATCH", {"name": None}),
    ("", "PATCH", {"timeZone": "CET/Oslo"}),
    ("/features", "PUT", {"teleport": True}),
    ("/features", "PUT", {"campaigns": "true"}),
    ("/features", "PUT", {"campaigns": 1}),
    ("/features", "PUT", {"campaigns": None}),
    ("/features", "PUT", ["campaigns"]),
]


def test_a_tenant_can_be_sent_back_as_its_own_change(identity, tenant):
    """D65: what a change cannot write is ignored, and stays as it is."""
    answer = identity.admin.get(f"{ADMIN}/{tenant}").json
    before = identity.rows()
    for more in ({}, {"kind": "Retailer", "slug": "other", "features": [], "id": str(uuid4())}):
        assert identity.admin.patch(f"{ADMIN}/{tenant}", json=answer | more).json == answer
    assert identity.rows() == before
    assert (
        identity.admin.patch(f"{ADMIN}/{tenant}", json=answer | {"name": "Nordic Heat"}).json["slug"] == answer["slug"]
    )


def test_tenants_are_found_in_any_case_and_spelling(identity):
    """D62, for all letters and on both databases."""
    names = ["Москва Тепло", "Café Åse", "STRASSE 100%"]
    ids = {name: identity.tenant(unicodedata.normalize("NFD", name), "Retailer") for name in names}
    search = lambda q: [item["id"] for item in identity.admin.get(ADMIN, query_string={"q": q}).json["items"]]  # noqa: E731
    for q, name in (
        ("москва", names[0]),
        ("ТЕПЛО", names[0]),
        ("café", names[1]),
        ("åSE", names[1]),
        ("straße", names[2]),
    ):
        assert search(q) == search(unicodedata.normalize("NFD", q)) == [ids[name]], q
    assert search("%") == [ids["STRASSE 100%"]]
    assert search("_") == []
    identity.admin.patch(f"{ADMIN}/{ids[names[0]]}", json={"name": "Ёлка"})
    assert (search("москва"), search("ёлк")) == ([], [ids[names[0]]])
    assert "nameFolded" not in str(identity.trail())


def test_tenants_of_older_code_become_findable(identity):
    tenant = identity.tenant("Москва")
    with acting_as(Principal.system("test")), identity.running.database.begin() as session:
        session.execute(update(Tenant).values(name_folded=None))
    with acting_as(Principal.system("identity")):
        assert tasks.name_tenants(identity.running.runtime) is False
    assert [item["id"] for item in identity.admin.get(f"{ADMIN}?q=москва").json["items"]] == [tenant]


@pytest.mark.parametrize(("path", "method", "body"), BAD_CHANGES)
def test_bad_changes_are_refused_and_nothing_is_written(identity, tenant, path, method, body):
    before = identity.rows()
    is_problem(identity.admin.open(f"{ADMIN}/{tenant}{path}", method=method, json=body), 422, "validation_failed")
    assert identity.rows() == before


@pytest.mark.parametrize(
    ("path", "method", "body"), [("", "PATCH", {"name": "X"}), ("/features", "PUT", {"prm": False})]
)
def test_a_stale_if_match_is_refused(identity, tenant, path, method, body):
    """D6: 412 and nothing has changed; without If-Match the write goes through."""
    address = f"{ADMIN}/{tenant}{path}"
    before = identity.rows()
    is_problem(
        identity.admin.open(address, method=method, json=body, headers={"If-Match": '"9"'}), 412, "stale_version"
    )
    assert identity.rows() == before
    assert identity.admin.open(address, method=method, json=body, headers={"If-Match": '"1"'}).status_code == 200
    is_problem(
        identity.admin.open(address, method=method, json=body, headers={"If-Match": '"1"'}), 412, "stale_version"
    )


@pytest.mark.parametrize("tenant_id", [uuid4(), "no-uuid"], ids=["unknown", "no id"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"name": "X"}),
        ("PUT", "/features", {}),
        ("GET", "/users", None),
        ("GET", "/api-keys", None),
        ("POST", "/api-keys", {"name": "X"}),
    ],
)
def test_unknown_tenants_are_404(identity, tenant_id, method, path, body):
    is_problem(identity.admin.open(f"{ADMIN}/{tenant_id}{path}", method=method, json=body), 404, "not_found")


def test_the_list_comes_in_pages_and_can_be_narrowed(identity):
    ids = [identity.tenant(f"Retailer {n}", "Retailer") for n in range(3)]
    supplier = identity.tenant("100% Heat_ing", "Supplier")
    page = identity.admin.get(f"{ADMIN}?page=2&pageSize=3").json
    assert [item["id"] for item in page["items"]] == [supplier]
    assert {k: v for k, v in page.items() if k != "items"} == {
        "page": 2,
        "pageSize": 3,
        "totalItems": 4,
        "totalPages": 2,
    }

    def search(query):
        return [item["id"] for item in identity.admin.get(f"{ADMIN}?{query}").json["items"]]

    assert search("kind=Retailer") == ids
    assert search("q=rEtAiLeR%201") == [ids[1]]
    assert search("q=0%25%20h") == [supplier]
    assert search("q=r_t") == []
    assert search("page=1000000") == []


@pytest.mark.parametrize(
    "query", ["page=0", "pageSize=201", "page=x", "kind=Bank", "q=", f"q={'x' * 201}", "sort=name"]
)
def test_absurd_lists_are_refused(identity, query):
    is_problem(identity.admin.get(f"{ADMIN}?{query}"), 422, "validation_failed")


def test_a_repeated_post_creates_one_tenant(identity):
    """D7."""
    key = {"Idempotency-Key": "once"}
    first = identity.admin.post(ADMIN, json=GOOD, headers=key)
    again = identity.admin.post(ADMIN, json=GOOD, headers=key)
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert identity.rows()["tenants"] == 1
    other = identity.admin.post(ADMIN, json=GOOD | {"name": "Other"}, headers=key)
    is_problem(other, 422, "idempotency_key_reused")


def test_features_switched_at_the_same_moment_all_count(identity, tenant):
    """Row locks: no switch is lost, and the events have no gap."""
    names = ["messaging", "promotions", "affiliates"]

    def switch(name):
        assert identity.admin.put(f"{ADMIN}/{tenant}/features", json={name: True}).status_code == 200

    threads = [threading.Thread(target=switch, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert identity.admin.get(f"{ADMIN}/{tenant}").json["features"] == ["campaigns", "prm", *names]
    assert [event["sequence"] for event in identity.running.events()] == [1, 2, 3, 4]
