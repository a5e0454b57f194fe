"""Events about affiliates. A published shape never changes; a new shape is a new version."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.messaging.events import publishes


@dataclass(frozen=True)
class _AffiliateEvent:
    """Subject: the affiliate. Visible to the merchant."""

    affiliate_id: UUID
    affiliate_name: str
    affiliate_email: str
    merchant_id: UUID
    merchant_name: str


@publishes("affiliates.AffiliateApproved.v1")
@dataclass(frozen=True)
class AffiliateApproved(_AffiliateEvent):
    """An affiliate may spread links, for the first time or again."""


@publishes("affiliates.AffiliateSuspended.v1")
@dataclass(frozen=True)
class AffiliateSuspended(_AffiliateEvent):
    """An affiliate's links no longer work."""


@publishes("affiliates.AffiliateInvited.v1")
@dataclass(frozen=True)
class AffiliateInvited(_AffiliateEvent):
    """A merchant asks an affiliate to sign in and see its own numbers; identity mails the invitation. Again when it is
    sent again; ``invited_at`` tells one from the other."""

    invited_at: datetime
