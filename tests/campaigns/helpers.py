"""People, bodies and look-ups that the tests of campaigns share."""

from uuid import UUID, uuid4

from sqlalchemy import func, select

from chassis.core.principal import Principal, acting_as
from chassis.data.audit import AuditRow
from chassis.messaging.outbox import OutboxRow
from concord.demo import PROPOSAL, SPRING  # noqa: F401  for the tests, as the guide writes them
from contracts.roles import Role
from services.campaigns.models import Campaign, Invite
from tests.plugin import principal, sample_event

CAMPAIGNS = "/api/v1/campaigns"
INBOX = f"{CAMPAIGNS}/invites"

NORDIC = uuid4()
ANNA = principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC, name="Anna", tenant_name="Nordic Heating")
VERA = principal(Role.SUPPLIER_VIEWER, tenant_id=NORDIC, name="Vera", tenant_name="Nordic Heating")
OTTO = principal(Role.SUPPLIER_ADMIN, name="Otto", tenant_name="Other Supplier")
ROLF = principal(Role.RETAILER_ADMIN, name="Rolf", tenant_name="Fjord Retail")
RITA = principal(Role.RETAILER_ADMIN, name="Rita", tenant_name="Bergen Bygg")
RUNE = principal(Role.RETAILER_ADMIN, name="Rune", tenant_name="Oslo Ovn")

FIELDS_OF_A_PROPOSAL = ("assetUrls", "targetingCriteria", "budget", "currency", "proposalType")


def is_problem(answer, status, code):
    """The answer is a problem of this status and code; returns its body."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    return answer.json


def fields_of(problem):
    return [error["field"] for error in problem["errors"]]


def ids_of(*people: Principal) -> list[str]:
    return [str(person.tenant_id) for person in people]


def draft(client, **changes) -> str:
    """The address of a new campaign."""
    answer = client.post(CAMPAIGNS, json=SPRING | changes)
    assert answer.status_code == 201, answer.json
    return answer.headers["Location"]


def sent(client, *people: Principal, **changes) -> str:
    """The address of a new campaign, sent to these people's tenants."""
    address = draft(client, **changes)
    answer = client.post(f"{address}/send", json={"retailerIds": ids_of(*people)})
    assert answer.status_code == 200, answer.json
    assert answer.json["invitesCreated"] == len(people)
    return address


def invite_of(client) -> str:
    """The address of the newest invite in this client's inbox."""
    return f"{INBOX}/{client.get(INBOX).json['items'][0]['id']}"


def counts(campaign) -> tuple[int, int, int, int]:
    return tuple(campaign[f"{kind}Count"] for kind in ("invite", "accepted", "declined", "pending"))


def rows(service) -> dict[str, int]:
    """How many rows there are of everything that a refused request must not write."""
    with acting_as(Principal.system("test")), service.database.read() as session:
        return {
            model.__tablename__: session.scalar(select(func.count()).select_from(model))
            for model in (Campaign, Invite, OutboxRow, AuditRow)
        }


def stored(service, model):
    """Every row of a model, in the order of their ids."""
    with acting_as(Principal.system("test")), service.database.read() as session:
        return list(session.scalars(select(model).order_by(model.id)))


def audited(service, action=None):
    return [row for row in stored(service, AuditRow) if action in (None, row.action)]


def last_id(address: str) -> UUID:
    return UUID(address.rpartition("/")[2])


def renamed(tenant_id, name, sequence, version="v2"):
    """The event by which identity tells of a tenant's new name."""
    data = {"tenantId": str(tenant_id), "name": name, "kind": "Retailer", "timeZone": "Europe/Oslo", "features": []}
    if version != "v1":
        data["slug"] = "a-slug"
    return sample_event(f"identity.TenantChanged.{version}", data, subject=str(tenant_id), sequence=sequence)
