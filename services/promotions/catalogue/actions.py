"""Locks that all writers of a tenant share (the catalogue row, the settings row), and the catalogue's revision."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.data.bulk import insert_ignoring
from services.promotions.catalogue.models import Catalogue, Settings
from services.promotions.common import rules as common_rules
from services.promotions.common.models import Base

CATALOGUES = Base.metadata.tables["catalogues"]


def lock_catalogue(session: Session, tenant_id: UUID) -> Catalogue:
    """The catalogue of a tenant, locked until the transaction ends. Writers of products call it after
    ``lock_currency`` and before all other locks."""
    _insert_missing_catalogue(session, tenant_id)
    return session.scalars(select(Catalogue).where(Catalogue.tenant_id == tenant_id).with_for_update()).one()


def touch(session: Session, tenant_id: UUID) -> None:
    """Raise the catalogue's revision: evaluations may differ from now on. The last statement of a change."""
    session.flush()
    _insert_missing_catalogue(session, tenant_id)
    raised = update(CATALOGUES).where(CATALOGUES.c.tenant_id == tenant_id)
    session.execute(raised.values(revision=CATALOGUES.c.revision + 1))


def _insert_missing_catalogue(session: Session, tenant_id: UUID) -> None:
    insert_ignoring(session, Catalogue, [{"id": uuid7(), "tenant_id": tenant_id, "event_sequence": 0, "revision": 0}])


def lock_currency(session: Session, tenant_id: UUID) -> str:
    """The tenant's currency, which cannot change until the transaction ends. Writers of amounts call it first (D9).

    They share this lock with each other, not with a change of the settings.
    """
    named = select(Settings.currency).where(Settings.tenant_id == tenant_id).with_for_update(read=True)
    currency = session.scalar(named)
    if currency is None:
        _insert_missing_settings(session, tenant_id)
        currency = session.scalars(named).one()
    return currency


def lock_settings(session: Session, tenant_id: UUID) -> Settings:
    _insert_missing_settings(session, tenant_id)
    return session.scalars(select(Settings).where(Settings.tenant_id == tenant_id).with_for_update()).one()


def _insert_missing_settings(session: Session, tenant_id: UUID) -> None:
    row = {
        "id": uuid7(),
        "tenant_id": tenant_id,
        "currency": common_rules.DEFAULT_CURRENCY,
        "strategy": common_rules.DEFAULT_STRATEGY,
        "event_sequence": 0,
        "version": 1,
    }
    insert_ignoring(session, Settings, [row])
