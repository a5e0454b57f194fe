"""People, bodies and look-ups that the tests of messaging share."""

from uuid import UUID, uuid4

from sqlalchemy import func, select

from chassis.core.principal import Principal, acting_as
from chassis.data.audit import AuditRow
from chassis.messaging.outbox import OutboxRow
from contracts.roles import Role
from services.messaging.models import Message, Thread
from tests.plugin import principal, sample_event

MESSAGING = "/api/v1/messaging"
THREADS = f"{MESSAGING}/threads"
BADGE = f"{THREADS}/unread-count"

NORDIC = uuid4()
ANNA = principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC, name="Anna", tenant_name="Nordic Heating")
ASTA = principal(Role.SUPPLIER_ADMIN, tenant_id=NORDIC, name="Asta", tenant_name="Nordic Heating")
OTTO = principal(Role.SUPPLIER_ADMIN, name="Otto", tenant_name="Other Supplier")
ROLF = principal(Role.RETAILER_ADMIN, name="Rolf", tenant_name="Fjord Retail")
RITA = principal(Role.RETAILER_ADMIN, name="Rita", tenant_name="Bergen Bygg")
RUNE = principal(Role.RETAILER_ADMIN, name="Rune", tenant_name="Oslo Ovn")

ARTWORK = {
    "subject": "Spring campaign artwork",
    "firstMessage": "Hi — here is the artwork for the spring push. Let me know if it works.",
}


def is_problem(answer, status, code):
    """The answer is a problem of this status and code; returns its body."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    return answer.json


def fields_of(problem):
    return [error["field"] for error in problem["errors"]]


def opening(retailer=ROLF, **changes):
    return {"retailerId": str(retailer.tenant_id)} | ARTWORK | changes


def begun(client, retailer=ROLF, **changes) -> str:
    """The address of a new thread."""
    answer = client.post(THREADS, json=opening(retailer, **changes))
    assert answer.status_code == 201, answer.json
    return answer.headers["Location"]


def write(client, address, body="Looks good."):
    """A new message of the thread at ``address``."""
    answer = client.post(f"{address}/messages", json={"body": body})
    assert answer.status_code == 201, answer.json
    return answer.json


def done(answer):
    assert answer.status_code == 204, answer.get_data(as_text=True)
    assert answer.data == b""
    return answer


def unread(client, address) -> int:
    return client.get(address).json["unreadCount"]


def badge(client) -> int:
    return client.get(BADGE).json["unreadCount"]


def listed(client, query="") -> list[str]:
    """The subjects in the client's list, in order; their number is the total."""
    page = client.get(f"{THREADS}{query}").json
    assert page["totalItems"] == len(page["items"])
    return [item["subject"] for item in page["items"]]


def bodies(client, address, query="") -> list[str]:
    return [item["body"] for item in client.get(f"{address}/messages{query}").json["items"]]


def last_id(address: str) -> str:
    return address.rpartition("/")[2]


def rows(service) -> dict[str, int]:
    """How many rows there are of everything that a refused request must not write."""
    with acting_as(Principal.system("test")), service.database.read() as session:
        return {
            model.__tablename__: session.scalar(select(func.count()).select_from(model))
            for model in (Thread, Message, OutboxRow, AuditRow)
        }


def stored(service, model):
    """Every row of a model, in the order of their ids."""
    with acting_as(Principal.system("test")), service.database.read() as session:
        return list(session.scalars(select(model).order_by(model.id)))


def everything(service):
    """All that is known of threads, and how much of the rest: equal before and after a refused request."""
    columns = Thread.__table__.columns.keys()
    return rows(service), [[getattr(row, column) for column in columns] for row in stored(service, Thread)]


def published(service, address) -> list[tuple[str, int]]:
    """The events of the thread at ``address``: type and sequence."""
    subject = last_id(address)
    return [
        (event["type"].split(".")[1], event["sequence"]) for event in service.events() if event["subject"] == subject
    ]


def renamed(tenant_id: UUID, name, sequence, version="v2"):
    """The event by which identity tells of a tenant's new name."""
    data = {"tenantId": str(tenant_id), "name": name, "kind": "Retailer", "timeZone": "Europe/Oslo", "features": []}
    if version != "v1":
        data["slug"] = "a-slug"
    return sample_event(f"identity.TenantChanged.{version}", data, subject=str(tenant_id), sequence=sequence)
