"""The affiliate programme: merchants' campaigns, links and clicks, conversions and commission (S2)."""

from pathlib import Path

from chassis.process.service import Service, Task
from contracts import error_formats
from services.affiliates import models, settings, tracking
from services.affiliates.api import BLUEPRINTS
from services.affiliates.conversions import events, tasks
from services.affiliates.merchants import consumers

service = Service(
    name="affiliates",
    metadata=models.Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=BLUEPRINTS,
    events=events.ALL,
    subscriptions=consumers.LEARN_TENANTS,
    schedule=(Task("conversions", 0.3, tasks.weigh_due), Task("zones", 5.0, tasks.ask_for_zones)),
    beside_api=(Task("links", 0.5, tracking.refresh_links), Task("clicks", 0.3, tracking.flush_clicks)),
    check=lambda _process: settings.load(),
    error_format_of=error_formats.of_path,
)
