"""Changing how a tenant's promotions work."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7
from werkzeug.datastructures import ETags

from chassis import audit, outbox, versions
from chassis.database import insert_ignoring
from chassis.identity import Principal
from services.promotions.actions import catalogue
from services.promotions.engine import Strategy
from services.promotions.events.settings import SettingsChanged
from services.promotions.models import Settings
from services.promotions.queries import pricelists
from services.promotions.queries import settings as queries
from services.promotions.rules import settings as rules


def change(
    session: Session, changes: dict[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> queries.SeenSettings:
    """Take over what is named; what is left out stays as it is.

    Raises:
        Stale: ``expected`` is not their version.
        Invalid: there is no such price list.
    """
    settings = _hold(session, actor)
    versions.require(queries.seen(session, settings), expected)
    if "pricelist_uid" in changes:
        changes["pricelist_id"] = pricelists.id_of(session, changes.pop("pricelist_uid"))
    if settings.change(changes):
        audit.record(session, "settings.changed", settings, tenant_id=actor.tenant_id, actor=actor, now=now)
        session.flush()
        told = queries.seen(session, settings)
        event = SettingsChanged(
            actor.tenant_id, settings.time_zone, settings.currency, settings.strategy, told.pricelist_uid
        )
        outbox.add(session, settings, event, tenants=(actor.tenant_id,), actor=actor, now=now)
        catalogue.touch(session, actor.tenant_id)
    return queries.seen(session, settings)


def _hold(session: Session, actor: Principal) -> Settings:
    row = {
        "id": uuid7(),
        "tenant_id": actor.tenant_id,
        "currency": rules.DEFAULT_CURRENCY,
        "strategy": Strategy.PRIORITY,
        "event_sequence": 0,
        "version": 1,
    }
    insert_ignoring(session, Settings, [row])
    return session.scalars(select(Settings).where(Settings.tenant_id == actor.tenant_id).with_for_update()).one()
