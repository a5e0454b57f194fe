"""The notifier: turns events into mail and sends it; keeps the log of all events for those who may see them."""

from pathlib import Path

from chassis.events import Subscriber
from chassis.service import Service, Task
from services.notifier import api, consumers, housekeeping, models, sender, settings

service = Service(
    name="notifier",
    metadata=models.Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=api.BLUEPRINTS,
    subscriptions=(
        consumers.keep_the_user,
        consumers.drop_the_user,
        consumers.mail_the_invited_retailer,
    ),
    subscribers=(Subscriber("notifier.log", (consumers.log_the_event,), ordered=True),),
    schedule=(
        Task("sender", 0.2, sender.send_due),
        Task("old events", 60, housekeeping.forget_old_events),
    ),
    check=settings.check,
)
