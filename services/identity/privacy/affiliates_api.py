"""What is kept about an affiliate who has no account: for the admins of the merchant that has enrolled it."""

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from chassis.process.service import runtime_of
from contracts.roles import Role
from contracts.services import SERVICES
from services.identity.common import fetches
from services.identity.privacy import affiliates, affiliates_client, queries
from services.identity.privacy.api import archive_answer, require_fresh_for_others, shown
from services.identity.privacy.schemas import ExportOut

PREFIX = "/api/v1/tenant/affiliates"

blp = Blueprint("people-without-account", __name__, url_prefix=f"{PREFIX}/<uuid:affiliate_id>")


@blp.route("/export")
class ExportOfAffiliate(MethodView):
    @blp.allow(Role.MERCHANT_ADMIN)
    @blp.response(202, ExportOut)
    @raises(403, "step_up_required")
    @raises(409, "account_exists")
    def post(self, affiliate_id):
        """Have all that is kept about one of the own affiliates gathered; one who signs in is among the people (409
        ``account_exists``). Needs a password or factor that was shown a moment ago (403 `step_up_required`)."""
        require_fresh_for_others()
        affiliate = _enrolled(affiliate_id)
        with db.begin() as session:
            export = affiliates.ask(session, affiliate, SERVICES, actor=caller(), now=utcnow())
            return shown(export, f"{PREFIX}/{affiliate_id}/export")

    @blp.allow(Role.MERCHANT_ADMIN)
    @blp.response(200, ExportOut)
    def get(self, affiliate_id):
        """The newest export of this affiliate that the caller has asked for."""
        with db.read() as session:
            export = queries.latest_export(session, affiliate_id, asked_by=caller().user_id, now=utcnow())
            return shown(export, f"{PREFIX}/{affiliate_id}/export")


@blp.route("/export/<uuid:export_id>/archive")
class ArchiveOfAffiliate(MethodView):
    @blp.allow(Role.MERCHANT_ADMIN)
    @blp.alt_response(200, **fetches.ZIP)
    @blp.alt_response(429, **fetches.UNDER_WAY)
    @blp.alt_response(503, **fetches.BUSY)
    @raises(403, "step_up_required")
    @raises(429, "fetch_under_way")
    @raises(503, "archives_busy")
    def get(self, affiliate_id, export_id):
        """A zip file of JSON files, one a service. Needs a password or factor that was shown a moment ago (403
        `step_up_required`)."""
        require_fresh_for_others()
        return archive_answer(export_id, affiliate_id)


@blp.route("/erase")
class EraseAffiliate(MethodView):
    @blp.allow(Role.MERCHANT_ADMIN)
    @blp.response(204)
    @raises(403, "step_up_required")
    @raises(409, "account_exists")
    def post(self, affiliate_id):
        """Forget an affiliate: name and address go everywhere within minutes; links, conversions and the ledger stay,
        by an id. It cannot be taken back, and needs a password or factor that was shown a moment ago."""
        require_fresh_for_others()
        affiliate = _enrolled(affiliate_id)
        with db.begin() as session:
            affiliates.erase(session, affiliate, actor=caller(), now=utcnow())


def _enrolled(affiliate_id):
    return affiliates_client.enrolled(runtime_of(current_app).client, caller().tenant_id, affiliate_id)
