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

    A digest comes at an hour that its recipient has chosen, whatever their quiet hours; its repetition does not.

    Raises:
        NotFound
        Conflict: ``invalid_transition``.
    """
    delivery = queries.lock_delivery(session, delivery_id)
    not_before = now
    if contact := session.get(Contact, delivery.user_id):
        tenant = session.get_one(Tenant, contact.tenant_id)
        wishes = audience_queries.wishes_of(session, [tenant], [contact])[contact.id]
        not_before = wishes.quiet_until(now) or now
    delivery.resend(not_before)
    audit.record(session, "delivery.resent", delivery, tenant_id=delivery.tenant_id, actor=actor, now=now)
    return delivery


def forget(session: Session, delivery_id: UUID, *, actor: Principal, now: datetime) -> Delivery:
    """Never send an uncertain mail again.

    Raises:
        NotFound
        Conflict: ``invalid_transition``.
    """
    delivery = queries.lock_delivery(session, delivery_id)
    delivery.forget()
    audit.record(session, "delivery.forgotten", delivery, tenant_id=delivery.tenant_id, actor=actor, now=now)
    return delivery
