"""Subscriptions: identity's events about tenants."""

from sqlalchemy.orm import Session

from chassis.messaging.events import Received, on
from services.promotions.common import actions
from services.promotions.common.schemas import TenantEventIn


def learn_tenant(session: Session, event: Received) -> None:
    """Keep our copy of a tenant, whichever version tells of it; the first, without a slug, may still be under way."""
    actions.learn(session, sequence=event.sequence, **vars(event.data))


LEARN_TENANTS = tuple(
    on(f"identity.{name}.{version}", TenantEventIn)(learn_tenant)
    for name in ("TenantCreated", "TenantChanged")
    for version in ("v1", "v2")
)
