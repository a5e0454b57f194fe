"""prm on each database, with the people of the S0 document and an identity service that answers by its contract."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from flask import Flask, abort, jsonify
from sqlalchemy import event

from chassis.core.principal import Principal, acting_as
from chassis.data.audit import AuditRow
from chassis.messaging.outbox import OutboxRow
from contracts.roles import Role
from services.prm import service
from tests.plugin import ServiceUnderTest, principal, sample_event

RELATIONSHIPS = "/api/v1/prm/relationships"
GROUPS = "/api/v1/prm/groups"
TIERS = "/api/v1/prm/tiers"
MY_TIERS = "/api/v1/prm/my-tiers"
GOLD = {
    "name": "Gold",
    "description": "Top-tier partners with full co-marketing support.",
    "sortOrder": 0,
    "benefits": [
        "Priority installer lead routing",
        "Co-op marketing fund eligibility",
        "Featured placement in the consumer locator",
    ],
}


def refused(answer, status, code, *fields):
    """The problem in ``answer``, which names ``fields``."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    assert {error["field"] for error in answer.json.get("errors", [])} >= set(fields)
    return answer.json


@dataclass
class World:
    """A running prm and short ways to bring it where a test begins."""

    prm: ServiceUnderTest
    identity: dict[UUID, dict] = field(default_factory=dict)

    def tenant(self, role: Role, name: str, *, known: bool = True) -> Principal:
        """The admin of a new tenant, which prm has heard of unless ``known`` is false; identity knows it anyway."""
        person = principal(role, name=f"Admin of {name}", tenant_name=name)
        self.identity[person.tenant_id] = {
            "id": str(person.tenant_id),
            "name": name,
            "kind": person.tenant_kind,
            "timeZone": "Europe/Oslo",
            "features": [],
        }
        if known:
            self.hear(person, name)
        return person

    def supplier(self, name: str = "Nordic Heating", **kwargs) -> Principal:
        return self.tenant(Role.SUPPLIER_ADMIN, name, **kwargs)

    def retailer(self, name: str = "Fjord Retail", **kwargs) -> Principal:
        return self.tenant(Role.RETAILER_ADMIN, name, **kwargs)

    def hear(self, person: Principal, name: str, *, sequence: int = 1, version: str = "v2") -> None:
        """Let identity tell prm what a tenant is called."""
        event_type = f"identity.{'TenantCreated' if sequence == 1 else 'TenantChanged'}.{version}"
        data = {
            "tenantId": str(person.tenant_id),
            "name": name,
            "kind": person.tenant_kind,
            "timeZone": "UTC",
            "features": [],
        }
        self.prm.deliver(sample_event(event_type, data, subject=str(person.tenant_id), sequence=sequence))

    def get(self, person, path, **kwargs):
        return self.prm.client(person).get(path, **kwargs)

    def post(self, person, path, body=None, **kwargs):
        return self.prm.client(person).post(path, json=body, **kwargs)

    def put(self, person, path, body, **kwargs):
        return self.prm.client(person).put(path, json=body, **kwargs)

    def delete(self, person, path, **kwargs):
        return self.prm.client(person).delete(path, **kwargs)

    def step(self, person, relationship_id, step, **kwargs):
        return self.prm.client(person).post(f"{RELATIONSHIPS}/{relationship_id}/{step}", **kwargs)

    def invited(self, supplier, retailer) -> str:
        answer = self.post(supplier, RELATIONSHIPS, {"retailerId": str(retailer.tenant_id)})
        assert answer.status_code == 201, answer.json
        return answer.json["id"]

    def related(self, supplier, retailer) -> str:
        relationship_id = self.invited(supplier, retailer)
        assert self.step(retailer, relationship_id, "accept").status_code == 200
        return relationship_id

    def partner(self, supplier, name="Fjord Retail") -> Principal:
        """A new retailer with an active relationship."""
        retailer = self.retailer(name)
        self.related(supplier, retailer)
        return retailer

    def tier(self, supplier, name="Gold", **more) -> str:
        answer = self.post(supplier, TIERS, {"name": name} | more)
        assert answer.status_code == 201, answer.json
        return answer.json["id"]

    def assign(self, supplier, tier_id, retailer):
        return self.post(supplier, f"{TIERS}/{tier_id}/assign", {"retailerId": str(retailer.tenant_id)})

    def group(self, supplier, name, *retailers) -> str:
        body = {"name": name, "retailerIds": [str(retailer.tenant_id) for retailer in retailers]}
        answer = self.post(supplier, GROUPS, body)
        assert answer.status_code == 201, answer.json
        return answer.json["id"]

    def trail(self, person) -> list[dict]:
        return self.get(person, "/api/v1/prm/audit?pageSize=200").json["items"]

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """The statements prm sends to its database meanwhile, without those that begin a transaction."""
        sent: list[str] = []

        def note(_connection, _cursor, statement, *_rest):
            if not statement.startswith("BEGIN"):
                sent.append(statement)

        engine = self.prm.database.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(engine, "before_cursor_execute", note)

    def everything(self) -> dict:
        """All rows prm keeps, to see that a refusal changes none."""
        with acting_as(Principal.system("test")), self.prm.database.read() as session:
            tables = [*service.metadata.sorted_tables, AuditRow.__table__, OutboxRow.__table__]
            return {table.name: sorted(map(repr, session.execute(table.select()))) for table in tables}


def identity_answering(tenants: dict[UUID, dict]) -> SimpleNamespace:
    """What stands where identity would: its contract and nothing more."""
    app = Flask("identity")

    @app.get("/internal/tenants/<uuid:tenant_id>")
    def tenant(tenant_id):
        return jsonify(tenants[tenant_id]) if tenant_id in tenants else abort(404)

    return SimpleNamespace(app=app)


@pytest.fixture
def world(start_service) -> World:
    made = World(start_service(service))
    made.prm.connect("identity", identity_answering(made.identity))
    return made


@pytest.fixture
def anna(world) -> Principal:
    return world.supplier("Nordic Heating")


@pytest.fixture
def rolf(world) -> Principal:
    return world.retailer("Fjord Retail")


@pytest.fixture
def nobody() -> UUID:
    return uuid4()
