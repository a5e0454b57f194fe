"""Pure decisions of partner management: which step a relationship may take and by whom, what counts as existing."""

from enum import StrEnum
from uuid import UUID

from chassis.core.errors import Conflict, Forbidden, Invalid
from contracts.roles import RETAILERS

MAX_TIERS = 10
MAX_GROUP = 50_000
UNKNOWN_NAMED = 5  # how many of the ids that do not fit a refusal names


class Side(StrEnum):
    """The two parties of a relationship, by their tenants' kind."""

    SUPPLIER = "Supplier"
    RETAILER = "Retailer"

    @property
    def other(self) -> "Side":
        return Side.RETAILER if self is Side.SUPPLIER else Side.SUPPLIER


class Status(StrEnum):
    """Where a relationship stands (D10). Invited: the supplier asked; Pending: the retailer did."""

    INVITED = "Invited"
    PENDING = "Pending"
    ACTIVE = "Active"
    PAUSED = "Paused"
    INACTIVE = "Inactive"


class Step(StrEnum):
    """What can be done with a relationship."""

    INVITE = "invite"
    REQUEST = "request"
    ACCEPT = "accept"
    DECLINE = "decline"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


EXISTING = frozenset({Status.ACTIVE, Status.PAUSED})
"""The statuses in which a relationship exists for campaigns, tiers and threads (D10)."""

ASKED = {Status.INVITED: Side.RETAILER, Status.PENDING: Side.SUPPLIER}
"""Who has to answer."""

STEPS: dict[Step, tuple[frozenset[Status], Status]] = {
    Step.INVITE: (frozenset({Status.INACTIVE}), Status.INVITED),
    Step.REQUEST: (frozenset({Status.INACTIVE}), Status.PENDING),
    Step.ACCEPT: (frozenset(ASKED), Status.ACTIVE),
    Step.DECLINE: (frozenset(ASKED), Status.INACTIVE),
    Step.PAUSE: (frozenset({Status.ACTIVE}), Status.PAUSED),
    Step.RESUME: (frozenset({Status.PAUSED}), Status.ACTIVE),
    Step.END: (frozenset(Status) - {Status.INACTIVE}, Status.INACTIVE),
}
"""From which statuses each step leads where."""


def next_status(status: Status, step: Step, by: Side) -> Status:
    """Where ``step``, taken by one side, leads from ``status``.

    Raises:
        Conflict: ``relationship_exists`` when it is to begin again without having ended, else ``invalid_transition``.
        Forbidden: an answer by the side that asked.
    """
    origins, target = STEPS[step]
    if status not in origins:
        if step in (Step.INVITE, Step.REQUEST):
            raise Conflict(f"There is a relationship already: {status}.", code="relationship_exists")
        raise Conflict(f"A relationship that is {status} does not allow '{step}'.", code="invalid_transition")
    if step in (Step.ACCEPT, Step.DECLINE) and ASKED[status] is not by:
        raise Forbidden("Only the side that was asked can answer.")
    return target


def side_of(role: str) -> Side:
    """The side a signed-in admin acts for."""
    return Side.RETAILER if role in RETAILERS else Side.SUPPLIER


def opening_step(side: Side) -> Step:
    """How a side begins a relationship: a supplier invites, a retailer requests."""
    return Step.INVITE if side is Side.SUPPLIER else Step.REQUEST


def partner_field(side: Side) -> str:
    """The field of the request in which ``side`` names the other one."""
    return "retailerId" if side is Side.SUPPLIER else "supplierId"


def partner_of(side: Side, retailer_id: UUID | None, supplier_id: UUID | None) -> UUID:
    """Whom ``side`` asks: exactly the other side is to be named.

    Raises:
        Invalid: the other side is missing, or the own one is named.
    """
    partner, own = (retailer_id, supplier_id) if side is Side.SUPPLIER else (supplier_id, retailer_id)
    if own is not None:
        raise Invalid.field(partner_field(side.other), "Unknown field.")
    if partner is None:
        raise Invalid.field(partner_field(side), "Missing data for required field.")
    return partner


def require_free_slot(tiers: int) -> None:
    """Refuse an 11th tier (S0-44).

    Raises:
        Conflict: ``tier_limit_reached``.
    """
    if tiers >= MAX_TIERS:
        raise Conflict(f"A supplier can have at most {MAX_TIERS} tiers.", code="tier_limit_reached")


def require_related(retailer_ids: list[UUID], unrelated: set[UUID]) -> None:
    """Refuse a group that names strangers, saying where the first few stand in the list.

    Raises:
        Invalid: 422 with a field ``retailerIds.<index>`` each.
    """
    if not unrelated:
        return
    places = [index for index, retailer_id in enumerate(retailer_ids) if retailer_id in unrelated][:UNKNOWN_NAMED]
    message = "There is no relationship with this retailer."
    raise Invalid(
        f"{len(unrelated)} of the retailers have no relationship with you; the first: retailerIds.{places[0]}.",
        errors=[{"field": f"retailerIds.{index}", "message": message} for index in places],
    )
