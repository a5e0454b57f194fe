"""Wakes this process's senders of webhooks at once when it has committed something for them to send."""

from sqlalchemy.orm import Session

from chassis.core.bell import Bell
from chassis.data.unit_of_work import once_committed
from chassis.process.service import Runtime


def bell_of(runtime: Runtime) -> Bell:
    """The one that all senders of a process wait for."""
    bell: Bell = runtime.memory.setdefault("due webhooks", Bell())
    return bell


def wake_after_commit(session: Session) -> None:
    once_committed(session, bell_of(session.info["runtime"]).ring)
