"""The notifier: turns events into mails and sends them; logs all events, and sends them to webhooks."""

from pathlib import Path

from chassis.messaging.events import Subscriber
from chassis.process.service import Service, Task
from privacy.people_duty import PeopleDuty
from privacy.tenants_duty import TenantsDuty
from services.notifier import settings
from services.notifier.audience import api as audience_api
from services.notifier.audience import consumers as audience_consumers
from services.notifier.audience import personal as audience_personal
from services.notifier.audience import tasks as audience_tasks
from services.notifier.audience import unsubscribe_api
from services.notifier.audience.tenants import lock_tenants_of_batch
from services.notifier.common.models import Base
from services.notifier.deliveries import personal as deliveries_personal
from services.notifier.event_log import api as event_log_api
from services.notifier.event_log import personal as event_log_personal
from services.notifier.event_log import tasks as event_log_tasks
from services.notifier.outbound import api as outbound_api
from services.notifier.outbound import mailbox_api, sender
from services.notifier.outbound import personal as outbound_personal
from services.notifier.outbound import tasks as outbound_tasks
from services.notifier.standing import consumers as standing_consumers
from services.notifier.standing import tasks as standing_tasks
from services.notifier.standing.tenant_data import TENANT_DATA
from services.notifier.webhooks import api as webhooks_api
from services.notifier.webhooks import consumers as webhooks_consumers
from services.notifier.webhooks import personal as webhooks_personal
from services.notifier.webhooks import sender as webhook_sender
from services.notifier.webhooks import tasks as webhooks_tasks

PERSONAL = (
    *audience_personal.PERSONAL,
    *deliveries_personal.PERSONAL,
    *outbound_personal.PERSONAL,
    *event_log_personal.PERSONAL,
    *webhooks_personal.PERSONAL,
)

service = Service(
    name="notifier",
    metadata=Base.metadata,
    migrations=Path(__file__).parent / "migrations",
    blueprints=(
        outbound_api.blp,
        audience_api.blp,
        unsubscribe_api.blp,
        event_log_api.blp,
        webhooks_api.blp,
        mailbox_api.blp,
    ),
    subscriptions=(*audience_consumers.SUBSCRIPTIONS, *standing_consumers.SUBSCRIPTIONS),
    lock_tenants=lock_tenants_of_batch,
    subscribers=(Subscriber("notifier.log", (webhooks_consumers.log_events,), ordered=True),),
    schedule=(
        Task("sender", 0.2, sender.send_due),
        Task("digests", 5.0, audience_tasks.write_due),
        Task("old mails", 300.0, outbound_tasks.forget_old_mails),
        *webhook_sender.tasks(),
        Task("ended tenants", 60.0, standing_tasks.forget_ended_tenants),
        Task("old events", 60, event_log_tasks.forget_old_events),
        Task("old webhook messages", 60, webhooks_tasks.forget_old_messages),
    ),
    duties=(PeopleDuty(PERSONAL), TenantsDuty(TENANT_DATA)),
    check=settings.of,
)
