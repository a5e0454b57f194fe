"""Reads of second factors."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.factors.models import TotpSecret


def has_factor(session: Session, user_id: UUID) -> bool:
    """Whether a person has a second factor that counts."""
    confirmed = select(TotpSecret.user_id).where(TotpSecret.user_id == user_id, TotpSecret.confirmed_at.is_not(None))
    return session.scalar(confirmed) is not None
