"""What all writers share: publish, audit, write under unique keys."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Index, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.errors import Conflict
from chassis.core.principal import Principal
from chassis.data import audit as audit_rows
from chassis.data.errors import is_taken
from chassis.messaging import outbox
from services.promotions.common import rules


def publish(session: Session, subject: Any, event_type: type, *, actor: Principal, now: datetime, **facts: Any) -> None:
    """Add an event of ``subject``, a locked or new row, to the outbox. The subject's tenant may see it.

    Args:
        facts: fields of the event that ``subject`` does not have by their name.
    """
    event = event_of(subject, event_type, **facts)
    outbox.add(session, subject, event, tenants=(subject.tenant_id,), actor=actor, now=now)


def event_of(subject: Any, event_type: Any, **facts: Any) -> Any:
    """An event with ``facts``, and with the subject's own values for all other fields."""
    names = [field.name for field in fields(event_type) if field.name not in facts]
    return event_type(**{name: getattr(subject, name) for name in names}, **facts)


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


def flush(session: Session, taken: Mapping[UniqueConstraint | Index, Exception]) -> None:
    """Write what was added or changed.

    Args:
        taken: what is raised when another row has the key, by unique constraint.
    """
    try:
        session.flush()
    except IntegrityError as error:
        for unique, refusal in taken.items():
            if is_taken(error, unique):
                raise refusal from error
        raise


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
    """Insert a thing under a uid. Where another request has just taken a made uid, try the next free one.

    Args:
        make: gets the uid, adds the thing to the session and returns it.
        uid: the uid that the tenant has chosen, if any.
        seed: what a uid is made from otherwise.
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
