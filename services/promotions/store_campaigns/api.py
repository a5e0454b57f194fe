"""``/stores/company/{company_id}/campaigns``: store campaigns in S3's own shapes.

Updates are served with and without the closing ``/stores`` (D40).
"""

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

from flask.views import MethodView
from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.core.errors import NotFound
from chassis.core.principal import caller
from chassis.http import versions
from chassis.http.audit_trail import AuditOut
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from chassis.http.problems import raises
from contracts.error_formats import STORES
from contracts.roles import Role
from services.promotions.common import queries as common_queries
from services.promotions.common.api import ADMINS, FEATURE, READERS, tagged
from services.promotions.store_campaigns import actions, queries
from services.promotions.store_campaigns.schemas import (
    TILL_FIELDS,
    DeletedOut,
    LinkedStoresIn,
    LinkedStoresOut,
    StoreCampaignChangesIn,
    StoreCampaignCreatedOut,
    StoreCampaignIn,
    StoreCampaignOut,
    StoreCampaignsIn,
    UpdatedOut,
)

PREFIX = "/stores/company/<company_id>/campaigns"

blp = Blueprint("store_campaigns", __name__, url_prefix=PREFIX, feature=FEATURE, error_format=STORES)

F = TypeVar("F", bound=Callable[..., Any])


def admins(view: F) -> F:
    """Let in the admins and machine clients of the company that the path names; else 404 (S3-22, D5)."""
    return _of_own_company(ADMINS, view)


def readers(view: F) -> F:
    """As ``admins``, and the company's viewers too: for views that change nothing."""
    return _of_own_company(READERS, view)


def _of_own_company(roles: tuple[Role, ...], view: F) -> F:
    @functools.wraps(view)
    def of_own_company(*args: Any, company_id: str, **kwargs: Any) -> Any:
        try:
            common_queries.require_own(company_id)
        except NotFound:
            if "campaign_id" in kwargs:
                raise queries.not_found(kwargs["campaign_id"]) from None
            raise NotFound("Company not found", code="company_not_found") from None
        return view(*args, **kwargs)

    missing = raises(404, "company_not_found", "campaign_not_found")
    return blp.allow(*roles)(missing(cast(F, of_own_company)))


@blp.route("")
class StoreCampaigns(MethodView):
    @admins
    @blp.arguments(StoreCampaignIn)
    @blp.response(201, StoreCampaignCreatedOut)
    @raises(422, "invalid_date_range")
    def post(self, data):
        """Create a campaign."""
        store_uids, now = data.pop("store_ids"), utcnow()
        with db.begin() as session:
            campaign = actions.create_campaign(session, data, store_uids=store_uids, actor=caller(), now=now)
        return tagged(campaign), 201, {"Location": f"/stores/company/{campaign.tenant_id}/campaigns/{campaign.id}"}

    @readers
    @blp.arguments(StoreCampaignsIn, location="query")
    @blp.response(200, page_of(StoreCampaignOut))
    def get(self, query):
        """The company's campaigns, the newest first."""
        with db.read() as session:
            return queries.campaigns(session, utcnow(), **query)


@blp.route("/<campaign_id>")
class StoreCampaign(MethodView):
    @readers
    @blp.response(200, StoreCampaignOut)
    def get(self, campaign_id):
        """One campaign, with its present status."""
        with db.read() as session:
            return tagged(queries.campaign(session, campaign_id, utcnow()))

    @admins
    @blp.arguments(StoreCampaignChangesIn)
    @blp.response(200, UpdatedOut)
    @raises(403, "extra_permission_required")
    @raises(409, "campaign_not_modifiable")
    @raises(422, "invalid_date_range")
    def put(self, changes, campaign_id):
        """Change what is named, effective at once (S3-1)."""
        return _update(campaign_id, changes)

    @admins
    @blp.response(200, DeletedOut)
    @raises(409, "campaign_not_modifiable")
    def delete(self, campaign_id):
        """Delete a campaign that is over or never ran (D44). Its name is free; its audit trail stays."""
        now = utcnow()
        with db.begin() as session:
            deleted = actions.delete_campaign(
                session, campaign_id, expected=versions.if_match(), actor=caller(), now=now
            )
        return {"campaign_id": deleted, "timestamp": now}


@blp.route("/<campaign_id>/stores")
class StoreCampaignOfStores(MethodView):
    @admins
    @blp.arguments(StoreCampaignChangesIn)
    @blp.response(200, UpdatedOut)
    @raises(403, "extra_permission_required")
    @raises(409, "campaign_not_modifiable")
    @raises(422, "invalid_date_range")
    def put(self, changes, campaign_id):
        """Change what is named, effective at once, in all stores (S3-1, S3-9)."""
        return _update(campaign_id, changes)


@blp.route("/<campaign_id>/linked-stores")
class LinkedStores(MethodView):
    @admins
    @blp.arguments(LinkedStoresIn)
    @blp.response(200, LinkedStoresOut)
    @raises(409, "campaign_not_modifiable")
    def put(self, data, campaign_id):
        """Say which stores show the campaign; those left out no longer do."""
        expected, now = versions.if_match(), utcnow()
        with db.begin() as session:
            campaign = actions.link_stores(
                session, campaign_id, data["store_ids"], expected=expected, actor=caller(), now=now
            )
        versions.set_etag(campaign)
        return {"campaign_id": campaign.id, "store_ids": campaign.store_uids, "timestamp": now}


@blp.route("/<campaign_id>/audit")
class StoreCampaignAudit(MethodView):
    @readers
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(AuditOut))
    def get(self, query, campaign_id):
        """Who changed what of the campaign, and when, the newest first; also of one that was deleted (S3-10, D44)."""
        with db.read() as session:
            return queries.trail(session, caller().tenant_id, campaign_id, **query)


def shown_at_tills(session: Session, store_id: UUID, now: datetime) -> tuple[list[dict[str, Any]], list[datetime]]:
    """The campaigns that run in a store as tills show them, and the last moments at which that can be so (D44)."""
    campaigns = queries.running_in(session, store_id, now)
    moments = queries.last_moments(session, store_id, campaigns, now)
    return StoreCampaignOut(many=True, only=TILL_FIELDS).dump(campaigns), moments


def _update(campaign_id, changes):
    now = utcnow()
    with db.begin() as session:
        campaign, applied = actions.update_campaign(
            session, campaign_id, changes, expected=versions.if_match(), actor=caller(), now=now
        )
    versions.set_etag(campaign)
    return {"campaign_id": campaign.id, "updated_fields": list(applied), "timestamp": now}
