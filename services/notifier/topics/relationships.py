"""Relationships between suppliers and retailers: requests, and that one was accepted."""

from uuid import UUID

from chassis.messaging.events import Received
from services.notifier.topics.base import Notice, Topic, Trigger
from services.notifier.topics.partners import ADMINS, PartnersIn, names


def invited(event: Received) -> list[Notice]:
    partners = event.data
    return [_asked(event, partners.retailer_id, partners.supplier_name, partners.retailer_name)]


def requested(event: Received) -> list[Notice]:
    partners = event.data
    return [_asked(event, partners.supplier_id, partners.retailer_name, partners.supplier_name)]


def accepted(event: Received) -> list[Notice]:
    """Both sides hear of it, except the side of the user who has accepted; both where that user is unknown here."""
    partners = event.data
    return [
        _accepted(event, partners.supplier_id, partners.supplier_name, partners.retailer_name),
        _accepted(event, partners.retailer_id, partners.retailer_name, partners.supplier_name),
    ]


def _asked(event: Received, tenant_id: UUID, other_name: str, own_name: str) -> Notice:
    headline = f"{other_name} wants to work with you"
    detail = f"{other_name} asks {own_name} to be its partner on Concord."
    texts = {"headline": headline, "detail": detail, "own_name": own_name, "action": "Accept or decline"}
    return Notice(event.id, tenant_id, names(event.data) | texts)


def _accepted(event: Received, tenant_id: UUID, own_name: str, other_name: str) -> Notice:
    headline = f"{other_name} and {own_name} are partners now"
    detail = f"{other_name} has accepted. You can run campaigns together and write to each other."
    texts = {"headline": headline, "detail": detail, "own_name": own_name, "action": "See your partners"}
    return Notice(event.id, tenant_id, names(event.data) | texts, actor_id=event.actor_id)


RELATIONSHIP = Topic(
    name="relationship",
    description="partners and partner requests",
    roles=ADMINS,
    subject="{headline}",
    section=list,
    triggers=(
        Trigger("prm.RelationshipInvited.v1", PartnersIn, invited),
        Trigger("prm.RelationshipRequested.v1", PartnersIn, requested),
        Trigger("prm.RelationshipAccepted.v1", PartnersIn, accepted),
    ),
)
