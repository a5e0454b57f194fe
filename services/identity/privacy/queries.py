"""Reads of exports."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from chassis.data.lookup import one_or_404
from privacy.person import Person
from services.identity.privacy.models import Export, ExportPart
from services.identity.privacy.rules import GATHERING
from services.identity.users import addresses
from services.identity.users.models import User

NO_EXPORT = "There is no such export."


def person_of(session: Session, export: Export) -> Person:
    """Whom an export is about."""
    if export.email_digest is not None:
        return Person(export.user_id, export.tenant_id, export.email_digest)
    return addresses.person_of(session, session.get_one(User, export.user_id))


def latest_export(session: Session, user_id: UUID, *, asked_by: UUID, now: datetime) -> Export:
    """The newest export of a person that this caller has asked for.

    Raises:
        NotFound: none, or it has expired.
    """
    statement = select(Export).where(Export.user_id == user_id, Export.asked_by == asked_by, Export.expires_at > now)
    return one_or_404(session, statement.order_by(Export.id.desc()).limit(1), NO_EXPORT)


def archive_of(session: Session, export_id: UUID, user_id: UUID, *, asked_by: UUID, now: datetime) -> bytes:
    """The archive of an export that this caller has asked for.

    Raises:
        NotFound: there is none, it is not ready, or it has expired.
    """
    mine = (Export.id == export_id, Export.user_id == user_id, Export.asked_by == asked_by, Export.expires_at > now)
    archive = session.scalar(select(Export.archive).where(*mine))
    if archive is None:
        raise NotFound(NO_EXPORT)
    return archive


def lock_due_export(session: Session, now: datetime) -> Export | None:
    """The export that has waited for longest, locked until the transaction ends."""
    due = select(Export).where(Export.state == GATHERING, Export.next_at <= now).order_by(Export.next_at).limit(1)
    return session.scalar(due.with_for_update(skip_locked=True))


def lock_export(session: Session, export_id: UUID) -> Export | None:
    """An export that is still gathering, locked until the transaction ends; None when it is gone or has ended."""
    export = session.get(Export, export_id, with_for_update=True)
    return export if export is not None and export.is_gathering else None


def parts(session: Session, export_id: UUID, service: str) -> Iterator[bytes]:
    """What a service has shown, in order."""
    statement = select(ExportPart.body).where(ExportPart.export_id == export_id, ExportPart.service == service)
    return iter(session.scalars(statement.order_by(ExportPart.number)))


def removed_users(session: Session, before: datetime, limit: int) -> list[User]:
    """Some of the people who were removed before a moment and are not erased."""
    statement = select(User).where(User.removed_at < before, User.erased_at.is_(None)).order_by(User.removed_at)
    return list(session.scalars(statement.limit(limit).with_for_update(skip_locked=True)))
