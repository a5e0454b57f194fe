"""Writes: take an event into the log, and forget those of long ago."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from chassis.database import insert_ignoring
from chassis.events import Received
from services.notifier.models import EventLogEnd, EventViewer, LoggedEvent
from services.notifier.models.event_log import THE_ONE

TRIM = 1000


def record(session: Session, event: Received, *, now: datetime) -> int | None:
    """Give an event its position, the next one; None where the log has it already.

    From here to the end of the transaction nobody else records, so positions become visible in their order.
    """
    end = _lock_end(session)
    row: dict[str, Any] = {
        "position": end.last + 1,
        "event_id": event.id,
        "body": json.dumps(event.envelope, ensure_ascii=False, separators=(",", ":")),
        "logged_at": now,
    }
    if not insert_ignoring(session, LoggedEvent, [row]):
        return None
    end.last += 1
    session.flush()
    about = {"position": end.last, "event_id": event.id, "type": event.type, "subject": event.subject}
    if event.tenant_ids:
        session.execute(
            insert(EventViewer), [about | {"tenant_id": tenant} for tenant in sorted(set(event.tenant_ids))]
        )
    return end.last


def trim(session: Session, *, before: datetime) -> bool:
    """Forget some of the events logged before a moment; whether there may be more of them.

    Looks at the oldest only, so it is cheap to call often.
    """
    oldest = select(LoggedEvent.position, LoggedEvent.logged_at).order_by(LoggedEvent.position).limit(TRIM)
    old = [position for position, logged_at in session.execute(oldest) if logged_at < before]
    if not old:
        return False
    end = _lock_end(session)
    end.trimmed = max(end.trimmed, old[-1])
    session.execute(delete(EventViewer).where(EventViewer.position <= old[-1]))
    session.execute(delete(LoggedEvent).where(LoggedEvent.position <= old[-1]))
    return len(old) == TRIM


def _lock_end(session: Session) -> EventLogEnd:
    wanted = select(EventLogEnd).where(EventLogEnd.id == THE_ONE).with_for_update()
    end = session.scalar(wanted)
    if end is None:
        insert_ignoring(session, EventLogEnd, [{"id": THE_ONE, "last": 0, "trimmed": 0}])
        end = session.scalars(wanted).one()
    return end
