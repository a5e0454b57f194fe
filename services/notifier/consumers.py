"""What this service listens to."""

from sqlalchemy.orm import Session

from chassis.clock import rfc3339, utcnow
from chassis.events import Received, on
from services.notifier import settings
from services.notifier.actions import contacts, deliveries, event_log
from services.notifier.rules.mails import INVITE
from services.notifier.schemas.events import InviteCreatedIn, UserAddedIn, UserRemovedIn


@on("identity.UserAdded.v1", UserAddedIn)
def keep_the_user(session: Session, event: Received) -> None:
    user = event.data
    contacts.keep_contact(
        session,
        user.user_id,
        user.tenant_id,
        email=user.email,
        name=user.name,
        role=user.role,
        sequence=event.sequence,
        now=utcnow(),
    )


@on("identity.UserRemoved.v1", UserRemovedIn)
def drop_the_user(session: Session, event: Received) -> None:
    user = event.data
    contacts.drop_contact(session, user.user_id, user.tenant_id, sequence=event.sequence, now=utcnow())


@on("campaigns.InviteCreated.v1", InviteCreatedIn)
def mail_the_invited_retailer(session: Session, event: Received) -> None:
    """S0-27: one mail per newly invited retailer's admin, with the campaign's name."""
    invite = event.data
    context = {
        "campaign_name": invite.campaign_name,
        "participation_ask": invite.participation_ask,
        "supplier_name": invite.supplier_name,
        "retailer_name": invite.retailer_name,
        "start_date": rfc3339(invite.start_date),
        "end_date": rfc3339(invite.end_date),
    }
    deliveries.queue_mail(
        session,
        INVITE,
        event_id=event.id,
        tenant_id=invite.retailer_id,
        context=context,
        domain=settings.load().domain,
        now=utcnow(),
    )


@on("#")
def log_the_event(session: Session, event: Received) -> None:
    """Every event of every service."""
    event_log.record(session, event, now=utcnow())
