"""Every table that holds something of tenants says so: so no export, and no end of a tenant, forgets one."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import ColumnClause, PrimaryKeyConstraint, ScalarSelect, UniqueConstraint, select
from sqlalchemy.sql.selectable import SelectBase

from chassis.core.principal import Principal, acting_as
from chassis.data.base import ChassisBase
from chassis.data.tenancy import TenantScoped
from concord import platform
from contracts.services import GATEWAY, SERVICES
from privacy.people_duty import PeopleDuty
from privacy.tenant_data import window
from privacy.tenants_duty import TenantsDuty
from tests.plugin import principal

SECRET = re.compile(r"secret|hash|digest|token|challenge|password|verifier|nonce|archive$")
"""Columns that no export may show, by their names."""

HARMLESS = {"digest_items.digest_id"}

OF_NO_TENANT = {
    "identity": {
        "asked_resets": "addresses that somebody typed; seconds",
        "export_parts": "pieces of exports of people",
        "login_throttle": "digests",
        "passkey_challenges": "minutes",
        "revocations": "ids of tokens",
        "signing_keys": "the platform's own",
        "sso_attempts": "secrets of a sign-in under way; minutes",
        "tenant_export_parts": "pieces of these exports",
    },
    "notifier": {"bounces": "addresses alone", "event_log_end": "where the log ends"},
}
"""Tables without a declaration, and why."""

INFRASTRUCTURE = {
    "endings": "who has ended",
    "erasures": "who is being forgotten; nine days",
    "idempotency": "answers to repeat, encrypted; a day",
    "inbox": "ids of events",
    "inbox_ahead": "events under way",
    "inbox_cursor": "ids and numbers",
    "outbox": "events on their way to others",
    "parked": "events that failed",
}


def tables_of(name):
    return {table.name for table in platform.load(name).metadata.tables.values()}


@pytest.mark.parametrize("name", SERVICES)
def test_every_table_is_declared_once_or_holds_nothing_of_tenants(name):
    service = platform.load(name)
    declared = [data.table.name for data in service.duty(TenantsDuty).tables]
    assert sorted(declared) == sorted(set(declared))
    known = tables_of(name) | {table.name for table in ChassisBase.metadata.tables.values()}
    assert set(declared) | set(OF_NO_TENANT.get(name, {})) | set(INFRASTRUCTURE) == known


@pytest.mark.parametrize("name", SERVICES)
def test_every_tenant_scoped_model_is_declared(name):
    service = platform.load(name)
    models = [data.model for data in service.duty(TenantsDuty).own_tables]
    registry = models[0].registry
    scoped = {mapper.class_ for mapper in registry.mappers if issubclass(mapper.class_, TenantScoped)}
    assert scoped - set(models) == set()


@pytest.mark.parametrize("name", SERVICES)
def test_no_export_shows_what_looks_secret(name):
    service = platform.load(name)
    for data in service.duty(TenantsDuty).tables:
        columns = set(data.table.columns.keys())
        assert set(data.secret) <= columns, data.table.name
        suspicious = {column for column in columns if SECRET.search(column)} - set(data.secret)
        assert {f"{data.table.name}.{column}" for column in suspicious} - HARMLESS == set()
    hidden = {data.table.name: set(data.secret) for data in service.duty(TenantsDuty).tables}
    for data in service.duty(PeopleDuty).own_tables:
        if data.table.name in hidden:
            assert set(data.secret) <= hidden[data.table.name], data.table.name


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_secret_is_not_even_read(name):
    """But for keys, what decides whether a row is a person's, and what is compared when it is erased."""
    service = platform.load(name)
    for data in service.duty(TenantsDuty).tables:
        assert {column.name for column in data.read_columns} & set(data.secret) == set(), data.table.name
    for data in service.duty(PeopleDuty).tables:
        needed = {column.name for column in data.read_columns if not column.primary_key} & set(data.secret)
        assert needed <= {*data.by_user, *data.by_address, *data.texts, *data.letters, *data.erase}, data.table.name


@pytest.mark.parametrize("name", SERVICES)
def test_a_declaration_names_columns_that_there_are_and_says_what_its_rows_are(name):
    for data in platform.load(name).duty(TenantsDuty).tables:
        sides = {column for side, columns in data.sides.items() for column in (side, *columns)}
        assert sides <= set(data.table.columns.keys())
        assert data.why.endswith(".")


@pytest.mark.parametrize("name", SERVICES)
def test_every_row_of_tenants_is_found_by_an_index(name):
    """Of the tenant's own column, or of the one that leads to it: neither an export nor an end reads whole tables."""
    for data in platform.load(name).duty(TenantsDuty).own_tables:
        columns = {column.name for column in columns_of(data.rows_of(uuid4())) if column.table.name == data.table.name}
        assert columns, data.table.name
        assert columns - {"topic"} <= leading_columns(data.table), data.table.name


def columns_of(element):
    """The columns in a condition, without those of its subqueries."""
    if isinstance(element, ColumnClause):
        yield element
    for child in element.get_children():
        if not isinstance(child, SelectBase | ScalarSelect):
            yield from columns_of(child)


def leading_columns(table):
    """The columns by which an index begins."""
    unique = [key for key in table.constraints if isinstance(key, UniqueConstraint | PrimaryKeyConstraint)]
    return {next(iter(key.columns)).name for key in (*table.indexes, *unique)}


@pytest.mark.parametrize("name", SERVICES)
def test_what_refers_to_deleted_rows_is_found_by_an_index(name):
    """Else each deleted row has the database read the other table."""
    service = platform.load(name)
    deleted = {data.table.name for data in service.duty(TenantsDuty).own_tables if data.steps}
    for table in service.metadata.tables.values():
        for key in table.foreign_keys:
            if key.column.table.name in deleted:
                assert key.parent.name in leading_columns(table), f"{table.name}.{key.parent.name}"


@pytest.mark.parametrize("name", SERVICES)
def test_every_declaration_reads_its_table(name, start_service):
    running = start_service(platform.load(name))
    with acting_as(Principal.system("test")), running.database.read() as session:
        for data in running.runtime.service.duty(TenantsDuty).tables:
            assert window(session, data, uuid4(), None) == ([], None)
            assert session.execute(select(data.table).limit(1)).first() is None


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_shows_rows_of_tenants_to_identity_alone(name, start_service):
    running = start_service(platform.load(name))
    path = f"/internal/tenant-rows/{uuid4()}"
    for sender in (GATEWAY, *SERVICES):
        answer = running.client(Principal.system(sender), sender=sender).get(path)
        assert answer.status_code == (200 if sender == "identity" else 403), sender
    person = running.client(principal("PlatformAdmin"), sender=GATEWAY)
    assert person.get(path).status_code == 403
    assert running.client(None).get(path).status_code == 401


@pytest.mark.parametrize("name", SERVICES)
def test_a_wrong_place_to_go_on_from_is_refused(name, start_service):
    running = start_service(platform.load(name))
    identity = running.client(Principal.system("identity"), sender="identity")
    for after in (
        "x",
        "[]",
        "[99, null]",
        "[0, []]",
        '[0, ["x", "y", "z"]]',
        "null",
        "{}",
        "[true, null, 1]",
        "[-1, null]",
    ):
        answer = identity.get(f"/internal/tenant-rows/{uuid4()}", query_string={"after": after})
        assert answer.status_code == 422, after


@pytest.mark.parametrize("name", SERVICES)
def test_what_remains_stands_in_the_inventory(name):
    text = (Path(__file__).parents[2] / "docs/privacy.md").read_text()
    section = text.partition("\n## When a company has left")[2].partition("\n## ")[0]
    for data in platform.load(name).duty(TenantsDuty).tables:
        if data.remains:
            assert f"`{data.table.name}`" in section, data.table.name
