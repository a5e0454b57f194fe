"""Who gets a tenant's mail."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notifier.models import Contact


def contacts(session: Session, tenant_id: UUID) -> Sequence[Contact]:
    """The users a tenant has now."""
    statement = select(Contact).where(Contact.tenant_id == tenant_id, Contact.active).order_by(Contact.id)
    return session.scalars(statement).all()
