"""Bodies and look-ups that the tests of store campaigns share."""

from datetime import timedelta
from uuid import uuid4

from chassis.core.clock import rfc3339, utcnow
from chassis.core.principal import Principal, acting_as
from services.promotions.catalogue.models import Store
from tests.promotions.helpers import BERGEN, FJORD, ok

MINE, HERS = f"/stores/company/{FJORD}/campaigns", f"/stores/company/{BERGEN}/campaigns"

EXAMPLE = {
    "name": "Bi-Yearly Specials",
    "description": "Bi-yearly promotions and special offers for customers",
    "campaign_identifier": "BI_YEARLY_SPECIALS",
    "starts_at": "2024-01-01T00:00:00.000Z",
    "ends_at": "2999-12-31T23:59:59.000Z",
    "status": "active",
}
"""The document's request, word for word."""


def away(**distance):
    """A time so far from now, e.g. ``days=-1``."""
    return rfc3339(utcnow() + timedelta(**distance))


def campaign(**changes):
    """A body that runs from yesterday until tomorrow."""
    tag = uuid4().hex[:8]
    body = {"name": f"Spring {tag}", "starts_at": away(days=-1), "ends_at": away(days=1), "status": "active"}
    return body | changes


def made(client, address=MINE, **changes) -> str:
    """The address of a new campaign."""
    answer = client.post(address, json=campaign(**changes))
    ok(answer, 201)
    return answer.headers["Location"]


def last_id(address: str) -> str:
    return address.rpartition("/")[2]


def refused(answer, status, code, **more):
    """The answer is S3's error format of this code, and exactly that."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/json"
    body = answer.json
    assert (body["success"], body["error_code"]) == (False, code)
    for name, value in more.items():
        assert body[name] == value
    return body


def faults(answer):
    """The fields of a VALIDATION_ERROR."""
    body = refused(answer, 400, "VALIDATION_ERROR", message="Field validation failed")
    return [item["field"] for item in body["validation_errors"]]


def stores(service, *store_uids, tenant_id=FJORD):
    """Stores of a tenant, as the catalogue keeps them."""
    now = utcnow()
    with acting_as(Principal.system("test")), service.database.begin() as session:
        for store_uid in store_uids:
            session.add(
                Store(
                    id=uuid4(),
                    tenant_id=tenant_id,
                    store_uid=store_uid,
                    name=store_uid,
                    created_at=now,
                    updated_at=now,
                    event_sequence=0,
                )
            )


def events_about(service, address):
    """The events of a campaign: name and sequence."""
    mine = [event for event in service.events() if event["subject"] == last_id(address)]
    return [(event["type"].split(".")[1], event["sequence"]) for event in mine]
