"""Events of identity: who signs in as an affiliate, and whom it could not invite."""

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.messaging.events import Received, on
from contracts.roles import Role
from services.affiliates.affiliates import actions
from services.affiliates.affiliates.schemas import InvitationRefusedIn, UserIn, UserRemovedIn


def update_user(session: Session, event: Received) -> None:
    """A user can sign in, or has changed; a suspended one stays who they are."""
    user = event.data
    email = user.email if user.role == Role.AFFILIATE else None
    who = {"name": user.name, "affiliate_email": email}
    actions.upsert_user(session, user.user_id, user.tenant_id, **who, sequence=event.sequence, now=utcnow())


@on("identity.UserRemoved.v1", UserRemovedIn)
def remove_user(session: Session, event: Received) -> None:
    user = event.data
    actions.upsert_user(
        session, user.user_id, user.tenant_id, affiliate_email=None, sequence=event.sequence, now=utcnow()
    )


@on("identity.AffiliateInvitationRefused.v1", InvitationRefusedIn)
def refuse_invitation(session: Session, event: Received) -> None:
    data = event.data
    actions.refuse_invitation(session, data.affiliate_id, data.reason, invited_at=data.invited_at, now=utcnow())


USER_EVENTS = (
    *(on(f"identity.User{what}.v1", UserIn)(update_user) for what in ("Added", "Changed")),
    remove_user,
    refuse_invitation,
)
