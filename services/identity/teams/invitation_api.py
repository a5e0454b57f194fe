"""Accepting an invitation, which needs its link and nothing else."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from services.identity.common.context import as_identity, own_settings
from services.identity.passwords import rules as password_rules
from services.identity.teams import enrolment, invitations, queries
from services.identity.teams.schemas import AcceptIn
from services.identity.users.schemas import UserOut

blp = Blueprint("invitations", __name__, url_prefix="/session/accept-invitation")


@blp.route("")
class AcceptInvitation(MethodView):
    @blp.public_once("token")
    @blp.arguments(AcceptIn)
    @blp.response(201, UserOut)
    @raises(403, "tenant_suspended")
    @raises(409, "sso_required")
    @raises(422, "link_invalid", "weak_password")
    def post(self, data):
        """Join with a name and a password. The link is good once; one that is used, replaced or over is
        ``link_invalid``. Where people sign in by the company's own sign-in only, the answer is 409 ``sso_required``:
        its ``signInUrl`` is where signing in accepts the invitation."""
        settings, text = own_settings(), data.pop("password")
        with as_identity(), db.read() as session:
            user, tenant = queries.person_of_invitation(session, data["token"], settings=settings, now=utcnow())
            invitations.require_passwords(session, tenant, user.role, settings=settings)
        password_rules.check(text, email=user.email, tenant_name=tenant.name)
        password = enrolment.typed(text)  # only now: whatever a stranger makes up costs us nothing
        with as_identity(), db.begin() as session:
            return enrolment.join(session, **data, password=password, settings=settings, now=utcnow())
