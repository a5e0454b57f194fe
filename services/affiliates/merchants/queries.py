"""Reads of merchants."""

from datetime import datetime

from sqlalchemy.orm import Session

from chassis.core.principal import caller
from services.affiliates.merchants.models import Merchant


def merchant(session: Session, now: datetime) -> Merchant:
    """The caller's merchant, with default settings if it has no row yet."""
    return session.get(Merchant, caller().tenant_id) or Merchant(
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
