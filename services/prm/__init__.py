"""Partner relationship management: relationships, groups, tiers with benefits, and who holds which tier."""

from pathlib import Path

from chassis.process.service import Service
from services.prm import consumers, events
from services.prm.api import audit, groups, network, relationships, tiers
from services.prm.models import Base
from services.prm.tenant_data import TENANT_DATA

service = Service(
    name="prm",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(relationships.blp, groups.blp, tiers.blp, tiers.my_blp, audit.blp, network.blp),
    events=events.ALL,
    subscriptions=consumers.TENANT_EVENTS,
    personal=(),
    tenant_data=TENANT_DATA,
)
