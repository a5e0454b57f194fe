"""Change a tenant's settings. Lock: the settings' row, before any other."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.http import versions
from services.promotions.catalogue import actions as catalogue_actions
from services.promotions.catalogue import pricelist_queries
from services.promotions.catalogue import queries as catalogue_queries
from services.promotions.catalogue.actions import lock_settings
from services.promotions.common.actions import audit, publish
from services.promotions.evaluations import settings_queries
from services.promotions.evaluations.events import SettingsChanged


def change(
    session: Session, changes: dict[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> catalogue_queries.SeenSettings:
    """Take over what is named; what is left out stays as it is.

    Raises:
        Stale: ``expected`` is not their version.
        Invalid: there is no such price list.
        Conflict: ``currency_does_not_fit``: there are amounts finer than the new currency (D9).
    """
    settings = lock_settings(session, actor.tenant_id)
    before = catalogue_queries.complete_settings(session, settings)
    versions.require(before, expected)
    if changes.get("time_zone") == before.time_zone:
        del changes["time_zone"]  # the tenant's own, sent back as it was answered, goes on being the tenant's own (D65)
    if "pricelist_uid" in changes:
        changes["pricelist_id"] = pricelist_queries.pricelist_id(session, changes.pop("pricelist_uid"))
    if changes.get("currency", before.currency) != before.currency:
        _require_fitting(session, actor.tenant_id, changes["currency"])
    if settings.change(changes):
        audit(session, "settings.changed", settings, actor=actor, now=now)
        session.flush()
        current = catalogue_queries.complete_settings(session, settings)
        publish(session, settings, SettingsChanged, pricelist_uid=current.pricelist_uid, actor=actor, now=now)
        catalogue_actions.touch(session, actor.tenant_id)
    return catalogue_queries.complete_settings(session, settings)


def _require_fitting(session: Session, tenant_id: UUID, currency: str) -> None:
    if finer := settings_queries.finer_than(session, tenant_id, currency):
        errors = [{"field": "currency", "message": message} for message in finer]
        detail = f"Amounts here have more decimals than {currency}. {' '.join(finer[:3])}"
        raise Conflict(detail, code="currency_does_not_fit", errors=errors)
