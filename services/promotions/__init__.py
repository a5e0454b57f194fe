"""Promotions: sales campaigns, store campaigns and cart campaigns over one discount engine (S1, S3, S4)."""

from pathlib import Path

from chassis.process.service import Service, Task
from contracts import error_formats
from services.promotions import events
from services.promotions.carts import api as carts_api
from services.promotions.carts import campaign_api, linked_product_api
from services.promotions.catalogue import customer_group_api, pricelist_api, product_api, store_api
from services.promotions.common import audit_api, consumers
from services.promotions.common.models import Base
from services.promotions.evaluations import api as evaluations_api
from services.promotions.evaluations import settings_api, tasks, usage_api
from services.promotions.sales import api as sales_api
from services.promotions.sales import warning_api
from services.promotions.store_campaigns import api as store_campaigns_api
from services.promotions.store_campaigns import tasks as store_campaigns_tasks
from services.promotions.tills import api

service = Service(
    name="promotions",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(
        settings_api.blp,
        product_api.blp,
        store_api.blp,
        customer_group_api.blp,
        pricelist_api.blp,
        sales_api.blp,
        audit_api.blp,
        evaluations_api.blp,
        usage_api.blp,
        store_campaigns_api.blp,
        campaign_api.blp,
        linked_product_api.blp,
        carts_api.blp,
        api.blp,
        warning_api.blp,
    ),
    events=events.ALL,
    subscriptions=consumers.LEARN_TENANTS,
    schedule=(
        Task("trim evaluations", 600, tasks.trim_evaluations),
        Task("trim reservations", 600, tasks.trim_reservations),
        Task("trim carts", 600, tasks.trim_carts),
        Task("store campaigns", store_campaigns_tasks.EVERY, store_campaigns_tasks.run),
    ),
    error_format_of=error_formats.of_path,
)
