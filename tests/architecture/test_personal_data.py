"""Every table that holds something of people says so, and every service shows and forgets it at the same endpoint."""

import re
from pathlib import Path
from uuid import uuid4

import pytest

from chassis.core.principal import Principal
from chassis.data.base import ChassisBase
from concord import platform
from contracts.services import GATEWAY, SERVICES
from privacy.people_duty import PeopleDuty
from tests.plugin import principal

PERSONAL = re.compile(
    r"mail|address|user|person|(?<!f)actor|sender|author|visitor|buyer|device|account|contact|recipient|phone|subject|"
    r"(^|_)name(_|$)|locale|body|context|changes|note$|settings|(^|_)text$"
)
"""Columns that may tell about a person, by their names."""

ENCRYPTED = "encrypted, so it cannot be searched; gone after a day"
PLACE = "ids of events and things alone"
OF_A_COMPANY = "a company's name"
OF_A_THING = "the name of a thing"
OF_A_TENANT = "what a tenant has set for all of its people"
DIGEST = "a keyed digest, which leads back to nobody without the key"

HARMLESS = {
    "*": {
        "idempotency.body": ENCRYPTED,
        "inbox_ahead.subject": PLACE,
        "inbox_cursor.subject": PLACE,
        "outbox.subject": PLACE,
        "parked.subject": PLACE,
    },
    "identity": {
        "tenants.name": OF_A_COMPANY,
        "tenants.name_folded": OF_A_COMPANY,
        "tenants.locale": OF_A_TENANT,
        "api_keys.name": "the name of a program",
        "tenant_export_parts.table_name": OF_A_THING,
        "tenant_export_parts.body": "compressed, so it cannot be searched; gone with its export, after seven days",
        "export_parts.body": "compressed, so it cannot be searched; gone within a day, or with its export",
        "identity_providers.client_id": OF_A_TENANT,
    },
    "prm": {
        "tenant_names.name": OF_A_COMPANY,
        "groups.name": OF_A_THING,
        "groups.name_key": OF_A_THING,
        "tiers.name": OF_A_THING,
    },
    "campaigns": {
        "campaigns.supplier_name": OF_A_COMPANY,
        "campaigns.name": OF_A_THING,
        "invites.retailer_name": OF_A_COMPANY,
        "tenant_names.name": OF_A_COMPANY,
    },
    "messaging": {
        "threads.supplier_name": OF_A_COMPANY,
        "threads.retailer_name": OF_A_COMPANY,
        "tenant_names.name": OF_A_COMPANY,
    },
    "notifier": {
        "deliveries.recipient": "whom a mail was first meant for, by an id that names nobody any more",
        "event_viewers.subject": PLACE,
        "webhook_messages.subject": PLACE,
    },
    "promotions": {
        "tenants.name": OF_A_COMPANY,
        "products.name": OF_A_THING,
        "products.name_folded": OF_A_THING,
        "stores.name": OF_A_THING,
        "pricelists.name": OF_A_THING,
        "customer_groups.name": OF_A_THING,
        "carts.campaign_name": OF_A_THING,
        **{
            f"{table}.{column}": OF_A_THING
            for table in ("cart_campaigns", "sales_campaigns", "store_campaigns")
            for column in ("name", "name_folded", "display_name", "display_name_folded")
        },
    },
    "affiliates": {
        "merchants.name": OF_A_COMPANY,
        "products.name": OF_A_THING,
        "clicks.visitor_id": "a random number in a cookie; no visitor has an account",
        "clicks.address_hash": DIGEST,
        "conversions.visitor_id": "the same number",
        "conversions.buyer_hash": DIGEST,
        "ledger.account": "an account of the books",
    },
}
"""Columns whose names only look personal, and why they are in no declaration."""


@pytest.mark.parametrize("name", SERVICES)
def test_every_column_that_may_tell_about_a_person_is_declared_or_harmless(name):
    service = platform.load(name)
    declared = {f"{data.table.name}.{column}" for data in service.duty(PeopleDuty).tables for column in data.columns}
    whole = {data.table.name for data in service.duty(PeopleDuty).tables if data.delete}
    harmless = HARMLESS["*"] | HARMLESS.get(name, {})
    tables = [*service.metadata.tables.values(), *ChassisBase.metadata.tables.values()]
    columns = {f"{table.name}.{column.name}" for table in tables if table.name not in whole for column in table.columns}
    suspicious = {column for column in columns if PERSONAL.search(column.partition(".")[2])}
    suspicious = {column for column in suspicious if not column.endswith("tenant_id")}
    assert suspicious - declared - set(harmless) == set()


@pytest.mark.parametrize("name", SERVICES)
def test_a_declaration_names_columns_that_there_are(name):
    for data in platform.load(name).duty(PeopleDuty).tables:
        assert data.columns <= set(data.table.columns.keys()), data.table.name
        assert data.why
        if data.erase or data.delete:
            assert data.by_user or data.by_address, data.table.name


@pytest.mark.parametrize("name", SERVICES)
def test_what_one_declaration_reads_another_of_the_same_table_can_decide_about(name):
    """A row is shown by the first declaration that it concerns."""
    declarations = platform.load(name).duty(PeopleDuty).tables
    for data in declarations:
        columns = {column.name for column in data.read_columns}
        for other in (other for other in declarations if other.table is data.table):
            assert {*other.by_user, *other.by_address, *other.texts, *other.letters} <= columns, data.table.name


def test_the_list_of_the_harmless_names_columns_that_there_are():
    for name, columns in HARMLESS.items():
        metadata = ChassisBase.metadata if name == "*" else platform.load(name).metadata
        known = {f"{table.name}.{column.name}" for table in metadata.tables.values() for column in table.columns}
        unknown = {column for column in columns if not re.search(r"_campaigns\.display", column)} - known
        assert unknown == set()


@pytest.mark.parametrize("name", SERVICES)
def test_every_declared_table_stands_in_the_inventory(name):
    """In the section of its service, or of all services."""
    text = (Path(__file__).parents[2] / "docs/privacy.md").read_text()
    sections = dict(part.partition("\n")[::2] for part in text.split("\n### ")[1:])
    inventory = "".join(part for title, part in sections.items() if name in title or title == "In every service")
    for data in platform.load(name).duty(PeopleDuty).tables:
        assert f"`{data.table.name}`" in inventory, data.table.name


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_shows_what_it_keeps_to_identity_alone(name, start_service):
    running = start_service(platform.load(name))
    path = f"/internal/people/{uuid4()}"
    query = {"tenantId": str(uuid4()), "emailDigest": "0" * 64}
    for sender in (GATEWAY, *SERVICES):
        answer = running.client(Principal.system(sender), sender=sender).get(path, query_string=query)
        assert answer.status_code == (200 if sender == "identity" else 403), sender
    person = running.client(principal("PlatformAdmin"), sender=GATEWAY)
    assert person.get(path, query_string=query).status_code == 403
    assert running.client(None).get(path, query_string=query).status_code == 401


@pytest.mark.parametrize("name", SERVICES)
def test_a_wrong_place_to_go_on_from_is_refused(name, start_service):
    running = start_service(platform.load(name))
    identity = running.client(Principal.system("identity"), sender="identity")
    for after in ("x", "[]", "[99, null]", "[0, 1]", "[0, []]", '[0, ["x", "y"]]', "null", "{}", "[true, null, 1]"):
        query = {"tenantId": str(uuid4()), "emailDigest": "0" * 64, "after": after}
        answer = identity.get(f"/internal/people/{uuid4()}", query_string=query)
        assert answer.status_code == 422, after
