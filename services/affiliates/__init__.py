"""The affiliate service: merchants' campaigns, links and clicks, conversions and commission (S2)."""

from pathlib import Path

from chassis.process.service import Service, Task
from privacy.people_duty import PeopleDuty
from privacy.tenants_duty import TenantsDuty
from services.affiliates import settings
from services.affiliates.affiliates import api as affiliates
from services.affiliates.affiliates import internal_api as internal_affiliates
from services.affiliates.affiliates.consumers import USER_EVENTS
from services.affiliates.affiliates.events import AffiliateApproved, AffiliateInvited, AffiliateSuspended
from services.affiliates.affiliates.personal import PERSONAL
from services.affiliates.campaigns import api as campaigns
from services.affiliates.campaigns.events import CampaignActivated, CampaignPaused
from services.affiliates.clicks import api as clicks
from services.affiliates.clicks import tracker
from services.affiliates.clicks.events import ClickRecorded
from services.affiliates.common.models import Base
from services.affiliates.conversions import api as conversions
from services.affiliates.conversions.events import CommissionReversed, ConversionCredited, ConversionRefused
from services.affiliates.conversions.tasks import weigh_due
from services.affiliates.links import api as links
from services.affiliates.merchant_settings import api as merchant_settings
from services.affiliates.merchants.consumers import TENANT_EVENTS
from services.affiliates.merchants.tasks import fetch_time_zones
from services.affiliates.payouts import api as payouts
from services.affiliates.portal import api as portal
from services.affiliates.products import api as products
from services.affiliates.reports import api as reports
from services.affiliates.tenant_data import TENANT_DATA

# A change through one of these may change where links lead. Orders and products come in all the time, and must not send
# redirects to the database.
LINK_MOUNTS = (campaigns.blp, links.blp, affiliates.blp, merchant_settings.blp)
OTHER_MOUNTS = (products.blp, conversions.blp, payouts.ledger, reports.blp, payouts.statements)

for mount in LINK_MOUNTS:
    for blueprint in mount.blueprints:
        blueprint.after_request(clicks.outdate_links)

service = Service(
    name="affiliates",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(
        *(blueprint for mount in (*LINK_MOUNTS, *OTHER_MOUNTS) for blueprint in mount.blueprints),
        campaigns.admin,
        campaigns.public,
        clicks.blp,
        portal.blp,
        internal_affiliates.blp,
    ),
    events=(
        CampaignActivated,
        CampaignPaused,
        AffiliateApproved,
        AffiliateSuspended,
        AffiliateInvited,
        ClickRecorded,
        ConversionCredited,
        ConversionRefused,
        CommissionReversed,
    ),
    subscriptions=(*TENANT_EVENTS, *USER_EVENTS),
    schedule=(Task("conversions", 0.3, weigh_due), Task("zones", 5.0, fetch_time_zones)),
    beside_api=(Task("links", 0.5, tracker.refresh_links), Task("clicks", 0.3, tracker.flush_clicks)),
    duties=(PeopleDuty(PERSONAL), TenantsDuty(TENANT_DATA)),
    check=settings.of,
)
