"""A company that leaves: suspended, resumed, exported, ended; nothing of it is found afterwards but what may remain."""

import io
import json
import zipfile
from contextlib import closing, suppress
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from chassis.core.clock import utcnow
from concord import platform as composition
from privacy.tenants_duty import TenantsDuty
from tests.e2e.harness import OPERATOR, until
from tests.e2e.test_privacy import busy
from tests.plugin.endings import UNDER_WAY
from tests.plugin.search import rows_with

TENANTS = "/api/v1/admin/tenants"


def tables_with(platform, words):
    """``{(service, table)}`` of every database with any of the texts, but for what is under way to others."""
    hits = set()
    for name in composition.SERVICES:
        with closing(platform.database(name)) as database:
            hits |= {(name, table) for word in words for table, _ in rows_with(database.engine, word)}
    return {(name, table) for name, table in hits if table not in UNDER_WAY}


def gone(platform, words, *, but, within):
    """Wait until only these tables have any of the words."""
    with suppress(AssertionError):
        until(lambda: tables_with(platform, words) <= but, within=within)
    assert tables_with(platform, words) - but == set()


def may_remain():
    declared = {name: composition.load(name).duty(TenantsDuty).tables for name in composition.SERVICES}
    return {(name, data.table.name) for name, tables in declared.items() for data in tables if data.remains}


def exported(operator, tenant_id):
    """The archive's rows by file, as the operator fetches it."""
    path = f"{TENANTS}/{tenant_id}/export"
    assert operator.post(path).status_code == 202
    export = until(lambda: (answer := operator.get(path).json())["state"] == "ready" and answer, within=90, what="it")
    assert {progress["state"] for progress in export["progress"].values()} == {"done"}
    answer = operator.get(export["archive"])
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as files:
        assert files.testzip() is None
        return {
            name: [json.loads(line) for line in files.read(name).decode().splitlines()]
            for name in files.namelist()
            if name.endswith(".jsonl")
        }


def let_grace_pass(platform, tenant_id):
    with closing(platform.database("identity")) as database, database.engine.begin() as connection:
        key = tenant_id if database.dialect == "postgresql" else UUID(tenant_id).hex
        moment = (utcnow() - timedelta(seconds=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
        moment += "+00" if database.dialect == "postgresql" else ""
        connection.execute(text("UPDATE tenants SET ends_at = :at WHERE id = :id"), {"at": moment, "id": key})


def test_a_company_leaves_and_only_what_may_remain_is_left(platform, own_network):
    busy(own_network)
    operator, anna, tenant_id = platform.user(*OPERATOR), own_network.supplier, own_network.supplier_id
    tenant = f"{TENANTS}/{tenant_id}"
    name = operator.get(tenant).json()["name"]

    assert operator.ask("PATCH", tenant, {"suspended": True}).status_code == 200
    until(lambda: anna.get("/api/v1/campaigns").status_code == 403, what="the suspension")
    assert anna.get("/api/v1/campaigns").json()["code"] == "tenant_suspended"
    assert operator.ask("PATCH", tenant, {"suspended": False}).status_code == 200
    until(lambda: anna.get("/api/v1/campaigns").status_code == 200, what="the resumption")

    refused = operator.delete(tenant)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_exported")
    rows = exported(operator, tenant_id)
    assert {"campaigns/campaigns.jsonl", "messaging/messages.jsonl", "notifier/deliveries.jsonl"} <= set(rows)
    assert {row["tenant_id"] for row in rows["identity/users.jsonl"]} == {tenant_id}
    assert operator.delete(tenant).status_code == 202

    let_grace_pass(platform, tenant_id)
    words = (tenant_id, UUID(tenant_id).hex)
    gone(platform, words, but=may_remain(), within=180)
    sent = {("notifier", table) for table in ("deliveries", "digest_items", "event_log", "webhook_messages")}
    named = sent | {("identity", "tenants"), *((service, "audit") for service in composition.SERVICES)}
    gone(platform, (name,), but=named, within=60)
    gone(platform, (anna.email,), but=set(), within=90)

    shop = next(iter(own_network.retailers.values()))
    thread = shop.get("/api/v1/messaging/threads").json()["items"][0]
    assert thread["supplierName"] == "former company"
    messages = shop.get(f"/api/v1/messaging/threads/{thread['id']}/messages").json()["items"]
    assert [message["body"] for message in messages] == ["Here it is.", "It works."]
    invite = shop.get("/api/v1/campaigns/invites").json()["items"][0]
    assert (invite["supplierName"], invite["status"]) == ("former company", "Accepted")
    assert [one["status"] for one in shop.get("/api/v1/prm/relationships").json()["items"]] == ["Inactive"]
