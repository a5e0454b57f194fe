"""The names of tenants, and lists of ids as something a statement can join."""

import json
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ARRAY, Integer, String, Subquery, Uuid, column, func, literal, select, type_coerce
from sqlalchemy.orm import Session

from services.prm.models import TenantName


def names_of(session: Session, tenant_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of a few tenants, as far as we know them."""
    rows = session.execute(select(TenantName.id, TenantName.name).where(TenantName.id.in_(tenant_ids)))
    return dict(rows.tuples().all())


def given(session: Session, ids: list[UUID]) -> Subquery:
    """Ids as rows ``(id, position)``, position from 0: one bound value, however many there are."""
    if session.get_bind().dialect.name == "postgresql":
        listed = func.unnest(literal(ids, ARRAY(Uuid())))
        rows = listed.table_valued(column("id", Uuid()), with_ordinality="place").render_derived()
        return select(rows.c.id, (rows.c.place - 1).label("position")).subquery()
    text = func.json_each(json.dumps([id.hex for id in ids]))
    rows = text.table_valued(column("key", Integer()), column("value", String()))
    return select(type_coerce(rows.c.value, Uuid()).label("id"), rows.c.key.label("position")).subquery()
