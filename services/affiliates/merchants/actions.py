"""Keeping what is known of a merchant, and changing what it has set."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core import money
from chassis.core.errors import Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import insert_ignoring
from chassis.http import versions
from services.affiliates import queries
from services.affiliates.affiliates.rules import slug as slug_of
from services.affiliates.common.models import changes
from services.affiliates.common.schemas import require_terms as check_terms
from services.affiliates.merchants.models import Merchant


def of(session: Session, actor: Principal, now: datetime) -> Merchant:
    """The caller's merchant; made from what the caller's identity says when nothing was heard of it yet."""
    known = session.get(Merchant, actor.tenant_id)
    if known is None:
        _make(session, actor.tenant_id, name=actor.tenant_name, slug=actor.tenant_slug, now=now)
        known = session.get_one(Merchant, actor.tenant_id)
    return known


def settle_currency(session: Session, merchant: Merchant, currency: str, *, actor: Principal, now: datetime) -> None:
    """Take the currency of the first order for the merchant's, where nobody has set one and it fits all that is stored.

    So whoever sells in one currency and knows of no settings has its FIXED commissions in that one (D9).
    """
    if merchant.currency is not None or not money.is_currency(currency):
        return
    if queries.currencies.misfit(session, merchant.id, currency) is not None:
        return
    as_it_is = select(Merchant).where(Merchant.id == merchant.id).execution_options(populate_existing=True)
    merchant = session.scalars(as_it_is.with_for_update()).one()  # another first order may have come in between
    if merchant.currency is None:
        merchant.currency, merchant.updated_at = currency, now
        audit.record(session, "merchant.changed", merchant, tenant_id=merchant.id, actor=actor, now=now)


def learn(
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
    """Take over what identity says, unless something newer is known. A tenant without the flag is no merchant yet."""
    if enabled:
        _make(session, tenant_id, name=name, slug=slug, now=now)
    known = session.get(Merchant, tenant_id, with_for_update=True)
    if known is None or sequence <= known.sequence:
        return
    known.name, known.enabled, known.sequence = name, enabled, sequence
    known.slug, known.time_zone = slug or known.slug, time_zone or known.time_zone


def change(
    session: Session, settings: Mapping[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> Merchant:
    """Replace what the merchant has set for all of its campaigns.

    Raises:
        Stale: ``expected`` is not its version.
        Invalid: something that is stored has more decimals than the new currency (D9).
    """
    of(session, actor, now)
    merchant = session.get_one(Merchant, actor.tenant_id, with_for_update=True, populate_existing=True)
    versions.require(merchant, expected)
    _require_fitting(session, merchant, settings)
    if changes(merchant, settings):
        merchant.updated_at = now
        audit.record(session, "merchant.changed", merchant, tenant_id=merchant.id, actor=actor, now=now)
    return merchant


def _require_fitting(session: Session, merchant: Merchant, settings: Mapping[str, Any]) -> None:
    """A currency that changes is checked against what is stored, a FIXED commission against the currency (D9)."""
    currency = settings.get("currency", merchant.currency)
    if currency is None:
        return
    check_terms(settings["commission_type"], settings["commission_value"], currency)
    if currency != merchant.currency and (misfit := queries.currencies.misfit(session, merchant.id, currency)):
        raise Invalid.field("currency", f"{misfit} has more decimals than {currency}.")


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
