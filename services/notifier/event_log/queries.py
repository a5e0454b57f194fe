"""Reads of the event log, always through its viewers: so only events that the caller's tenant may see."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.errors import NotFound
from chassis.core.principal import caller
from services.notifier.event_log import envelopes
from services.notifier.event_log.event_types import prefix_of
from services.notifier.event_log.models import EventLogEnd, EventViewer, LoggedEvent

Column = ColumnElement[str] | InstrumentedAttribute[str]

WINDOW = 5000
"""Events that are searched for one answer; when few of them have the requested types, the answer is short."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice of the log in order.

    Attributes:
        position: where the next slice begins; all fitting events up to here are in this slice or before it.
        has_more: there may be more events already.
    """

    items: Sequence[dict[str, Any]]
    position: int
    has_more: bool


def ends(session: Session) -> tuple[int, int]:
    """The newest position, and the newest one that has been deleted."""
    row = session.execute(select(EventLogEnd.last, EventLogEnd.trimmed)).first()
    return (row.last, row.trimmed) if row else (0, 0)


def events(session: Session, *, after: int, types: Sequence[str], subject: UUID | None, limit: int) -> Slice:
    """The first events after a position that the caller may see and that fit.

    Args:
        types: patterns; all types where it is empty.
        subject: only events about this thing.
    """
    # Everything up to here is committed; what comes meanwhile is left for the next call.
    last, _ = ends(session)
    window = visible(after, subject).where(EventViewer.position <= last).limit(WINDOW).subquery()
    statement = (
        select(window.c.position, LoggedEvent.body)
        .join(LoggedEvent, LoggedEvent.position == window.c.position)
        .order_by(window.c.position)
    )
    if types:
        statement = statement.where(matches_any(window.c.type, types))
    rows = session.execute(statement.limit(limit + 1)).all()
    items = [envelopes.public(json.loads(row.body)) for row in rows[:limit]]
    if len(rows) > limit:
        return Slice(items, rows[limit - 1].position, has_more=True)
    count, newest = session.execute(select(func.count(), func.max(window.c.position))).one()
    if count == WINDOW:
        return Slice(items, newest, has_more=True)
    return Slice(items, max(last, after), has_more=False)


def is_anything_after(session: Session, position: int) -> bool:
    """Whether the caller may see an event after a position. Reads one index entry."""
    return session.execute(visible(position, None).limit(1)).first() is not None


def event(session: Session, event_id: UUID) -> dict[str, Any]:
    """One event.

    Raises:
        NotFound: there is none of that id for the caller, or not any more.
    """
    body = session.scalar(
        select(LoggedEvent.body)
        .join(EventViewer, EventViewer.position == LoggedEvent.position)
        .where(EventViewer.tenant_id == caller().tenant_id, LoggedEvent.event_id == event_id)
    )
    if body is None:
        raise NotFound("There is no such event.")
    return envelopes.public(json.loads(body))


def matches_any(column: Column, patterns: Sequence[str]) -> ColumnElement[bool]:
    """``event_types.matches_any`` for a column."""
    return or_(*(_fits(column, pattern) for pattern in patterns))


def _fits(column: Column, pattern: str) -> ColumnElement[bool]:
    prefix = prefix_of(pattern)
    if prefix is None:
        return column == pattern
    return func.substr(column, 1, len(prefix)) == prefix  # LIKE is blind to case on SQLite


def visible(after: int, subject: UUID | None) -> Select[Any]:
    statement = select(EventViewer.position, EventViewer.type).where(
        EventViewer.tenant_id == caller().tenant_id, EventViewer.position > after
    )
    if subject is not None:
        statement = statement.where(EventViewer.subject == subject)
    return statement.order_by(EventViewer.position)
