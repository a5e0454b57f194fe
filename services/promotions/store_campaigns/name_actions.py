"""Names and identifiers of store campaigns: free or taken, also where two requests come at once (S3-15, S3-17)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.errors import Invalid
from chassis.core.principal import Principal
from services.promotions.common.actions import audit, flush
from services.promotions.store_campaigns import queries, rules
from services.promotions.store_campaigns.models import ONE_CAMPAIGN_NAME, ONE_FOLDED_NAME, ONE_IDENTIFIER, StoreCampaign

NAME_TAKEN = {"field": "name", "message": "Campaign name must be unique within company"}
IDENTIFIER_TAKEN = {
    "field": "campaign_identifier",
    "message": "Campaign identifier must be unique across all campaigns",
}


def insert_campaign(
    session: Session, key: UUID, data: Mapping[str, Any], actor: Principal, now: datetime
) -> StoreCampaign:
    """Write a new campaign. Without an identifier it gets one made of its name, with an ending of its own where
    another campaign has that already or takes it at the same moment.
    """
    made = rules.identifier_for(data["name"])
    chosen = data["campaign_identifier"]
    for identifier in [chosen] if chosen else [made, f"{made}_{key.hex[-12:].upper()}"]:
        values = {**data, "campaign_identifier": identifier}
        campaign = StoreCampaign.create(tenant_id=actor.tenant_id, now=now, key=key, **values)
        try:
            with session.begin_nested():
                session.add(campaign)
                audit(session, "store_campaign.created", campaign, actor=actor, now=now)
                flush_names(session)
                return campaign
        except Invalid as refusal:
            if identifier != made or chosen or refusal.errors != [IDENTIFIER_TAKEN]:
                raise
    raise AssertionError("unreachable")


def renamed(campaign: StoreCampaign, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that differ from what is stored: a name that stays clashes with no other (S3-23)."""
    return {name: value for name, value in changes.items() if getattr(campaign, name) != value}


def require_free(session: Session, key: UUID, tenant_id: UUID, names: Mapping[str, Any]) -> None:
    """S3-15, S3-17: says that a name or identifier is taken, never by whom."""
    taken = []
    name, identifier = names.get("name"), names.get("campaign_identifier")
    with session.no_autoflush:
        if name and queries.has_name(session, tenant_id, name, other_than=key):
            taken.append(NAME_TAKEN)
        if identifier and queries.has_identifier(session, identifier, other_than=key):
            taken.append(IDENTIFIER_TAKEN)
    if taken:
        raise _refusal(*taken)


def flush_names(session: Session) -> None:
    """Write the campaign; another one may have taken its name at the same moment."""
    name, identifier = _refusal(NAME_TAKEN), _refusal(IDENTIFIER_TAKEN)
    flush(session, {ONE_CAMPAIGN_NAME: name, ONE_FOLDED_NAME: name, ONE_IDENTIFIER: identifier})


def _refusal(*problems: dict[str, str]) -> Invalid:
    return Invalid("Field validation failed", errors=list(problems))
