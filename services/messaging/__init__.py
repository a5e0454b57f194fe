"""Messaging: conversations between a supplier and one of its retailers (S0)."""

from pathlib import Path

from chassis.process.service import Service
from privacy.people_duty import PeopleDuty
from privacy.tenants_duty import TenantsDuty
from services.messaging import api, consumers, events, models
from services.messaging.personal import PERSONAL
from services.messaging.tenant_data import TENANT_DATA

service = Service(
    name="messaging",
    metadata=models.Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(api.blp,),
    events=(events.ThreadStarted, events.MessagePosted, events.ThreadRead),
    subscriptions=consumers.TENANT_EVENTS,
    duties=(PeopleDuty(PERSONAL), TenantsDuty(TENANT_DATA)),
)
