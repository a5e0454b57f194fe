"""The tenant's catalogue row: the lock of whoever writes products, and the number that tells of any change."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.data.bulk import insert_ignoring
from services.promotions.catalogue.models import Catalogue
from services.promotions.common.models import Base

CATALOGUES = Base.metadata.tables["catalogues"]


def hold(session: Session, tenant_id: UUID) -> Catalogue:
    """The catalogue of a tenant, locked until the transaction ends. The first lock of whoever writes products."""
    _make_missing(session, tenant_id)
    return session.scalars(select(Catalogue).where(Catalogue.tenant_id == tenant_id).with_for_update()).one()


def touch(session: Session, tenant_id: UUID) -> None:
    """Say that evaluations may come out otherwise from now on. The last statement of a change, after ``outbox.add``."""
    session.flush()
    _make_missing(session, tenant_id)
    raised = update(CATALOGUES).where(CATALOGUES.c.tenant_id == tenant_id)
    session.execute(raised.values(revision=CATALOGUES.c.revision + 1))


def _make_missing(session: Session, tenant_id: UUID) -> None:
    insert_ignoring(session, Catalogue, [{"id": uuid7(), "tenant_id": tenant_id, "event_sequence": 0, "revision": 0}])
