"""What people decide about mails that may have arrived and are not repeated by themselves."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data import audit
from services.notifier.audience import queries as audience_queries
from services.notifier.audience.models import Contact, Tenant
from services.notifier.deliveries import queries
from services.notifier.deliveries.models import Delivery


def resend(session: Session, delivery_id: UUID, *, actor: Principal, now: datetime) -> Delivery:
    """Queue an uncertain mail again, under its Message-ID; outside of its recipient's quiet hours.

    Raises:
        NotFound
        Conflict: ``invalid_transition``.
    """
    delivery = queries.lock_delivery(session, delivery_id)
    delivery.resend(_not_before(session, delivery, now))
    _audit(session, "resent", delivery, actor, now)
    return delivery


def forget(session: Session, delivery_id: UUID, *, actor: Principal, now: datetime) -> Delivery:
    """Leave an uncertain mail at that.

    Raises:
        NotFound
        Conflict: ``invalid_transition``.
    """
    delivery = queries.lock_delivery(session, delivery_id)
    delivery.forget()
    _audit(session, "forgotten", delivery, actor, now)
    return delivery


def _not_before(session: Session, delivery: Delivery, now: datetime) -> datetime:
    """A digest comes at an hour its recipient has chosen, whatever their quiet hours; its repetition does not."""
    contact = session.get(Contact, delivery.user_id)
    if contact is None:
        return now
    tenant = session.get_one(Tenant, contact.tenant_id)
    return audience_queries.wishes_of(session, [tenant], [contact])[contact.id].quiet_until(now) or now


def _audit(session: Session, what: str, delivery: Delivery, actor: Principal, now: datetime) -> None:
    audit.record(session, f"delivery.{what}", delivery, tenant_id=delivery.tenant_id, actor=actor, now=now)
