"""The counter of mails by outcome. Senders, consumers and requests count; each process has its own counter."""

from prometheus_client import Counter
from sqlalchemy.orm import Session

from chassis.data.unit_of_work import once_committed
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import State

outcomes = Counter("concord_mails_total", "Mails by outcome", ["topic", "outcome"])
POSTPONED = "postponed"
"""The outcome of a mail that is sent later, though nothing went wrong."""


def count_suppressed(session: Session, delivery: Delivery) -> None:
    """Count a mail that is suppressed before a sender claims it."""
    once_committed(session, outcomes.labels(delivery.topic, str(State.SUPPRESSED)).inc)
