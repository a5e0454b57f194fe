"""Writes to merchants: creating a row, and updating the copy of the tenant."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data.bulk import insert_ignoring
from services.affiliates.merchants.models import Merchant
from services.affiliates.merchants.rules import slug as slug_of


def ensure_merchant(session: Session, actor: Principal, now: datetime) -> Merchant:
    """The caller's merchant, created from the caller's identity if no event has told of it yet."""
    merchant = session.get(Merchant, actor.tenant_id)
    if merchant is None:
        _insert(session, actor.tenant_id, name=actor.tenant_name, slug=actor.tenant_slug, now=now)
        merchant = session.get_one(Merchant, actor.tenant_id)
    return merchant


def lock_merchant(session: Session, merchant_id: UUID) -> Merchant | None:
    """The merchant, read anew under a row lock; None if there is none."""
    # Not session.get(), which refuses a row that somebody changed since this session first read it.
    statement = select(Merchant).where(Merchant.id == merchant_id).execution_options(populate_existing=True)
    return session.scalar(statement.with_for_update())


def upsert_tenant(
    session: Session,
    tenant_id: UUID,
    *,
    name: str,
    slug: str | None,
    time_zone: str | None,
    enabled: bool,
    sequence: int,
    now: datetime,
) -> None:
    """Apply what identity says of a tenant, unless a newer event was applied. A tenant that never had the flag gets no
    row.

    Not ``upsert_newer``: a new row has defaults that a later event must not set again, and an event may lack the slug.
    """
    if enabled:
        _insert(session, tenant_id, name=name, slug=slug, now=now)
    merchant = lock_merchant(session, tenant_id)
    if merchant is None or sequence <= merchant.sequence:
        return
    merchant.name, merchant.enabled, merchant.sequence = name, enabled, sequence
    merchant.slug, merchant.time_zone = slug or merchant.slug, time_zone or merchant.time_zone


def set_suspended(session: Session, tenant_id: UUID, *, suspended: bool, sequence: int) -> None:
    """Apply that the operator has suspended or resumed a tenant, unless a newer event was applied. A tenant without a
    row has no links that could rest, and makes none while it is suspended."""
    merchant = lock_merchant(session, tenant_id)
    if merchant is not None and sequence > merchant.suspension_sequence:
        merchant.suspended, merchant.suspension_sequence = suspended, sequence


def _insert(session: Session, tenant_id: UUID, *, name: str, slug: str | None, now: datetime) -> None:
    row = {
        "id": tenant_id,
        "name": name,
        "slug": slug or slug_of(name),
        "enabled": True,
        "sequence": 0,
        "allowed_hosts": [],
        "affiliate_approval_required": True,
        "updated_at": now,
        "version": 1,
    }
    insert_ignoring(session, Merchant, [row])
