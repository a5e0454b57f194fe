"""What the affiliate programme listens to: the names of merchants, and whether they have it switched on."""

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.messaging.events import Received, on
from services.affiliates.merchant_settings.schemas import TenantEventIn
from services.affiliates.merchants import actions


def learn_tenant(session: Session, event: Received) -> None:
    """Keep our copy of a merchant; the first version, which has no slug, may still be under way."""
    data = vars(event.data)
    enabled = "affiliates" in data.pop("features")
    actions.learn(session, **data, enabled=enabled, sequence=event.sequence, now=utcnow())


LEARN_TENANTS = tuple(
    on(f"identity.{name}.{version}", TenantEventIn)(learn_tenant)
    for name in ("TenantCreated", "TenantChanged")
    for version in ("v1", "v2")
)
