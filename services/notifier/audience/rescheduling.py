"""Letting what is queued follow its recipient when they choose anew, or their tenant moves to another time zone."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from chassis.data.bulk import insert_ignoring
from services.notifier.audience import digests
from services.notifier.audience.entries import entries_of
from services.notifier.audience.models import Contact, DigestItem
from services.notifier.audience.rules import DIGESTS, Wishes
from services.notifier.deliveries import queries
from services.notifier.deliveries.rules import State


def follow(session: Session, contact: Contact, before: Wishes, after: Wishes, now: datetime) -> None:
    """Let what a user has not heard of yet come the way they want it now; the tenant is locked.

    * What waits for a digest moves to its new time, see ``digests.reschedule``: it does not come at once.
    * A mail whose topic comes in a digest now is an entry there, as if they had chosen before it was written; one that
      was tried already may have arrived, and stays a mail.
    * What their quiet hours held back goes out at once, or when the new ones end.
    * What they have turned off is suppressed when it would be sent, as always.
    """
    digests.reschedule(session, contact.id, after, now)
    quiet_until = before.quiet_until(now)
    entries: list[dict[str, Any]] = []
    for delivery in queries.unsent_for(session, contact.id):
        untried = delivery.state == State.NEW and not delivery.attempts
        if untried and after.cadence(delivery.topic) in DIGESTS:
            entries += entries_of(delivery, contact, after, now)
            session.delete(delivery)
        elif quiet_until and delivery.next_at == quiet_until:
            delivery.postpone(after.quiet_until(now) or now)
    insert_ignoring(session, DigestItem, entries)
