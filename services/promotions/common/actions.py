"""Write the copy of a tenant, and insert rows under a free uid."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.errors import Conflict
from chassis.data.bulk import insert_ignoring
from chassis.data.errors import is_taken
from services.promotions.common import rules
from services.promotions.common.models import Tenant


def learn(
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
    """Take over what an event says of a tenant, unless a newer one was here before."""
    row = {
        "slug": slug,
        "name": name,
        "kind": kind,
        "time_zone": time_zone,
        "features": list(features),
        "sequence": sequence,
    }
    if insert_ignoring(session, Tenant, [{"id": tenant_id} | row]):
        return
    known = session.scalars(select(Tenant).where(Tenant.id == tenant_id).with_for_update()).one()
    if sequence > known.sequence:
        for column, value in row.items():
            setattr(known, column, value)


T = TypeVar("T")
ATTEMPTS = 10


def insert_with_uid(
    session: Session,
    make: Callable[[str], T],
    *,
    wanted: str | None,
    seed: str,
    column: InstrumentedAttribute[str],
    unique: UniqueConstraint,
    taken: Conflict,
) -> T:
    """Insert what ``make`` adds to the session for a key; again with the next free one where another was quicker.

    Args:
        make: gets the key and returns the thing, added to the session.
        wanted: the key that the tenant has named.
        seed: what a key is made from otherwise.
        taken: what is raised when ``wanted`` is somebody else's.
    """
    for _ in range(ATTEMPTS):
        key = wanted or rules.free_uid(seed, _like(session, column, seed))
        try:
            with session.begin_nested():
                made = make(key)
                session.flush()
                return made
        except IntegrityError as error:
            if not is_taken(error, unique):
                raise
            if wanted:
                raise taken from error
    raise taken


def _like(session: Session, column: InstrumentedAttribute[str], seed: str) -> set[str]:
    mine: Any = select(column).where(column.startswith(seed, autoescape=True))
    return set(session.scalars(mine)) | rules.RESERVED
