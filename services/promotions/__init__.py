"""Promotions: sales campaigns, store campaigns and cart campaigns over one discount engine (S1, S3, S4)."""

from pathlib import Path

from chassis.process.service import Service, Task
from contracts import error_formats
from privacy.people_duty import PeopleDuty
from privacy.tenants_duty import TenantsDuty
from services.promotions.carts import api as carts_api
from services.promotions.carts import campaign_api, linked_product_api
from services.promotions.carts import events as carts_events
from services.promotions.carts import tasks as carts_tasks
from services.promotions.catalogue import events as catalogue_events
from services.promotions.catalogue import pricelist_api, product_api, store_api
from services.promotions.common import api as common_api
from services.promotions.common import consumers
from services.promotions.common.models import Base
from services.promotions.evaluations import api as evaluations_api
from services.promotions.evaluations import events as evaluations_events
from services.promotions.evaluations import settings_api, usage_api
from services.promotions.evaluations import tasks as evaluations_tasks
from services.promotions.sales import api as sales_api
from services.promotions.sales import events as sales_events
from services.promotions.store_campaigns import api as store_campaigns_api
from services.promotions.store_campaigns import events as store_campaigns_events
from services.promotions.store_campaigns import tasks as store_campaigns_tasks
from services.promotions.tenant_data import TENANT_DATA
from services.promotions.tills import api as tills_api

service = Service(
    name="promotions",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(
        settings_api.blp,
        product_api.blp,
        store_api.blp,
        store_api.customer_groups_blp,
        pricelist_api.blp,
        sales_api.blp,
        common_api.blp,
        evaluations_api.blp,
        usage_api.blp,
        store_campaigns_api.blp,
        campaign_api.blp,
        linked_product_api.blp,
        carts_api.blp,
        tills_api.with_store_campaigns(store_campaigns_api.shown_at_tills),
    ),
    events=(
        *evaluations_events.ALL,
        *catalogue_events.ALL,
        *sales_events.ALL,
        *store_campaigns_events.ALL,
        *carts_events.ALL,
    ),
    subscriptions=consumers.TENANT_EVENTS,
    duties=(PeopleDuty(()), TenantsDuty(TENANT_DATA)),
    error_format_of=error_formats.of_path,
    schedule=(
        Task("trim evaluations", 600, evaluations_tasks.trim_evaluations),
        Task("trim reservations", 600, evaluations_tasks.trim_reservations),
        Task("trim carts", 600, carts_tasks.trim_carts),
        Task("store campaigns", store_campaigns_tasks.EVERY, store_campaigns_tasks.run),
    ),
)
