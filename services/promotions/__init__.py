"""Promotions: sales campaigns, store campaigns and cart campaigns over one discount engine (S1, S3, S4)."""

from pathlib import Path

from chassis.process.service import Service, Task
from contracts import error_formats
from services.promotions import campaign_clock, consumers, events, tasks
from services.promotions.api import (
    audit,
    bundles,
    cart_campaigns,
    carts,
    customer_groups,
    evaluations,
    linked_products,
    pricelists,
    products,
    sales,
    settings,
    store_campaigns,
    stores,
    usage,
    warnings,
)
from services.promotions.models import Base

service = Service(
    name="promotions",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(
        settings.blp,
        products.blp,
        stores.blp,
        customer_groups.blp,
        pricelists.blp,
        sales.blp,
        audit.blp,
        evaluations.blp,
        usage.blp,
        store_campaigns.blp,
        cart_campaigns.blp,
        linked_products.blp,
        carts.blp,
        bundles.blp,
        warnings.blp,
    ),
    events=events.ALL,
    subscriptions=consumers.LEARN_TENANTS,
    schedule=(
        Task("trim evaluations", 600, tasks.trim_evaluations),
        Task("trim reservations", 600, tasks.trim_reservations),
        Task("trim carts", 600, tasks.trim_carts),
        Task("store campaigns", campaign_clock.EVERY, campaign_clock.run),
    ),
    error_format_of=error_formats.of_path,
)
