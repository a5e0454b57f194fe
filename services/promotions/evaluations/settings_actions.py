"""Changing how a tenant's promotions work, and holding its currency while amounts are written.

The settings' row is the first lock of either.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.bulk import insert_ignoring
from chassis.http import versions
from chassis.messaging import outbox
from services.promotions.catalogue import actions, pricelist_queries
from services.promotions.catalogue import settings_queries as queries
from services.promotions.common import rules
from services.promotions.common.tenant_models import Settings
from services.promotions.engine import Strategy
from services.promotions.evaluations import settings_queries
from services.promotions.evaluations.events import SettingsChanged


def change(
    session: Session, changes: dict[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> queries.SeenSettings:
    """Take over what is named; what is left out stays as it is.

    Raises:
        Stale: ``expected`` is not their version.
        Invalid: there is no such price list.
        Conflict: ``currency_does_not_fit``: there are amounts finer than the new currency (D9).
    """
    settings = _lock(session, actor.tenant_id)
    before = queries.seen(session, settings)
    versions.require(before, expected)
    if changes.get("time_zone") == before.time_zone:
        del changes["time_zone"]  # the tenant's own, sent back as it was answered, goes on being the tenant's own (D65)
    if "pricelist_uid" in changes:
        changes["pricelist_id"] = pricelist_queries.id_of(session, changes.pop("pricelist_uid"))
    if changes.get("currency", before.currency) != before.currency:
        _require_fitting(session, actor.tenant_id, changes["currency"])
    if settings.change(changes):
        audit.record(session, "settings.changed", settings, tenant_id=actor.tenant_id, actor=actor, now=now)
        session.flush()
        told = queries.seen(session, settings)
        event = SettingsChanged(
            actor.tenant_id, settings.time_zone, settings.currency, settings.strategy, told.pricelist_uid
        )
        outbox.add(session, settings, event, tenants=(actor.tenant_id,), actor=actor, now=now)
        actions.touch(session, actor.tenant_id)
    return queries.seen(session, settings)


def lock_currency(session: Session, tenant_id: UUID) -> str:
    """The tenant's currency, which stays what it is until the transaction ends: for whoever writes amounts (D9).

    Writers of amounts share this lock with each other, and not with a change of the settings.
    """
    named = select(Settings.currency).where(Settings.tenant_id == tenant_id).with_for_update(read=True)
    currency = session.scalar(named)
    if currency is None:
        _make_missing(session, tenant_id)
        currency = session.scalars(named).one()
    return currency


def _require_fitting(session: Session, tenant_id: UUID, currency: str) -> None:
    if finer := settings_queries.finer_than(session, tenant_id, currency):
        errors = [{"field": "currency", "message": message} for message in finer]
        detail = f"Amounts here have more decimals than {currency}. {' '.join(finer[:3])}"
        raise Conflict(detail, code="currency_does_not_fit", errors=errors)


def _lock(session: Session, tenant_id: UUID) -> Settings:
    _make_missing(session, tenant_id)
    return session.scalars(select(Settings).where(Settings.tenant_id == tenant_id).with_for_update()).one()


def _make_missing(session: Session, tenant_id: UUID) -> None:
    row = {
        "id": uuid7(),
        "tenant_id": tenant_id,
        "currency": rules.DEFAULT_CURRENCY,
        "strategy": Strategy.PRIORITY,
        "event_sequence": 0,
        "version": 1,
    }
    insert_ignoring(session, Settings, [row])
