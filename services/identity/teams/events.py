"""What is published of invitations that others have asked for."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.messaging.events import publishes


@publishes("identity.AffiliateInvitationRefused.v1")
@dataclass(frozen=True)
class AffiliateInvitationRefused:
    """An affiliate cannot be invited to sign in. Subject: the merchant's tenant.

    Attributes:
        invited_at: of the invitation that was asked for.
        reason: ``email_taken``: somebody signs in with the address already, in another company or in another role; or
            the code with which its invitation was refused.
    """

    affiliate_id: UUID
    tenant_id: UUID
    invited_at: datetime
    reason: str


EVENTS = (AffiliateInvitationRefused,)
