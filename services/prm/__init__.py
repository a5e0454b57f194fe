"""Partner relationship management: relationships, groups, tiers with benefits, and who holds which tier."""

from pathlib import Path

from chassis.process.service import Service
from privacy.people_duty import PeopleDuty
from privacy.tenants_duty import TenantsDuty
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
    duties=(PeopleDuty(()), TenantsDuty(TENANT_DATA)),
)
