"""Reads for single sign-on, across tenants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.identity.sso.models import SsoAttempt
from services.identity.tenants.models import Tenant
from services.identity.users.models import User


def tenant_of_address(session: Session, address: str) -> Tenant | None:
    """The tenant that a path calls by its slug or its id."""
    try:
        by_id = Tenant.id == UUID(address)
    except ValueError:
        return session.scalar(select(Tenant).where(Tenant.slug == address))
    return session.scalar(select(Tenant).where(or_(by_id, Tenant.slug == address)))


def attempt(session: Session, state: str, now: datetime) -> SsoAttempt | None:
    """The sign-in under way that a digest of its state names, if it is not over."""
    return session.scalar(select(SsoAttempt).where(SsoAttempt.state == state, SsoAttempt.expires_at > now))


def user_of_subject(session: Session, tenant_id: UUID, subject: str) -> User | None:
    """The present user of the tenant whom its provider calls so."""
    statement = select(User).where(User.tenant_id == tenant_id, User.sso_subject == subject, User.removed_at.is_(None))
    return session.scalar(statement)
