"""``/api/v1/tenant/scim-token``: what a tenant's directory shows; its admins make and remove it."""

from flask import current_app
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from chassis.process.service import settings_of
from contracts.roles import ADMINS
from services.identity.scim import actions, queries
from services.identity.scim.schemas import NewScimTokenOut, ScimTokenOut
from services.identity.sessions.freshness import require_fresh

blp = Blueprint("scim_token", __name__, url_prefix="/api/v1/tenant/scim-token")


@blp.route("")
class Token(MethodView):
    @blp.allow(*ADMINS)
    @blp.response(200, ScimTokenOut)
    @raises(404, "not_found")
    def get(self):
        """Whether there is one, and when it was last used; the token itself is never shown again."""
        with db.read() as session:
            return queries.token(session, caller().tenant_id)

    @blp.allow(*ADMINS, replay=False)
    @blp.response(201, NewScimTokenOut)
    @raises(403, "step_up_required")
    def post(self):
        """A new one, shown this once; the one before no longer counts. Needs a fresh password or factor (403
        `step_up_required`)."""
        now = utcnow()
        with db.begin() as session:
            require_fresh(session, caller(), now)
            row, secret = actions.issue_token(session, caller().tenant_id, actor=caller(), now=now)
        base_url = settings_of(current_app).public_url + "/scim/v2"
        return {"token": secret, "base_url": base_url, "created_at": row.created_at}

    @blp.allow(*ADMINS)
    @blp.response(204)
    @raises(403, "step_up_required")
    @raises(404, "not_found")
    def delete(self):
        """Shut the directory out; needs a fresh password or factor (403 `step_up_required`)."""
        now = utcnow()
        with db.begin() as session:
            require_fresh(session, caller(), now)
            actions.remove_token(session, caller().tenant_id, actor=caller(), now=now)
