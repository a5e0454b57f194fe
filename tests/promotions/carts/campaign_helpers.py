"""Bodies and look-ups that the tests of cart campaigns and linked products share."""

from chassis.core.clock import utcnow
from services.promotions.carts.list_schemas import to_millis
from tests.promotions.helpers import ok

CAMPAIGNS, LINKED = "/marketing/campaigns", "/marketing/linked-products"
CUSTOMER = "e0436791-5866-406d-b0c8-3ba32ead438a"
PRODUCT, OTHER = "ef974b53-4aa1-4378-9798-97b9168bf884", "0b7a1f5e-1c5b-4a38-9d5e-6f2f0d6d2a11"

EXAMPLE = {
    "customerId": CUSTOMER,
    "description": "Christman 2002 special cart, 10% off on most of products",
    "endDate": 1596261600000,
    "mandatoryProducts": [{"id": PRODUCT, "matchMode": "product"}],
    "name": "my_mkt_name_example",
    "products": [{"id": PRODUCT, "matchMode": "variant"}, {"id": OTHER, "matchMode": "product"}],
    "startDate": 1593583200000,
    "status": "ENABLED",
}
"""The document's request, its hidden lists and its ``"string"`` filled in."""

HOUR = 3_600_000


def in_hours(hours) -> int:
    return to_millis(utcnow()) + hours * HOUR


def campaign(name="spring", **changes):
    """A body that counts from an hour ago without end."""
    return {"name": name, "startDate": in_hours(-1), "status": "ENABLED"} | changes


def made(client, name="spring", **changes) -> str:
    """The address of a new campaign."""
    answer = client.post(CAMPAIGNS, json=campaign(name, **changes))
    ok(answer, 201)
    return answer.headers["Location"]


def last_id(address: str) -> str:
    return address.rpartition("/")[2]


def link(campaign_id, base="base", linked="extra", **changes):
    body = {"marketingCampaignId": campaign_id, "baseProduct": {"id": base}, "linkedProduct": {"id": linked}}
    return body | changes


def linked(client, campaign_address, **changes) -> str:
    """The address of new linked products."""
    answer = client.post(LINKED, json=link(last_id(campaign_address), **changes))
    ok(answer, 201)
    return answer.headers["Location"]


def plain(body):
    """An entity without the warnings that a write may have."""
    return {name: value for name, value in body.items() if name != "warnings"}


def refused(answer, status, error, message=None):
    """The answer is S4's error format (S4-18), exactly that; returns its message."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/json"
    body = answer.json
    assert set(body) == {"error", "message", "path", "status", "timestamp"}
    assert (body["error"], body["status"], body["path"]) == (error, status, answer.request.path)
    assert abs(body["timestamp"] - in_hours(0)) < HOUR
    assert message is None or body["message"] == message
    return body["message"]


def names(client, query="") -> list[str]:
    """The names in a list of campaigns, in order."""
    return [item["name"] for item in ok(client.get(f"{CAMPAIGNS}{query}"))["items"]]
