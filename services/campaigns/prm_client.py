"""Asks prm which retailers the calling supplier can reach, before any transaction of ours."""

from collections.abc import Sequence
from itertools import zip_longest
from uuid import UUID

from chassis.core.errors import Invalid, Upstream
from chassis.data.bulk import batches
from chassis.http.current import service_client
from contracts.services import PRM
from services.campaigns.rules import Network

# How many ids a request carries, so that its body stays below the limit.
RETAILERS_AT_ONCE = 20_000
GROUPS_AT_ONCE = 1_000


def expand(retailer_ids: Sequence[UUID], group_ids: Sequence[UUID]) -> Network:
    """The retailers and the members of the groups, each once, as the caller's network knows them (S0-25, S0-26).

    Raises:
        Invalid: there is no such group; names each.
        Upstream: prm is away or its response cannot be read; the same request works later.
    """
    related: dict[UUID, str] = {}
    unrelated: dict[UUID, str | None] = {}
    unknown: list[str] = []
    for question in _questions(retailer_ids, group_ids):
        answer = service_client.look_up(PRM, "/internal/network/expand", question)
        try:
            related |= {UUID(row["retailerId"]): str(row["retailerName"]) for row in answer["related"]}
            unrelated |= {UUID(row["retailerId"]): row["retailerName"] for row in answer["skipped"]}
            unknown += map(str, answer["unknownGroupIds"])
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Upstream("The prm service sent a response that cannot be read.") from error
    if unknown:
        errors = [{"field": "groupIds", "message": f"There is no group {group}."} for group in unknown[:100]]
        raise Invalid("Some of the groups do not exist: " + ", ".join(unknown[:3]), errors=errors)
    return Network(related, unrelated)


def _questions(retailer_ids: Sequence[UUID], group_ids: Sequence[UUID]) -> list[dict[str, Sequence[str]]]:
    retailers = batches([str(retailer) for retailer in dict.fromkeys(retailer_ids)], RETAILERS_AT_ONCE)
    groups = batches([str(group) for group in dict.fromkeys(group_ids)], GROUPS_AT_ONCE)
    nothing: Sequence[str] = []
    return [
        {"retailerIds": retailer_part, "groupIds": group_part}
        for retailer_part, group_part in zip_longest(retailers, groups, fillvalue=nothing)
    ]
