"""Asking for an export, gathering it, and letting it go."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.clock import CLOCKS_APART
from chassis.core.principal import Principal
from chassis.data import audit
from privacy import erasures
from services.identity.privacy import queries, rules
from services.identity.privacy.models import LEASE, Export, ExportPart
from services.identity.users.models import User

TRIM = 20  # archives may be large
MARGIN = CLOCKS_APART + timedelta(seconds=30)
"""How long a request may take whose erasure was not seen by an archive being written, by whichever clock."""


def ask(session: Session, user: User, services: Iterable[str], *, actor: Principal, now: datetime) -> Export:
    """Have all that is kept about a person gathered in the background.

    While that is under way, asking again gives the same export. A new one replaces the one before. The user is locked.
    """
    export, is_new = begin(session, user.id, user.tenant_id, services, actor=actor, now=now)
    if is_new:
        audit.record(session, "user.exported", user, tenant_id=user.tenant_id, actor=actor, now=now)
    session.flush()
    return export


def begin(
    session: Session,
    person_id: UUID,
    tenant_id: UUID,
    services: Iterable[str],
    *,
    digest: str | None = None,
    actor: Principal,
    now: datetime,
) -> tuple[Export, bool]:
    """The caller's export of a person, and whether it is a new one; see ``ask``.

    Args:
        digest: of the address of somebody who is no user.
    """
    mine = select(Export).where(Export.user_id == person_id, Export.asked_by == actor.user_id)
    earlier = session.scalars(mine.with_for_update()).all()
    for export in earlier:
        if export.is_gathering and export.expires_at > now:
            return export, False
    _delete(session, [export.id for export in earlier])
    export = Export(
        id=uuid7(),
        tenant_id=tenant_id,
        user_id=person_id,
        email_digest=digest,
        asked_by=actor.user_id,
        state=rules.GATHERING,
        progress=dict.fromkeys(services, rules.WAITING),
        created_at=now,
        next_at=now,
        expires_at=now + rules.KEEP,
    )
    session.add(export)
    return export, True


def claim(session: Session, now: datetime) -> Export | None:
    """An export that is due, for one lease; one that waits in vain has failed."""
    export = queries.lock_due_export(session, now)
    if export is None:
        return None
    if now - export.created_at > rules.GIVE_UP_AFTER:
        end_in_failure(session, export, now=now)
    export.next_at = now + LEASE
    return export


def add_part(session: Session, export: Export, service: str, number: int, body: bytes, *, now: datetime) -> None:
    """Store what a service has shown, and prolong the lease; with the first part, what an earlier attempt has left
    goes. The export is locked."""
    if number == 0:
        session.execute(delete(ExportPart).where(ExportPart.export_id == export.id, ExportPart.service == service))
    session.add(ExportPart(export_id=export.id, service=service, number=number, body=body))
    export.next_at = now + LEASE


def end_in_failure(session: Session, export: Export, *, now: datetime) -> None:
    export.fail(now)
    session.execute(delete(ExportPart).where(ExportPart.export_id == export.id))


def finish(session: Session, export: Export, archive: bytes, *, now: datetime) -> None:
    """Everything is there. Whoever is erased after ``now`` may be in it."""
    export.finish(archive, now)
    session.execute(delete(ExportPart).where(ExportPart.export_id == export.id))


def forget_expired(session: Session, *, now: datetime) -> bool:
    """Delete some expired exports; whether there may be more."""
    expired = session.scalars(select(Export.id).where(Export.expires_at <= now).limit(TRIM)).all()
    _delete(session, expired)
    return len(expired) == TRIM


def forget_outdated(session: Session) -> None:
    """Delete archives that were finished before somebody of their tenant was erased: a row may name others, and what is
    in an archive cannot be taken out again."""
    for tenant_id, erased_at in erasures.last_erasures(session).items():
        outdated = (
            Export.tenant_id == tenant_id,
            Export.archive.is_not(None),
            Export.finished_at <= erased_at + MARGIN,
        )
        _delete(session, session.scalars(select(Export.id).where(*outdated)).all())


def forget_archives_of(session: Session, tenant_id: UUID) -> None:
    """Delete all archives of a tenant."""
    archives = select(Export.id).where(Export.tenant_id == tenant_id, Export.archive.is_not(None))
    _delete(session, session.scalars(archives).all())


def _delete(session: Session, ids: Iterable[UUID]) -> None:
    gone = list(ids)
    session.execute(delete(ExportPart).where(ExportPart.export_id.in_(gone)))
    session.execute(delete(Export).where(Export.id.in_(gone)))
