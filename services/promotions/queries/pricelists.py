"""Price lists and what stands on them."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.errors import Invalid
from services.promotions.models import Pricelist


def id_of(session: Session, pricelist_uid: str | None) -> UUID | None:
    """The id of a price list that a body names; None for None.

    Raises:
        Invalid: the caller has none of that uid (S1-3).
    """
    if pricelist_uid is None:
        return None
    found = session.scalar(select(Pricelist.id).where(Pricelist.pricelist_uid == pricelist_uid))
    if found is None:
        raise Invalid.field("pricelistUid", f"There is no price list {pricelist_uid}.", code="unknown_pricelist")
    return found
