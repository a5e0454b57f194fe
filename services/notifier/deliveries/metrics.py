"""What is counted about mails, by senders, by consumers and by what people decide; each process counts its own."""

from prometheus_client import Counter
from sqlalchemy.orm import Session

from chassis.data.unit_of_work import once_committed
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import State

outcomes = Counter("concord_mails_total", "Mails by what became of them", ["topic", "outcome"])


def count_suppressed(session: Session, delivery: Delivery) -> None:
    """Count a mail that was decided against before a sender has looked at it."""
    once_committed(session, outcomes.labels(delivery.topic, str(State.SUPPRESSED)).inc)
