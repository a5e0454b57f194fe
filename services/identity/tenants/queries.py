"""Reads of tenants."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.text import fold
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.identity.tenants.models import Tenant
from services.identity.tenants.rules import Kind

NO_TENANT = "There is no such tenant."


def tenant(session: Session, tenant_id: UUID) -> Tenant:
    """One tenant.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    return one_or_404(session, select(Tenant).where(Tenant.id == tenant_id), NO_TENANT)


def living_tenant(session: Session, tenant_id: UUID) -> Tenant:
    """One tenant that has not ended. Raises as ``tenant``."""
    living = select(Tenant).where(Tenant.id == tenant_id, Tenant.ended_at.is_(None))
    return one_or_404(session, living, NO_TENANT)


def lock_tenant(session: Session, tenant_id: UUID) -> Tenant:
    """One tenant, locked until the transaction ends. Raises as ``tenant``.

    Rows that belong to the tenant can still be written: somebody who renews a sign-in holds the own user already.
    """
    statement = select(Tenant).where(Tenant.id == tenant_id)
    return one_or_404(session, statement.with_for_update(key_share=True), NO_TENANT)


def require_active(session: Session, tenant_id: UUID) -> Tenant:
    """One tenant that is not suspended.

    Raises:
        SuspendedTenant: ``tenant_suspended``.
    """
    active = tenant(session, tenant_id)
    active.require_active()
    return active


def lock_nameless_tenants(session: Session, limit: int) -> Sequence[Tenant]:
    """Some of the tenants that have no slug, locked until the transaction ends."""
    statement = select(Tenant).where(Tenant.slug.is_(None)).order_by(Tenant.id).limit(limit)
    return session.scalars(statement.with_for_update(skip_locked=True)).all()


def lock_unfolded_tenants(session: Session, limit: int) -> Sequence[Tenant]:
    """Some of the tenants that have no folded name, locked until the transaction ends."""
    statement = select(Tenant).where(Tenant.name_folded.is_(None)).order_by(Tenant.id).limit(limit)
    return session.scalars(statement.with_for_update(skip_locked=True)).all()


def lock_ending_tenant(session: Session, now: datetime) -> Tenant | None:
    """A tenant whose grace is over and whose own is still there, locked until the transaction ends."""
    due = (Tenant.ends_at <= now, Tenant.ended_at.is_(None))
    return session.scalar(
        select(Tenant).where(*due).order_by(Tenant.id).limit(1).with_for_update(key_share=True, skip_locked=True)
    )


def lock_platform(session: Session) -> Tenant | None:
    """The platform's own tenant, locked until the transaction ends."""
    return session.scalar(select(Tenant).where(Tenant.kind == Kind.PLATFORM).with_for_update())


def list_tenants(session: Session, *, page: int, page_size: int, kind: str | None = None, q: str | None = None) -> Page:
    """Tenants in the order they came; ``q`` is a part of the name in any case (D62)."""
    statement = select(Tenant).order_by(Tenant.id)
    if kind:
        statement = statement.where(Tenant.kind == kind)
    if q:
        statement = statement.where(Tenant.name_folded.contains(fold(q), autoescape=True))
    return paginate(session, statement, page=page, page_size=page_size)
