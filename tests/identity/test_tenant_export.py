"""The export of a tenant: every row of it in all services and no other's, whoever is killed meanwhile, fetched as one
archive, after which the tenant may end."""

import io
import json
import zipfile
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from concord import platform
from contracts.roles import Role
from contracts.services import SERVICES
from privacy import tenants_duty
from services.identity.tenant_exports import rules, tasks
from services.identity.tenant_exports.models import TenantExport, TenantExportPart
from tests.identity.conftest import ADMIN, PASSWORD, is_problem
from tests.identity.test_account_concurrency import at_once
from tests.plugin import principal

OWN = "/api/v1/tenant/export"
SYSTEM = Principal.system("test")
FEATURES = ["campaigns", "prm", "messaging"]
SPRING = {
    "name": "Spring",
    "description": "Co-branded.",
    "participationAsk": "Join.",
    "startDate": "2026-04-01T00:00:00Z",
    "endDate": "2026-05-01T00:00:00Z",
}


@pytest.fixture
def world(identity, start_service):
    """Two suppliers that share a retailer, with relationships, tiers, groups, campaigns and conversations."""
    running = {name: start_service(platform.load(name)) for name in SERVICES}
    for name, other in running.items():
        identity.running.connect(name, other)
    for name in ("campaigns", "messaging"):
        running[name].connect("prm", running["prm"])
    running["prm"].connect("identity", identity.running)
    world = SimpleNamespace(identity=identity, running=running)
    world.anna = _company(world, "Nordic", "Supplier", Role.SUPPLIER_ADMIN)
    world.sven = _company(world, "Svea", "Supplier", Role.SUPPLIER_ADMIN)
    world.rolf = _company(world, "Fjord", "Retailer", Role.RETAILER_ADMIN)
    for other in running.values():
        other.deliver(*identity.running.events())
    for supplier in (world.anna, world.sven):
        _work_together(world, supplier, world.rolf)
    for name in ("prm", "campaigns", "messaging"):
        running["notifier"].deliver(*running[name].events())
    return world


def _company(world, name, kind, role):
    tenant = world.identity.tenant(name, kind, features=FEATURES)
    body = {"email": f"admin@{name.lower()}.example", "name": f"Admin of {name}", "role": role, "password": PASSWORD}
    answer = world.identity.admin.post(f"{ADMIN}/{tenant}/users", json=body)
    assert answer.status_code == 201, answer.json
    world.identity.api_key(tenant)
    return world.identity.fresh(
        principal(
            role,
            tenant_id=UUID(tenant),
            user_id=UUID(answer.json["id"]),
            name=body["name"],
            tenant_name=name,
            features=frozenset(FEATURES),
        )
    )


def _work_together(world, supplier, retailer):
    prm, campaigns, messaging = (world.running[name] for name in ("prm", "campaigns", "messaging"))
    shop = str(retailer.tenant_id)
    pair = _made(prm.client(supplier).post("/api/v1/prm/relationships", json={"retailerId": shop}))["id"]
    assert prm.client(retailer).post(f"/api/v1/prm/relationships/{pair}/accept").status_code == 200
    tier = _made(prm.client(supplier).post("/api/v1/prm/tiers", json={"name": f"Gold of {supplier.tenant_name}"}))["id"]
    assigned = prm.client(supplier).post(f"/api/v1/prm/tiers/{tier}/assign", json={"retailerId": shop})
    assert assigned.status_code == 200
    group = {"name": f"North of {supplier.tenant_name}", "retailerIds": [shop]}
    _made(prm.client(supplier).post("/api/v1/prm/groups", json=group))
    campaign = _made(
        campaigns.client(supplier).post(
            "/api/v1/campaigns", json=SPRING | {"targetingCriteria": f'{{"secret plan of": "{supplier.tenant_name}"}}'}
        )
    )["id"]
    sent = campaigns.client(supplier).post(f"/api/v1/campaigns/{campaign}/send", json={"retailerIds": [shop]})
    assert sent.status_code == 200, sent.json
    letter = {"retailerId": shop, "subject": f"Artwork of {supplier.tenant_name}", "firstMessage": "Here it is."}
    thread = _made(messaging.client(supplier).post("/api/v1/messaging/threads", json=letter))["id"]
    _made(messaging.client(retailer).post(f"/api/v1/messaging/threads/{thread}/messages", json={"body": "Fine."}))


def _made(answer):
    assert answer.status_code == 201, answer.json
    return answer.json


def gather(world):
    with acting_as(Principal.system("identity")):
        while tasks.gather(world.identity.running.runtime):
            pass


def operators(world, tenant):
    return f"{ADMIN}/{tenant.tenant_id}/export"


def exported(world, tenant):
    """The operator's export of a tenant, fetched: ``{path: rows}`` and the README."""
    answer = world.identity.admin.post(operators(world, tenant))
    assert answer.status_code == 202, answer.json
    gather(world)
    return fetch(world.identity.admin, world.identity.admin.get(operators(world, tenant)).json)


def fetch(client, export):
    assert export["state"] == "ready", export
    answer = client.get(export["archive"])
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as files:
        assert files.testzip() is None
        names = files.namelist()
        assert len(names) == len(set(names))
        rows = {
            name: [json.loads(line) for line in files.read(name).decode().splitlines()]
            for name in names
            if name.endswith(".jsonl")
        }
        return rows, files.read("README.txt").decode()


def counts_of(world, tenant):
    """How many rows of the tenant an archive had that was just fetched, by file, as the databases say."""
    counts = Counter()
    for name, running in world.running.items():
        with acting_as(SYSTEM), running.database.read() as session:
            for data in tenants_duty.tables_of(running.runtime):
                statement = select(func.count()).select_from(data.table).where(data.rows_of(tenant.tenant_id))
                counts[f"{name}/{data.table.name}.jsonl"] += session.scalar(statement)
    counts["identity/audit.jsonl"] -= 1  # that it was fetched
    return {path: count for path, count in counts.items() if count}


def make_due(world, **values):
    with acting_as(SYSTEM), world.identity.running.database.begin() as session:
        session.execute(update(TenantExport).values(next_at=utcnow() - timedelta(seconds=1), **values))


def export_rows(world):
    with acting_as(SYSTEM), world.identity.running.database.read() as session:
        return [session.scalar(select(func.count()).select_from(model)) for model in (TenantExport, TenantExportPart)]


def test_an_export_has_every_row_of_the_tenant_and_none_of_others(world):
    rows, readme = exported(world, world.anna)
    assert {path: len(lines) for path, lines in rows.items()} == counts_of(world, world.anna)
    assert set(rows) >= {
        *(f"identity/{table}.jsonl" for table in ("tenants", "users", "api_keys", "audit")),
        *(f"prm/{table}.jsonl" for table in ("relationships", "groups", "group_members", "tiers", "assignments")),
        *("campaigns/campaigns.jsonl", "campaigns/invites.jsonl", "messaging/threads.jsonl"),
        *("messaging/messages.jsonl", "notifier/contacts.jsonl", "notifier/event_log.jsonl"),
    }
    text = json.dumps(rows)
    assert "Svea" not in text
    assert str(world.sven.tenant_id) not in text
    assert [message["body"] for message in rows["messaging/messages.jsonl"]] == ["Here it is.", "Fine."]
    for path, lines in rows.items():
        assert f"{path}: {len(lines)} rows. " in readme
    assert "All that this platform keeps of Nordic" in readme


def test_what_two_share_is_there_without_what_one_keeps_for_itself(world):
    rows, _ = exported(world, world.rolf)
    assert {thread["supplier_name"] for thread in rows["messaging/threads.jsonl"]} == {"Nordic", "Svea"}
    assert not any("supplier_unread" in thread for thread in rows["messaging/threads.jsonl"])
    assert all("retailer_unread" in thread for thread in rows["messaging/threads.jsonl"])
    assert len(rows["campaigns/invites.jsonl"]) == 2
    assert not {"campaigns/campaigns.jsonl", "prm/tiers.jsonl", "prm/groups.jsonl"} & set(rows)
    text = json.dumps(rows)
    assert "secret plan" not in text
    assert "North of" not in text


def test_no_secret_is_in_an_export(world):
    hook = {"url": "http://127.0.0.1:9/", "types": ["identity.*"]}
    _made(world.running["notifier"].client(world.anna).post("/api/v1/webhooks", json=hook))
    rows, _ = exported(world, world.anna)
    assert not {"secret", "previous_secret"} & set(rows["notifier/webhooks.jsonl"][0])
    assert "password_hash" not in rows["identity/users.jsonl"][0]
    assert "secret" not in rows["identity/api_keys.jsonl"][0]
    assert "argon2" not in json.dumps(rows)


def test_the_tenants_own_admin_has_it_made_with_a_fresh_factor(world):
    stale = world.identity.running.client(principal(Role.SUPPLIER_ADMIN, tenant_id=world.anna.tenant_id))
    is_problem(stale.post(OWN), 403, "step_up_required")
    me = world.identity.running.client(world.anna)
    export = me.post(OWN).json
    assert export["progress"] == {name: {"state": "waiting", "rows": 0} for name in SERVICES}
    assert (export["state"], export["archive"], export["fetchedAt"]) == ("gathering", None, None)
    is_problem(me.get(f"{OWN}/{export['id']}/archive"), 404, "not_found")
    gather(world)
    export = me.get(OWN).json
    assert {progress["state"] for progress in export["progress"].values()} == {"done"}
    assert export["progress"]["messaging"]["rows"] > 3
    is_problem(stale.get(export["archive"]), 403, "step_up_required")
    assert fetch(me, export)[0]["identity/tenants.jsonl"][0]["name"] == "Nordic"
    assert me.get(OWN).json["fetchedAt"] is not None


def test_only_who_asked_may_see_and_fetch_it(world):
    me = world.identity.running.client(world.anna)
    me.post(OWN)
    gather(world)
    archive = me.get(OWN).json["archive"]
    colleague = world.identity.running.client(
        world.identity.fresh(principal(Role.SUPPLIER_ADMIN, tenant_id=world.anna.tenant_id))
    )
    others = world.identity.running.client(world.sven)
    for client in (colleague, others):
        is_problem(client.get(OWN), 404, "not_found")
        is_problem(client.get(archive), 404, "not_found")
    operators_path = archive.replace(OWN, operators(world, world.anna))
    is_problem(world.identity.admin.get(operators_path), 404, "not_found")
    is_problem(world.identity.admin.post(f"{ADMIN}/{UUID(int=1)}/export"), 404, "not_found")


def test_one_is_made_at_a_time(world):
    me = world.identity.running.client(world.anna)
    export = me.post(OWN).json
    assert me.post(OWN).json["id"] == export["id"]
    before = export_rows(world)
    is_problem(world.identity.admin.post(operators(world, world.anna)), 409, "export_under_way")
    assert export_rows(world) == before
    gather(world)
    assert world.identity.admin.post(operators(world, world.anna)).status_code == 202
    assert me.get(OWN).json["id"] == export["id"], "whoever asked before still has theirs"
    again = me.post(OWN)
    is_problem(again, 409, "export_under_way")
    gather(world)
    assert me.post(OWN).json["id"] != export["id"]


def test_of_many_who_ask_at_once_one_export_is_made(world):
    """The same person on several devices gets the same, and nobody a second one."""
    answers = at_once(4, lambda _: world.identity.running.client(world.anna).post(OWN))
    assert [answer.status_code for answer in answers] == [202] * 4
    assert len({answer.json["id"] for answer in answers}) == 1
    assert export_rows(world)[0] == 1


def test_it_goes_on_where_it_stopped_whoever_is_killed(world, monkeypatch):
    """Identity dies after every part, and each answer has one row."""
    monkeypatch.setattr("privacy.tenant_data.AT_ONCE", 1)
    monkeypatch.setattr("privacy.tenants_duty.ANSWER", 1)
    ask = tasks._part
    asked = []

    def part(runtime, service, tenant_id, after):
        asked.append((service, after))
        if len(asked) % 3 == 0:
            raise SystemExit("killed")
        return ask(runtime, service, tenant_id, after)

    monkeypatch.setattr(tasks, "_part", part)
    world.identity.admin.post(operators(world, world.anna))
    while world.identity.admin.get(operators(world, world.anna)).json["state"] == "gathering":
        make_due(world)
        try:
            gather(world)
        except SystemExit:
            continue
    export = world.identity.admin.get(operators(world, world.anna)).json
    rows, _ = fetch(world.identity.admin, export)
    assert {path: len(lines) for path, lines in rows.items()} == counts_of(world, world.anna)
    answered = [place for number, place in enumerate(asked, 1) if number % 3]
    assert len(answered) == len(set(answered)), "nothing is asked for twice"


def test_a_service_that_is_away_is_asked_again_and_after_a_day_it_has_failed(world):
    world.identity.running.disconnect("messaging")
    export = world.identity.admin.post(operators(world, world.anna)).json
    gather(world)
    progress = world.identity.admin.get(operators(world, world.anna)).json["progress"]
    assert {name for name, one in progress.items() if one["state"] == "waiting"} == {"messaging"}
    make_due(world, created_at=utcnow() - rules.GIVE_UP_AFTER - timedelta(seconds=1))
    gather(world)
    assert world.identity.admin.get(operators(world, world.anna)).json["state"] == "failed"
    with acting_as(Principal.system("identity")):
        while tasks.forget_exports(world.identity.running.runtime):
            pass
    assert export_rows(world) == [1, 0], "what was gathered goes, and that it failed stays"
    assert world.identity.admin.post(operators(world, world.anna)).json["id"] != export["id"]


def test_two_processes_that_gather_at_once_store_each_part_once(world, monkeypatch):
    """The lease of the first has run out while it waited for an answer."""
    ask = tasks._part
    other = iter([True])

    def part(runtime, service, tenant_id, after):
        answer = ask(runtime, service, tenant_id, after)
        if next(other, False):
            make_due(world)
            gather(world)
        return answer

    monkeypatch.setattr(tasks, "_part", part)
    rows, _ = exported(world, world.anna)
    assert {path: len(lines) for path, lines in rows.items()} == counts_of(world, world.anna)


def test_an_archive_is_gone_after_seven_days_in_pieces(world, monkeypatch):
    monkeypatch.setattr("services.identity.tenant_exports.actions.PARTS", 2)
    world.identity.admin.post(operators(world, world.anna))
    gather(world)
    export = world.identity.admin.get(operators(world, world.anna)).json
    make_due(world, expires_at=utcnow() - timedelta(seconds=1))
    is_problem(world.identity.admin.get(operators(world, world.anna)), 404, "not_found")
    is_problem(world.identity.admin.get(export["archive"]), 404, "not_found")
    with acting_as(Principal.system("identity")):
        assert tasks.forget_exports(world.identity.running.runtime) is True
    forget(world)
    assert export_rows(world) == [0, 0]


def test_an_archive_goes_when_somebody_in_it_is_erased(world):
    for company in (world.anna, world.sven):
        exported(world, company)
    colleague = world.identity.user(str(world.anna.tenant_id), "bo@nordic.example", "SupplierViewer")
    forget(world)
    assert world.identity.admin.get(operators(world, world.anna)).status_code == 200
    answer = world.identity.running.client(world.anna).post(f"/api/v1/tenant/users/{colleague}/erase")
    assert answer.status_code == 204, answer.json
    forget(world)
    is_problem(world.identity.admin.get(operators(world, world.anna)), 404, "not_found")
    assert world.identity.admin.get(operators(world, world.sven)).status_code == 200


def test_one_that_is_still_gathered_fails_then_and_can_be_asked_for_again(world):
    colleague = world.identity.user(str(world.anna.tenant_id), "bo@nordic.example", "SupplierViewer")
    assert world.identity.admin.post(operators(world, world.anna)).status_code == 202
    answer = world.identity.running.client(world.anna).post(f"/api/v1/tenant/users/{colleague}/erase")
    assert answer.status_code == 204, answer.json
    forget(world)
    gather(world)
    assert world.identity.admin.get(operators(world, world.anna)).json["state"] == "failed"
    assert world.identity.admin.post(operators(world, world.anna)).status_code == 202


def forget(world):
    with acting_as(Principal.system("identity")):
        while tasks.forget_exports(world.identity.running.runtime):
            pass


def test_a_tenant_may_end_once_an_archive_was_fetched_to_its_end(world):
    path = f"{ADMIN}/{world.anna.tenant_id}"
    admin = world.identity.admin
    is_problem(admin.delete(path), 409, "not_exported")
    admin.post(operators(world, world.anna))
    gather(world)
    is_problem(admin.delete(path), 409, "not_exported")
    export = admin.get(operators(world, world.anna)).json
    response = admin.get(export["archive"], buffered=False)
    assert next(response.response)
    response.close()
    is_problem(admin.delete(path), 409, "not_exported")
    assert admin.head(export["archive"]).status_code == 200
    is_problem(admin.delete(path), 409, "not_exported")
    fetch(admin, export)
    assert admin.get(path).json["exportedAt"] == export["createdAt"]
    answer = admin.delete(path)
    assert (answer.status_code, answer.json["suspended"]) == (202, True)
    actions = {entry["action"] for entry in world.identity.trail(str(world.anna.tenant_id))}
    assert {"tenant.exported", "tenant.export_fetched", "tenant.end_set"} <= actions


def test_an_export_of_long_ago_lets_nobody_end(world):
    exported(world, world.anna)
    with acting_as(SYSTEM), world.identity.running.database.begin() as session:
        tenant = TenantExport.__table__.metadata.tables["tenants"]
        session.execute(update(tenant).values(exported_at=utcnow() - timedelta(days=7, seconds=1)))
    is_problem(world.identity.admin.delete(f"{ADMIN}/{world.anna.tenant_id}"), 409, "not_exported")


def test_a_suspended_tenant_can_be_exported_by_the_operator(world):
    assert world.identity.admin.patch(f"{ADMIN}/{world.anna.tenant_id}", json={"suspended": True}).status_code == 200
    rows, _ = exported(world, world.anna)
    assert rows["identity/tenants.jsonl"][0]["suspended_at"] is not None
