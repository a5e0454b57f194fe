"""Asks prm whether the calling supplier may write to a retailer, before any transaction of ours."""

from dataclasses import dataclass
from uuid import UUID

from chassis.core.errors import Invalid, Upstream
from chassis.http.current import service_client
from contracts.services import PRM


@dataclass(frozen=True)
class Partner:
    """A retailer with a relationship to the calling supplier, and prm's names of the two."""

    supplier_name: str
    retailer_id: UUID
    retailer_name: str


def partner(retailer_id: UUID) -> Partner:
    """The retailer, if the caller has a relationship with it, Active or Paused (S0-56, D10).

    Raises:
        Invalid: ``no_relationship``, whether or not there is such a retailer.
        Upstream: prm is away or its response cannot be read; the same request works later.
    """
    question = {"retailerIds": [str(retailer_id)], "groupIds": []}
    answer = service_client.look_up(PRM, "/internal/network/expand", question)
    try:
        related = {UUID(row["retailerId"]): str(row["retailerName"]) for row in answer["related"]}
        supplier_name = str(answer["supplierName"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Upstream("The prm service sent a response that cannot be read.") from error
    if retailer_id not in related:
        message = "You have no relationship with this retailer."
        raise Invalid.field("retailerId", message, code="no_relationship")
    return Partner(supplier_name, retailer_id, related[retailer_id])
