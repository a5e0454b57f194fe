"""Promotions: sales campaigns, store campaigns and cart campaigns over one discount engine (S1, S3, S4)."""

from pathlib import Path

from chassis.service import Service, Task
from services.promotions import consumers, events, tasks
from services.promotions.api import customer_groups, evaluations, pricelists, products, settings, stores, usage
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
        evaluations.blp,
        usage.blp,
    ),
    events=events.ALL,
    subscriptions=consumers.LEARN_TENANTS,
    schedule=(
        Task("trim evaluations", 600, tasks.trim_evaluations),
        Task("trim reservations", 600, tasks.trim_reservations),
    ),
)
