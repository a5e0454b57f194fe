"""The notifier: turns events into mail and sends it; keeps the log of all events, and sends them on to webhooks."""

from pathlib import Path

from chassis.messaging.events import Subscriber
from chassis.process.service import Service, Task
from services.notifier import api, models, settings
from services.notifier.audience import consumers, tasks
from services.notifier.audience.tenants import hold_tenants
from services.notifier.outbound import sender
from services.notifier.outbound import tasks as outbound_tasks
from services.notifier.webhooks import sender as webhooks_sender

service = Service(
    name="notifier",
    metadata=models.Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=api.BLUEPRINTS,
    subscriptions=(
        *consumers.KEEP_TENANTS,
        consumers.keep_the_user,
        consumers.drop_the_user,
        *consumers.MAILED,
    ),
    hold=hold_tenants,
    subscribers=(Subscriber("notifier.log", (consumers.log_the_events,), ordered=True),),
    schedule=(
        Task("sender", 0.2, sender.send_due),
        Task("digests", 5.0, tasks.write_due),
        Task("old mails", 300.0, outbound_tasks.forget_old_mails),
        *webhooks_sender.tasks(),
        Task("old events", 60, outbound_tasks.forget_old_events),
        Task("old webhook messages", 60, outbound_tasks.forget_old_messages),
    ),
    check=settings.check,
)
