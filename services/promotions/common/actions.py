"""What all writers share: publish, audit, insert under a free uid; and the copy of each tenant."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data import audit as audit_rows
from chassis.data.copies import upsert_newer
from chassis.data.errors import is_taken
from chassis.messaging import outbox
from services.promotions.common import rules
from services.promotions.common.models import Tenant


def publish(session: Session, subject: Any, event: Any, *, actor: Principal, now: datetime) -> None:
    """Add an event of ``subject``, a locked or new row, to the outbox. The subject's tenant may see it."""
    outbox.add(session, subject, event, tenants=(subject.tenant_id,), actor=actor, now=now)


def audit(
    session: Session,
    action: str,
    target: Any,
    *,
    actor: Principal,
    now: datetime,
    changes: dict[str, Any] | None = None,
) -> None:
    """Write an audit row for the changes of ``target`` since its last flush; see ``chassis.data.audit``."""
    audit_rows.record(session, action, target, tenant_id=target.tenant_id, actor=actor, now=now, changes=changes)


def upsert_tenant(
    session: Session,
    tenant_id: UUID,
    *,
    slug: str | None,
    name: str,
    kind: str,
    time_zone: str,
    features: Sequence[str],
    sequence: int,
) -> None:
    """Write what an event says about a tenant, unless a newer event was applied before."""
    row = {
        "id": tenant_id,
        "slug": slug,
        "name": name,
        "kind": kind,
        "time_zone": time_zone,
        "features": list(features),
        "sequence": sequence,
    }
    upsert_newer(session, Tenant, row)


T = TypeVar("T")
ATTEMPTS = 10


def insert_with_uid(
    session: Session,
    make: Callable[[str], T],
    *,
    uid: str | None,
    seed: str,
    column: InstrumentedAttribute[str],
    unique: UniqueConstraint,
    taken: Conflict,
) -> T:
    """Insert what ``make`` adds to the session for a key; again with the next free one where another was quicker.

    Args:
        make: gets the key and returns the thing, added to the session.
        uid: the key that the tenant has named.
        seed: what a key is made from otherwise.
        taken: what is raised when another row has ``uid``.
    """
    for _ in range(ATTEMPTS):
        key = uid or rules.free_uid(seed, _like(session, column, seed))
        try:
            with session.begin_nested():
                made = make(key)
                session.flush()
                return made
        except IntegrityError as error:
            if not is_taken(error, unique):
                raise
            if uid:
                raise taken from error
    raise taken


def _like(session: Session, column: InstrumentedAttribute[str], seed: str) -> set[str]:
    mine: Any = select(column).where(column.startswith(seed, autoescape=True))
    return set(session.scalars(mine)) | rules.RESERVED
