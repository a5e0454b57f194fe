"""Events of affiliates: whom a merchant asks to sign in."""

from marshmallow import fields
from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.core.errors import Failure
from chassis.core.principal import Principal
from chassis.http.schemas import CamelSchema, Instant
from chassis.messaging.events import Drop, Received, on
from contracts.roles import Role
from services.identity import settings
from services.identity.teams import affiliates


class AffiliateInvitedIn(CamelSchema):
    affiliate_id = fields.UUID(required=True)
    affiliate_name = fields.String(required=True)
    affiliate_email = fields.String(required=True)
    merchant_id = fields.UUID(required=True)
    merchant_name = fields.String(required=True)
    invited_at = Instant(required=True)


@on("affiliates.AffiliateInvited.v1", AffiliateInvitedIn)
def invite_affiliate(session: Session, event: Received) -> None:
    """The mail says that the merchant invites, whoever of its people or machines asked for it."""
    data = event.data
    try:
        affiliates.invite_affiliate(
            session,
            data.merchant_id,
            data.affiliate_id,
            email=data.affiliate_email,
            name=data.affiliate_name,
            invited_at=data.invited_at,
            actor=Principal(event.actor_id, data.merchant_id, Role.SYSTEM, name=data.merchant_name),
            settings=settings.of(settings.process_of(session)),
            now=utcnow(),
        )
    except Failure as error:
        if error.code == affiliates.EMAIL_TAKEN:
            raise  # somebody came at this moment; the next try finds them
        raise Drop(f"nobody can be invited into this tenant: {error}") from error


SUBSCRIPTIONS = (invite_affiliate,)
