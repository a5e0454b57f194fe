"""Promotions: sales campaigns, store campaigns and cart campaigns over one discount engine (S1, S3, S4)."""

from pathlib import Path

from chassis.service import Service
from services.promotions import consumers, events
from services.promotions.api import settings
from services.promotions.models import Base

service = Service(
    name="promotions",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(settings.blp,),
    events=events.ALL,
    subscriptions=consumers.LEARN_TENANTS,
)
