"""The people of the caller's own tenant: its admins look after them, its viewers see them."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from contracts.roles import VIEWERS
from services.identity.common.context import own_settings
from services.identity.sessions.freshness import require_fresh, require_fresh_to_appoint
from services.identity.teams import actions, invitations, queries, refusals
from services.identity.teams.rules import APART
from services.identity.users.rules import ADMINS
from services.identity.users.schemas import InviteIn, MemberOut, UserChangeIn, UserOut, UsersIn

blp = Blueprint("team", __name__, url_prefix="/api/v1/tenant/users")


@blp.route("")
class Team(MethodView):
    @blp.allow(*ADMINS, *VIEWERS)
    @blp.arguments(UsersIn, location="query")
    @blp.response(200, page_of(MemberOut))
    def get(self, query):
        with db.read() as session:
            return queries.list_members(session, caller().tenant_id, **query)

    @blp.allow(*ADMINS)
    @blp.arguments(InviteIn)
    @blp.response(201, UserOut)
    @raises(403, "step_up_required")
    @raises(409, "email_taken", "tenant_ended")
    @raises(422, "role_does_not_fit")
    @raises(429, "too_many_invitations")
    def post(self, data):
        """Invite a colleague by mail; the link in it is good once, for seven days. An admin's role needs a password or
        factor that was shown a moment ago (403 `step_up_required`). Invitations and addresses that are taken elsewhere
        are counted: 429 when there were too many within a day."""
        now = utcnow()
        with db.read() as session:
            require_fresh_to_appoint(session, caller(), data["role"], now)
        refusals.require_invitable(data["email"], data["role"])
        with db.begin() as session:
            return invitations.invite(
                session, caller().tenant_id, **data, settings=own_settings(), actor=caller(), now=now
            )


@blp.route("/<uuid:user_id>")
class Member(MethodView):
    @blp.allow(*ADMINS)
    @blp.arguments(UserChangeIn)
    @blp.response(200, UserOut)
    @raises(403, "step_up_required")
    @raises(409, "last_admin", "last_platform_admin", "invalid_transition")
    @raises(422, "role_does_not_fit")
    def patch(self, data, user_id):
        """Another role, or suspended; the tokens still alive are refused within seconds. To make somebody an admin, or
        to let a suspended admin in again, needs a password or factor that was shown a moment ago (403
        `step_up_required`)."""
        now = utcnow()
        with db.begin() as session:
            user = actions.change_user(session, caller().tenant_id, user_id, **data, actor=caller(), now=now)
            if "role" in data or data.get("suspended") is False:  # only now, for now the row is locked
                require_fresh_to_appoint(session, caller(), user.role, now)
            return user

    @blp.allow(*ADMINS)
    @blp.response(204)
    @raises(409, "last_admin", "last_platform_admin", "invalid_transition")
    def delete(self, user_id):
        """Remove somebody, or withdraw an invitation."""
        with db.begin() as session:
            actions.remove_user(session, caller().tenant_id, user_id, actor=caller(), now=utcnow())


@blp.route("/<uuid:user_id>/resend-invitation")
class ResendInvitation(MethodView):
    @blp.allow(*ADMINS)
    @blp.response(204)
    @raises(409, "invalid_transition")
    @raises(429, "too_many_invitations")
    def post(self, user_id):
        """The new link replaces the old one. At most one a minute, and five a day to one address."""
        with db.begin() as session:
            invitations.resend(
                session,
                caller().tenant_id,
                user_id,
                apart=APART,
                settings=own_settings(),
                actor=caller(),
                now=utcnow(),
            )


@blp.route("/<uuid:user_id>/erase")
class Erase(MethodView):
    @blp.allow(*ADMINS)
    @blp.response(204)
    @raises(403, "step_up_required")
    @raises(409, "last_admin", "last_platform_admin", "invalid_transition")
    def post(self, user_id):
        """Forget a person, who is removed first: name and address go everywhere within minutes, the trail keeps "former
        user". It cannot be taken back, and needs a password or factor that was shown a moment ago."""
        with db.begin() as session:
            require_fresh(session, caller(), utcnow())
            actions.erase_user(session, caller().tenant_id, user_id, actor=caller(), now=utcnow())
