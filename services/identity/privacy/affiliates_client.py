"""Asks the affiliates service whom an enrolment is about. Never inside a transaction."""

from dataclasses import dataclass
from uuid import UUID

from chassis.core.errors import Conflict, NotFound
from chassis.http.client import ServiceClient
from contracts.services import AFFILIATES
from privacy.person import NO_ADDRESS
from services.identity.common.context import as_identity

NO_AFFILIATE = "There is no such affiliate."


@dataclass(frozen=True)
class Enrolled:
    """An affiliate of a merchant who has no account."""

    id: UUID
    merchant_id: UUID
    email: str

    @property
    def is_erased(self) -> bool:
        return self.email == NO_ADDRESS


def enrolled(client: ServiceClient, merchant_id: UUID, affiliate_id: UUID) -> Enrolled:
    """An affiliate of the merchant.

    Raises:
        NotFound: the merchant has no such affiliate.
        Conflict: ``account_exists``: the affiliate signs in, so it is one of the merchant's people.
        Upstream: the affiliates service is away.
    """
    try:
        with as_identity():
            answer = client.get(AFFILIATES, f"/internal/affiliates/{affiliate_id}")
    except NotFound:
        raise NotFound(NO_AFFILIATE) from None
    if answer["merchantId"] != str(merchant_id):
        raise NotFound(NO_AFFILIATE)
    if answer["userId"] is not None:
        raise Conflict("This affiliate signs in. Look for the person among your people.", code="account_exists")
    return Enrolled(affiliate_id, merchant_id, answer["email"])
