"""Writes to a merchant's settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core import money
from chassis.core.errors import Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.http import versions
from services.affiliates.common.models import apply_changes
from services.affiliates.common.schemas import require_terms
from services.affiliates.merchant_settings.queries import misfit
from services.affiliates.merchants.actions import ensure_merchant, lock_merchant
from services.affiliates.merchants.models import Merchant


def replace_settings(
    session: Session, settings: Mapping[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> Merchant:
    """Replace the merchant's settings for all of its campaigns.

    Raises:
        Stale: ``expected`` is not its version.
        Invalid: a stored amount has more decimals than the new currency (D9).
    """
    merchant = _lock_merchant_of(session, actor, now)
    versions.require(merchant, expected)
    _require_fitting(session, merchant, settings)
    if apply_changes(merchant, settings):
        merchant.updated_at = now
        _audit(session, merchant, actor, now)
    return merchant


def adopt_currency(session: Session, currency: str, *, actor: Principal, now: datetime) -> None:
    """Make the currency of an order the merchant's, unless it has one or a stored amount does not fit.

    So the FIXED commissions of a merchant who sells in one currency and never opened the settings are in that one (D9).
    """
    merchant = ensure_merchant(session, actor, now)
    if merchant.currency is not None or not money.is_currency(currency):
        return
    if misfit(session, merchant.id, currency) is not None:
        return
    merchant = _lock_merchant_of(session, actor, now)
    if merchant.currency is None:  # another first order may have been faster
        merchant.currency, merchant.updated_at = currency, now
        _audit(session, merchant, actor, now)


def _lock_merchant_of(session: Session, actor: Principal, now: datetime) -> Merchant:
    merchant = lock_merchant(session, ensure_merchant(session, actor, now).id)
    assert merchant is not None
    return merchant


def _require_fitting(session: Session, merchant: Merchant, settings: Mapping[str, Any]) -> None:
    """A FIXED commission must fit the currency, and stored amounts a currency that changes (D9)."""
    currency = settings.get("currency", merchant.currency)
    if currency is None:
        return
    require_terms(settings["commission_type"], settings["commission_value"], currency)
    if currency != merchant.currency and (amount := misfit(session, merchant.id, currency)):
        raise Invalid.field("currency", f"{amount} has more decimals than {currency}.")


def _audit(session: Session, merchant: Merchant, actor: Principal, now: datetime) -> None:
    audit.record(session, "merchant.changed", merchant, tenant_id=merchant.id, actor=actor, now=now)
