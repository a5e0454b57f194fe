"""Writes every event of every service into the log, with a message for each webhook that wants it."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.messaging.events import Received, on_all
from services.notifier.event_log import actions
from services.notifier.webhooks import messages


@on_all("#")
def log_events(session: Session, events: Sequence[Received]) -> None:
    now = utcnow()
    logged = actions.record(session, events, now=now)
    messages.queue_events(session, logged, now=now)
