"""The notifier: turns events into mail, sends it, and shows what became of it."""

from pathlib import Path

from chassis.service import Service, Task
from services.notifier import api, consumers, models, sender, settings

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
    schedule=(Task("sender", 0.2, sender.send_due),),
    check=settings.check,
)
