"""Reading what a merchant has set."""

from datetime import datetime

from sqlalchemy.orm import Session

from chassis.core.principal import caller
from services.affiliates.merchants.models import Merchant


def merchant(session: Session, now: datetime) -> Merchant:
    """The caller's merchant; one that has set nothing yet reads the defaults."""
    known = session.get(Merchant, caller().tenant_id)
    if known is not None:
        return known
    return Merchant(
        id=caller().tenant_id,
        enabled=True,
        commission_type=None,
        commission_value=None,
        fallback_url=None,
        allowed_hosts=[],
        affiliate_approval_required=True,
        currency=None,
        time_zone=None,
        version=1,
        updated_at=now,
    )
