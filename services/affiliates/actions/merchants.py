"""Keeping what is known of a merchant, and changing what it has set."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis import audit, versions
from chassis.database import insert_ignoring
from chassis.identity import Principal
from services.affiliates.models import Merchant
from services.affiliates.models.base import changes
from services.affiliates.rules.affiliates import slug as slug_of


def of(session: Session, actor: Principal, now: datetime) -> Merchant:
    """The caller's merchant; made from what the caller's identity says when nothing was heard of it yet."""
    known = session.get(Merchant, actor.tenant_id)
    if known is None:
        _make(session, actor.tenant_id, name=actor.tenant_name, slug=actor.tenant_slug, now=now)
        known = session.get_one(Merchant, actor.tenant_id)
    return known


def learn(
    session: Session, tenant_id: UUID, *, name: str, slug: str | None, enabled: bool, sequence: int, now: datetime
) -> None:
    """Take over what identity says, unless something newer is known. A tenant without the flag is no merchant yet."""
    if enabled:
        _make(session, tenant_id, name=name, slug=slug, now=now)
    known = session.get(Merchant, tenant_id, with_for_update=True)
    if known is None or sequence <= known.sequence:
        return
    known.name, known.enabled, known.sequence = name, enabled, sequence
    known.slug = slug or known.slug


def change(
    session: Session, settings: Mapping[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> Merchant:
    """Replace what the merchant has set for all of its campaigns.

    Raises:
        Stale: ``expected`` is not its version.
    """
    of(session, actor, now)
    merchant = session.get_one(Merchant, actor.tenant_id, with_for_update=True, populate_existing=True)
    versions.require(merchant, expected)
    if changes(merchant, settings):
        merchant.updated_at = now
        audit.record(session, "merchant.changed", merchant, tenant_id=merchant.id, actor=actor, now=now)
    return merchant


def _make(session: Session, tenant_id: UUID, *, name: str, slug: str | None, now: datetime) -> None:
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
