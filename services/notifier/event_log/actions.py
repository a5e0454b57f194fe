"""Writes: take events into the log, and delete old ones."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from chassis.messaging.events import Received
from services.notifier.event_log.models import THE_ONE, EventLogEnd, EventViewer, LoggedEvent

TRIM = 1000


def record(session: Session, events: Sequence[Received], *, now: datetime) -> list[tuple[int, Received]]:
    """Give new events the next positions, in this order; returns those events with their positions.

    No other transaction records until this one ends, so positions become visible in their order.
    """
    end = _lock_end(session)
    ids = [event.id for event in events]
    logged_ids = set(session.scalars(select(LoggedEvent.event_id).where(LoggedEvent.event_id.in_(ids))))
    logged = list(enumerate((event for event in events if event.id not in logged_ids), start=end.last + 1))
    if logged:
        session.execute(insert(LoggedEvent), [_row(position, event, now) for position, event in logged])
        end.last = logged[-1][0]
    viewers = [
        {"event_id": event.id, "type": event.type, "subject": event.subject, "tenant_id": tenant, "position": position}
        for position, event in logged
        for tenant in sorted(set(event.tenant_ids))
    ]
    if viewers:
        session.execute(insert(EventViewer), viewers)
    return logged


def _row(position: int, event: Received, now: datetime) -> dict[str, Any]:
    body = json.dumps(event.envelope, ensure_ascii=False, separators=(",", ":"))
    return {"position": position, "event_id": event.id, "body": body, "logged_at": now}


def trim(session: Session, *, before: datetime) -> bool:
    """Delete some of the events logged before a moment; returns whether there may be more.

    Reads only the oldest events, so it is cheap to call often.
    """
    statement = select(LoggedEvent.position, LoggedEvent.logged_at).order_by(LoggedEvent.position).limit(TRIM)
    positions = [position for position, logged_at in session.execute(statement) if logged_at < before]
    if not positions:
        return False
    end = _lock_end(session)
    end.trimmed = max(end.trimmed, positions[-1])
    session.execute(delete(EventViewer).where(EventViewer.position <= positions[-1]))
    session.execute(delete(LoggedEvent).where(LoggedEvent.position <= positions[-1]))
    return len(positions) == TRIM


def forget_some_of(session: Session, tenant_id: UUID) -> bool:
    """Delete some of what a tenant saw, and the events that nobody else sees; returns whether there may be more."""
    statement = select(EventViewer.position).where(EventViewer.tenant_id == tenant_id).limit(TRIM)
    positions = session.scalars(statement).all()
    own = delete(EventViewer).where(EventViewer.tenant_id == tenant_id, EventViewer.position.in_(positions))
    session.execute(own)
    seen = exists().where(EventViewer.position == LoggedEvent.position)
    session.execute(delete(LoggedEvent).where(LoggedEvent.position.in_(positions), ~seen))
    return len(positions) == TRIM


def _lock_end(session: Session) -> EventLogEnd:
    statement = select(EventLogEnd).where(EventLogEnd.id == THE_ONE).with_for_update()
    end = session.scalar(statement)
    if end is None:
        insert_ignoring(session, EventLogEnd, [{"id": THE_ONE, "last": 0, "trimmed": 0}])
        end = session.scalars(statement).one()
    return end
