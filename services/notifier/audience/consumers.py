"""What the notifier listens to: identity's tenants and users, and every event that a topic is about."""

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.messaging.events import Received, Subscription, on, on_all
from services.notifier import topics
from services.notifier.audience import contacts, gathering, notices
from services.notifier.audience.schemas import TenantIn, UserAddedIn, UserChangedIn, UserRemovedIn
from services.notifier.topics.base import Topic, Trigger
from services.notifier.topics.messages import MessagePostedIn, ThreadReadIn, posted


def upsert_tenant(session: Session, event: Received) -> None:
    tenant = event.data
    contacts.upsert_tenant(session, tenant.tenant_id, tenant.time_zone, sequence=event.sequence, now=utcnow())


@on("identity.UserAdded.v1", UserAddedIn)
def add_user(session: Session, event: Received) -> None:
    user = event.data
    contacts.upsert_contact(
        session,
        user.user_id,
        user.tenant_id,
        email=user.email,
        name=user.name,
        role=user.role,
        sequence=event.sequence,
        now=utcnow(),
    )


@on("identity.UserInvited.v1", UserAddedIn)
def invite_user(session: Session, event: Received) -> None:
    user = event.data
    contacts.invite_contact(
        session,
        user.user_id,
        user.tenant_id,
        email=user.email,
        name=user.name,
        role=user.role,
        sequence=event.sequence,
    )


@on("identity.UserChanged.v1", UserChangedIn)
def change_user(session: Session, event: Received) -> None:
    user = event.data
    contacts.change_contact(
        session,
        user.user_id,
        user.tenant_id,
        sequence=event.sequence,
        now=utcnow(),
        email=user.email,
        name=user.name,
        role=user.role,
        suspended=user.suspended,
        locale=user.locale,
        time_zone=user.time_zone,
    )


@on("identity.UserRemoved.v1", UserRemovedIn)
def remove_user(session: Session, event: Received) -> None:
    user = event.data
    contacts.drop_contact(session, user.user_id, user.tenant_id, sequence=event.sequence, now=utcnow())


@on_all("messaging.MessagePosted.v1", MessagePostedIn)
def gather_messages(session: Session, events: Sequence[Received]) -> None:
    """S0-61, D14: also the first message of a thread."""
    gathering.notify_of_messages(session, [posted(event) for event in events], now=utcnow())


@on("messaging.ThreadRead.v1", ThreadReadIn)
def mark_read(session: Session, event: Received) -> None:
    thread = event.data
    gathering.mark_read(session, tenant_id=thread.tenant_id, thread_id=thread.thread_id, sequence=event.sequence)


def _handler_of(topic: Topic, trigger: Trigger) -> Callable[[Session, Sequence[Received]], None]:
    def handle(session: Session, events: Sequence[Received]) -> None:
        all_notices = [notice for event in events for notice in trigger.notices(event)]
        for notice in all_notices:
            if notice.person:
                notices.notify_person(session, topic, notice, now=utcnow())
            elif notice.affiliate:
                affiliate = contacts.add_affiliate(session, notice.affiliate, notice.tenant_id)
                notices.notify_contact(session, topic, affiliate, notice, now=utcnow())
        of_tenants = [notice for notice in all_notices if not (notice.person or notice.affiliate)]
        notices.notify(session, topic, of_tenants, now=utcnow())

    return handle


TOPIC_HANDLERS: tuple[Subscription, ...] = tuple(
    on_all(trigger.event_type, trigger.schema)(_handler_of(topic, trigger))
    for topic in topics.ALL
    for trigger in topic.triggers
)
TENANT_HANDLERS = tuple(on(f"identity.Tenant{what}.v2", TenantIn)(upsert_tenant) for what in ("Created", "Changed"))
USER_HANDLERS = (invite_user, add_user, change_user, remove_user)
SUBSCRIPTIONS = (*TENANT_HANDLERS, *USER_HANDLERS, gather_messages, mark_read, *TOPIC_HANDLERS)
