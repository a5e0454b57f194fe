"""Promotions: sales campaigns, store campaigns and cart campaigns over one discount engine (S1, S3, S4)."""

from pathlib import Path

from chassis.service import Service
from services.promotions import consumers, events
from services.promotions.api import customer_groups, pricelists, products, settings, stores
from services.promotions.models import Base

service = Service(
    name="promotions",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(settings.blp, products.blp, stores.blp, customer_groups.blp, pricelists.blp),
    events=events.ALL,
    subscriptions=consumers.LEARN_TENANTS,
)
