"""People, bodies and look-ups that the tests of affiliates share."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import UUID, uuid4

import time_machine
from sqlalchemy import func, select

from chassis.core.clock import rfc3339
from chassis.core.principal import Principal, acting_as
from chassis.data.audit import AuditRow
from chassis.data.base import ChassisBase
from chassis.messaging.outbox import OutboxRow
from contracts.roles import Role
from services.affiliates.clicks.models import Click, ClickCount
from services.affiliates.clicks.tracker import flush_clicks
from services.affiliates.common.models import Base
from services.affiliates.conversions.tasks import weigh_due
from tests.plugin import principal, sample_event

KEYED = "/api/v1"
SIGNED_IN = "/merchant/api/v1"
PORTAL = "/affiliate/api/v1"
CAMPAIGNS = f"{KEYED}/campaigns"
AFFILIATES = f"{KEYED}/affiliates"
CONVERSIONS = f"{KEYED}/conversions"
ADMIN = "/api/v1/admin/affiliate-campaigns"
LISTING = "/api/v1/public/campaigns"

DASHAIN = uuid4()
NAME = {"tenant_name": "Dashain Market", "tenant_kind": "Merchant", "tenant_slug": "dashain-market"}
SHOP = principal(Role.MACHINE, tenant_id=DASHAIN, name="Shop", **NAME)
MAJA = principal(Role.MERCHANT_ADMIN, tenant_id=DASHAIN, name="Maja", **NAME)
OTTO = principal(Role.MERCHANT_ADMIN, name="Otto", tenant_name="Other Merchant", tenant_slug="other-merchant")
ADA = principal(Role.PLATFORM_ADMIN, name="Ada")

SALE = {
    "title": "Dashain Sale",
    "defaultCommissionType": "PERCENTAGE",
    "defaultCommissionValue": "12",
    "cookieDurationDays": 30,
    "approvalRequired": False,
}
"""The document's example, word for word."""


def refused(answer, status, *words):
    """The answer is S2's error format (S2-29) of this status; ``words`` stand in its message. Returns the message."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/json"
    body = answer.json
    assert set(body) == {"statusCode", "message", "error"}
    assert (body["statusCode"], body["error"]) == (status, HTTPStatus(status).phrase)
    assert isinstance(body["message"], list)
    assert body["message"]
    for word in words:
        assert any(word in sentence for sentence in body["message"]), body["message"]
    return body["message"]


def assert_problem(answer, status, code):
    """The answer is a problem, as everywhere outside the merchant API."""
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.get_data()
    assert answer.json["code"] == code


def assert_page(answer, status, words):
    """The answer is a small page for people, which runs nothing (D64)."""
    assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8"), answer.get_data()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = answer.get_data(as_text=True)
    assert words in page
    assert "<script" not in page


def ok(answer, status=200):
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.json


def created(client, **changes) -> str:
    """The address of a new campaign."""
    answer = client.post(CAMPAIGNS, json=SALE | changes)
    ok(answer, 201)
    return answer.headers["Location"]


def activated(client, **changes) -> str:
    """The address of a new campaign that is switched on."""
    address = created(client, **changes)
    ok(client.post(f"{address}/activate"))
    return address


def enrolled(client, *, name="Bina Gurung", approve=True) -> str:
    """The id of a new affiliate."""
    email = f"{name.lower().replace(' ', '.').encode('ascii', 'ignore').decode()}@blog.example"
    affiliate = ok(client.post(AFFILIATES, json={"name": name, "email": email}), 201)
    if approve:
        ok(client.post(f"{AFFILIATES}/{affiliate['id']}/approve"))
    return affiliate["id"]


def linked(client, campaign, affiliate=None, destination="https://shop.example/shoes") -> str:
    """The code of a new link of a campaign."""
    body = {"affiliateId": affiliate or enrolled(client, name=f"Bina {uuid4().hex[:6]}"), "destination": destination}
    return ok(client.post(f"{campaign}/links", json=body), 201)["code"]


def last_id(address: str) -> str:
    return address.rpartition("/")[2]


def ago(**parts) -> str:
    return rfc3339(datetime.now(UTC) - timedelta(**parts))


def hence(**parts) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(**parts))


def everything(service) -> dict:
    """All rows that are kept, to see that a refusal changes none."""
    with acting_as(Principal.system("test")), service.database.read() as session:
        tables = [*Base.metadata.sorted_tables, AuditRow.__table__, OutboxRow.__table__]
        assert ChassisBase.metadata.tables.keys() >= {"audit", "outbox"}
        return {table.name: sorted(map(repr, session.execute(table.select()))) for table in tables}


def trail(client) -> list[dict]:
    """The merchant's audit trail, newest first."""
    return ok(client.get(f"{CAMPAIGNS}/audit?pageSize=200"))["items"]


def heard(tenant: Principal, sequence: int, *, name="Dashain Market", slug="dashain-market", features=("affiliates",)):
    """The event by which identity tells of a tenant."""
    data = {
        "tenantId": str(tenant.tenant_id),
        "name": name,
        "slug": slug,
        "kind": "Merchant",
        "timeZone": "UTC",
        "features": list(features),
    }
    return sample_event("identity.TenantChanged.v2", data, subject=str(tenant.tenant_id), sequence=sequence)


def suspension(tenant: Principal, sequence: int, *, what="Suspended"):
    """The event by which identity suspends a tenant, resumes it or ends it."""
    data = {"tenantId": str(tenant.tenant_id)}
    return sample_event(f"identity.Tenant{what}.v1", data, subject=str(tenant.tenant_id), sequence=sequence)


def joined(merchant: Principal, email: str, *, user_id: UUID | None = None, **changes):
    """The event by which identity tells of somebody who has accepted an invitation."""
    user_id = user_id or uuid4()
    data = {
        "userId": str(user_id),
        "tenantId": str(merchant.tenant_id),
        "email": email,
        "name": changes.pop("name", "Bina Gurung"),
        "role": changes.pop("role", "Affiliate"),
    }
    kind, sequence = changes.pop("kind", "Added"), changes.pop("sequence", 2)
    return sample_event(f"identity.User{kind}.v1", data | changes, subject=str(user_id), sequence=sequence)


def affiliate_user(service, merchant: Principal, email: str) -> Principal:
    """Who signs in as the merchant's affiliate with this address, after having accepted the invitation."""
    person = replace(merchant, user_id=uuid4(), role=Role.AFFILIATE, name="An affiliate")
    service.deliver(joined(merchant, email, user_id=person.user_id))
    return person


def ids(page) -> list[UUID]:
    return [item["id"] for item in page["items"]]


def without_links_in_memory(service) -> None:
    """As a process that has just begun."""
    service.runtime.memory.clear()


def flushed(service) -> None:
    """Write the clicks that wait in memory."""
    while flushed_once(service):
        pass


def flushed_once(service) -> bool:
    with acting_as(Principal.system("affiliates")):
        return flush_clicks(service.runtime)


def clicks(service) -> list[Click]:
    """Every click that was written, in the order of their ids."""
    with acting_as(Principal.system("test")), service.database.read() as session:
        return list(session.scalars(select(Click).order_by(Click.id)))


def counted(service) -> dict[str, int]:
    """How many clicks the days' counts hold together."""
    with acting_as(Principal.system("test")), service.database.read() as session:
        live, other = session.execute(select(func.sum(ClickCount.live), func.sum(ClickCount.other))).one()
        return {"live": live or 0, "other": other or 0}


def order(number, **changes) -> dict:
    """An order as a shop reports it."""
    return {"externalOrderId": number, "orderAmount": "2999.00", "currency": "NPR"} | changes


def reported(client, number, **changes) -> str:
    """Report an order; what the answer calls it."""
    return ok(client.post(CONVERSIONS, json=order(number, **changes)), 202)["status"]


def settled(service, *, minutes: float = 0.1, flush: bool = True) -> None:
    """Let what happens in the background happen, ``minutes`` from now."""
    if flush:
        flushed(service)
    later = datetime.now(UTC) + timedelta(minutes=minutes)
    with time_machine.travel(later, tick=False), acting_as(Principal.system("affiliates")):
        while weigh_due(service.runtime):
            pass
