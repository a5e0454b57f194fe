"""Writing down what waits for a digest, and closing a period: everything that waits then belongs to its digest.

All of it happens with the tenant locked. So no event slips in while a period is closed, two schedulers do not close
the same one, and what one of them missed waits for the next.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.data.bulk import insert_ignoring
from services.notifier.audience import digest_queries as queries
from services.notifier.audience.models import Contact, Digest, DigestItem
from services.notifier.audience.queries import wishes_of
from services.notifier.audience.rules import DIGESTS, Wishes
from services.notifier.audience.tenants import lock_tenant
from services.notifier.deliveries.models import Delivery, Recipient
from services.notifier.deliveries.rows import delivery_rows
from services.notifier.topics.base import Cadence
from services.notifier.topics.digests import DIGEST


def close_due(
    session: Session, tenant_id: UUID, user_id: UUID, cadence: Cadence, *, domain: str, now: datetime
) -> bool:
    """Write the digest of the period that has ended last, of all that is due; False where another one has.

    What was due before, because nobody was there to close a period, stands in this one too.
    """
    tenant = lock_tenant(session, tenant_id)
    if not queries.is_due(session, user_id, cadence, now):
        return False
    contact = session.get(Contact, user_id)
    if contact is None or not contact.active:
        drop_user(session, user_id)
        return False
    wishes = wishes_of(session, [tenant], [contact])[user_id]
    digest = _open(session, contact, cadence, wishes, now)
    if digest is None:
        return False
    due = _waiting(user_id, cadence=cadence).where(DigestItem.due_at <= now)
    session.execute(due.values(digest_id=digest))
    context = {"cadence": str(cadence)}
    about: dict[str, Any] = {"event_id": digest, "tenant_id": tenant_id, "context": context}
    insert_ignoring(
        session,
        Delivery,
        delivery_rows(DIGEST, [Recipient(contact.id, contact.email)], **about, domain=domain, now=now),
    )
    return True


def reschedule(session: Session, user_id: UUID, wishes: Wishes, now: datetime) -> None:
    """Let what waits follow what its user has chosen; what was to stand in a digest still does if it is not off."""
    for topic, chosen in wishes.topics.items():
        if chosen is Cadence.OFF:
            session.execute(
                delete(DigestItem).where(
                    DigestItem.user_id == user_id, DigestItem.topic == topic, DigestItem.digest_id.is_(None)
                )
            )
            continue
        for cadence in DIGESTS:
            becomes = chosen if chosen in DIGESTS else cadence
            values = {"cadence": str(becomes), "due_at": wishes.next_digest(becomes, now)}
            moved = _waiting(user_id, cadence=cadence).where(DigestItem.topic == topic, DigestItem.due_at > now)
            session.execute(moved.values(values))


def forget_read(session: Session, tenant_id: UUID, thread_id: UUID, sequence: int) -> None:
    """Leave out of every digest not yet sent what a tenant has read."""
    session.execute(
        delete(DigestItem).where(
            DigestItem.tenant_id == tenant_id, DigestItem.thread_id == thread_id, DigestItem.sequence < sequence
        )
    )


def drop_user(session: Session, user_id: UUID) -> None:
    """A removed user gets no digest; it was theirs alone."""
    session.execute(delete(DigestItem).where(DigestItem.user_id == user_id))


def _open(session: Session, contact: Contact, cadence: Cadence, wishes: Wishes, now: datetime) -> UUID | None:
    """The ledger's row for the period that ended last; None where there is one, so what is left waits on."""
    end = wishes.last_digest(cadence, now)
    digest = uuid7()
    row = {
        "id": digest,
        "user_id": contact.id,
        "tenant_id": contact.tenant_id,
        "cadence": str(cadence),
        "period_start": wishes.last_digest(cadence, end - timedelta(microseconds=1)),
        "period_end": end,
        "created_at": now,
    }
    if insert_ignoring(session, Digest, [row]):
        return digest
    late = _waiting(contact.id, cadence=cadence).where(DigestItem.due_at <= now)
    session.execute(late.values(due_at=wishes.next_digest(cadence, now)))
    return None


def _waiting(user_id: UUID, *, cadence: Cadence) -> Any:
    return update(DigestItem).where(
        DigestItem.user_id == user_id, DigestItem.cadence == cadence, DigestItem.digest_id.is_(None)
    )
