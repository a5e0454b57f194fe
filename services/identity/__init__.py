"""Identity: tenants, users, roles, feature flags and API keys; signs access tokens and publishes its keys."""

from pathlib import Path

from chassis.process.service import Service, Task
from services.identity import settings, tasks
from services.identity.api import BLUEPRINTS
from services.identity.events import EVENTS
from services.identity.models import Base

service = Service(
    name="identity",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=BLUEPRINTS,
    events=EVENTS,
    check=settings.of,
    schedule=(
        Task("rotate keys", 60, tasks.rotate_keys),
        Task("name tenants", 60, tasks.name_tenants),
        Task("trim", 600, tasks.trim),
    ),
)
