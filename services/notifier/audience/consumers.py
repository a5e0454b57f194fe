"""What this service listens to."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.clock import rfc3339, utcnow
from chassis.messaging.events import Received, on, on_all
from services.notifier import settings
from services.notifier.audience import contacts, gathering
from services.notifier.audience import notices as audience_notices
from services.notifier.audience.gathering import Post
from services.notifier.audience.models import Contact
from services.notifier.audience.notices import Notice
from services.notifier.event_log import actions
from services.notifier.topics.mails import AFFILIATION, COMMISSION, INVITE, RELATIONSHIP, RESPONSE, TIER, Mail
from services.notifier.topics.schemas import (
    AffiliateIn,
    CommissionReversedIn,
    ConversionCreditedIn,
    InviteCreatedIn,
    InviteRespondedIn,
    MessagePostedIn,
    PartnersIn,
    TenantIn,
    ThreadReadIn,
    TierAssignedIn,
    TierUnassignedIn,
    UserAddedIn,
    UserRemovedIn,
)
from services.notifier.webhooks import messages as webhooks_messages


def keep_the_tenant(session: Session, event: Received) -> None:
    moved = event.data
    contacts.keep_tenant(session, moved.tenant_id, moved.time_zone, sequence=event.sequence, now=utcnow())


KEEP_TENANTS = tuple(
    on(f"identity.{name}.v2", TenantIn)(keep_the_tenant) for name in ("TenantCreated", "TenantChanged")
)


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
    domain = settings.load().domain
    contacts.drop_contact(session, user.user_id, user.tenant_id, sequence=event.sequence, domain=domain, now=utcnow())


@on_all("campaigns.InviteCreated.v1", InviteCreatedIn)
def tell_the_invited_retailers(session: Session, events: Sequence[Received]) -> None:
    """S0-27: one mail per newly invited retailer's admin, with the campaign's name."""
    _tell_all(session, INVITE, [(event, event.data.retailer_id, _invited(event.data)) for event in events])


@on_all("campaigns.InviteResponded.v1", InviteRespondedIn)
def tell_the_suppliers_of_responses(session: Session, events: Sequence[Received]) -> None:
    _tell_all(session, RESPONSE, [(event, event.data.supplier_id, _responded(event.data)) for event in events])


@on_all("messaging.MessagePosted.v1", MessagePostedIn)
def tell_the_other_party_of_messages(session: Session, events: Sequence[Received]) -> None:
    """S0-61, D14: also of the first one."""
    own = settings.load()
    posts = [_posted(event) for event in events]
    gathering.tell_of_messages(session, posts, domain=own.domain, wait=own.gather_messages, now=utcnow())


@on_all("#")
def log_the_events(session: Session, events: Sequence[Received]) -> None:
    """Every event of every service, and with it a message for each webhook that wants it."""
    now = utcnow()
    logged = actions.record(session, events, now=now)
    webhooks_messages.queue_events(session, logged, now=now)


@on("messaging.ThreadRead.v1", ThreadReadIn)
def forget_what_was_read(session: Session, event: Received) -> None:
    read = event.data
    gathering.mark_read(session, tenant_id=read.tenant_id, thread_id=read.thread_id, sequence=event.sequence)


@on("prm.TierAssigned.v1", TierAssignedIn)
def tell_the_retailer_of_its_tier(session: Session, event: Received) -> None:
    tier = event.data
    moved = f" It was {tier.previous_tier_name} until now." if tier.previous_tier_name else ""
    context = _between(tier) | {
        "headline": f"{tier.supplier_name} has made you a {tier.tier_name} partner",
        "tier_name": tier.tier_name,
        "detail": f"Your tier with {tier.supplier_name} is {tier.tier_name} now.{moved}",
    }
    _tell(session, event, TIER, tier.retailer_id, context)


@on("prm.TierUnassigned.v1", TierUnassignedIn)
def tell_the_retailer_of_a_lost_tier(session: Session, event: Received) -> None:
    tier = event.data
    context = _between(tier) | {
        "headline": f"Your {tier.tier_name} tier with {tier.supplier_name} has ended",
        "tier_name": tier.tier_name,
        "detail": f"{tier.supplier_name} has taken {tier.retailer_name} off its tier {tier.tier_name}.",
    }
    _tell(session, event, TIER, tier.retailer_id, context)


@on("prm.RelationshipInvited.v1", PartnersIn)
def tell_the_retailer_who_asks(session: Session, event: Received) -> None:
    asked = event.data
    _tell(session, event, RELATIONSHIP, asked.retailer_id, _asked(asked, asked.supplier_name, asked.retailer_name))


@on("prm.RelationshipRequested.v1", PartnersIn)
def tell_the_supplier_who_asks(session: Session, event: Received) -> None:
    asked = event.data
    _tell(session, event, RELATIONSHIP, asked.supplier_id, _asked(asked, asked.retailer_name, asked.supplier_name))


@on("prm.RelationshipAccepted.v1", PartnersIn)
def tell_who_asked_that_it_was_accepted(session: Session, event: Received) -> None:
    """The other side than the one whose user has said yes; both, where that user is not known here."""
    accepted = event.data
    sides = {
        accepted.supplier_id: (accepted.supplier_name, accepted.retailer_name),
        accepted.retailer_id: (accepted.retailer_name, accepted.supplier_name),
    }
    actor = session.get(Contact, event.actor_id)
    for tenant_id, (own_name, other_name) in sides.items():
        if actor is None or actor.tenant_id != tenant_id:
            context = _between(accepted) | {
                "headline": f"{other_name} and {own_name} are partners now",
                "detail": f"{other_name} has accepted. You can run campaigns together and write to each other.",
                "own_name": own_name,
                "action": "See your partners",
            }
            _tell(session, event, RELATIONSHIP, tenant_id, context)


@on("affiliates.AffiliateApproved.v1", AffiliateIn)
def tell_the_affiliate_it_was_approved(session: Session, event: Received) -> None:
    merchant = event.data.merchant_name
    context = {
        "headline": f"{merchant} has approved you as an affiliate",
        "detail": f"Links that {merchant} makes for you earn commission from now on.",
        "merchant_name": merchant,
    }
    _tell_affiliate(session, event, AFFILIATION, context)


@on("affiliates.AffiliateSuspended.v1", AffiliateIn)
def tell_the_affiliate_it_was_suspended(session: Session, event: Received) -> None:
    merchant = event.data.merchant_name
    context = {
        "headline": f"{merchant} has suspended you as an affiliate",
        "detail": f"Your links no longer earn commission. Ask {merchant} if you do not know why.",
        "merchant_name": merchant,
    }
    _tell_affiliate(session, event, AFFILIATION, context)


@on("affiliates.ConversionCredited.v1", ConversionCreditedIn)
def tell_the_affiliate_of_commission(session: Session, event: Received) -> None:
    credited = event.data
    if not Decimal(credited.commission):  # such as a fixed amount of another currency: nobody needs a mail of nothing
        return
    headline = f"You have earned {credited.commission} {credited.currency} with {credited.merchant_name}"
    _tell_affiliate(session, event, COMMISSION, _commission(credited, headline, remaining=""))


@on("affiliates.CommissionReversed.v1", CommissionReversedIn)
def tell_the_affiliate_of_a_reversal(session: Session, event: Received) -> None:
    taken = event.data
    headline = f"{taken.merchant_name} has taken back {taken.reversed} {taken.currency} of your commission"
    context = _commission(taken, headline, remaining=f"{taken.remaining} {taken.currency}")
    _tell_affiliate(session, event, COMMISSION, context)


MAILED = (
    tell_the_invited_retailers,
    tell_the_suppliers_of_responses,
    tell_the_other_party_of_messages,
    forget_what_was_read,
    tell_the_retailer_of_its_tier,
    tell_the_retailer_of_a_lost_tier,
    tell_the_retailer_who_asks,
    tell_the_supplier_who_asks,
    tell_who_asked_that_it_was_accepted,
    tell_the_affiliate_it_was_approved,
    tell_the_affiliate_it_was_suspended,
    tell_the_affiliate_of_commission,
    tell_the_affiliate_of_a_reversal,
)


def _tell(session: Session, event: Received, mail: Mail, tenant_id: UUID, context: dict[str, Any]) -> None:
    _tell_all(session, mail, [(event, tenant_id, context)])


def _tell_all(session: Session, mail: Mail, told: Sequence[tuple[Received, UUID, dict[str, Any]]]) -> None:
    notices = [Notice(event.id, tenant_id, context) for event, tenant_id, context in told]
    audience_notices.queue_mails(session, mail, notices, domain=settings.load().domain, now=utcnow())


def _tell_affiliate(session: Session, event: Received, mail: Mail, context: dict[str, Any]) -> None:
    told = event.data
    affiliate = contacts.keep_affiliate(
        session, told.affiliate_id, told.merchant_id, email=told.affiliate_email, name=told.affiliate_name
    )
    domain = settings.load().domain
    audience_notices.queue_for(
        session, mail, affiliate, event_id=event.id, context=context, domain=domain, now=utcnow()
    )


def _posted(event: Received) -> Post:
    posted = event.data
    to_supplier = posted.recipient_tenant_id == posted.supplier_id
    return Post(
        event.id,
        posted.recipient_tenant_id,
        posted.thread_id,
        event.sequence,
        thread={
            "thread_subject": posted.subject,
            "party_name": posted.retailer_name if to_supplier else posted.supplier_name,
            "own_name": posted.supplier_name if to_supplier else posted.retailer_name,
        },
        message={"sender_name": posted.sender_name, "preview": posted.preview, "at": rfc3339(event.time)},
    )


def _invited(invite: Any) -> dict[str, Any]:
    return {
        "campaign_name": invite.campaign_name,
        "participation_ask": invite.participation_ask,
        "supplier_name": invite.supplier_name,
        "retailer_name": invite.retailer_name,
        "start_date": rfc3339(invite.start_date),
        "end_date": rfc3339(invite.end_date),
    }


def _responded(response: Any) -> dict[str, Any]:
    return {
        "campaign_id": str(response.campaign_id),
        "campaign_name": response.campaign_name,
        "supplier_name": response.supplier_name,
        "retailer_name": response.retailer_name,
        "response": response.response.lower(),
        "note": response.note or "",
    }


def _commission(about: Any, headline: str, *, remaining: str) -> dict[str, Any]:
    return {
        "headline": headline,
        "merchant_name": about.merchant_name,
        "campaign_title": about.campaign_title,
        "order": about.external_order_id,
        "order_status": about.order_status,
        "remaining": remaining,
    }


def _asked(asked: Any, who: str, whom: str) -> dict[str, Any]:
    return _between(asked) | {
        "headline": f"{who} wants to work with you",
        "detail": f"{who} asks {whom} to be its partner on Concord.",
        "own_name": whom,
        "action": "Accept or decline",
    }


def _between(partners: Any) -> dict[str, Any]:
    return {"supplier_name": partners.supplier_name, "retailer_name": partners.retailer_name}
