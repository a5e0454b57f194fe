"""Campaigns and invites: what suppliers propose to their retailers, and how those respond (S0)."""

from pathlib import Path

from chassis.process.service import Service
from privacy.people_duty import PeopleDuty
from privacy.tenants_duty import TenantsDuty
from services.campaigns import api, consumers, events, models, settings
from services.campaigns.personal import PERSONAL
from services.campaigns.tenant_data import TENANT_DATA

service = Service(
    name="campaigns",
    metadata=models.Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(api.blp,),
    events=(
        events.CampaignCreated,
        events.CampaignChanged,
        events.CampaignDeleted,
        events.CampaignSent,
        events.CampaignAdvanced,
        events.InviteCreated,
        events.InviteResponded,
    ),
    subscriptions=consumers.TENANT_EVENTS,
    duties=(PeopleDuty(PERSONAL), TenantsDuty(TENANT_DATA)),
    check=settings.of,
)
