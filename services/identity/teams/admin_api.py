"""Administration of a tenant's users, for the operator only."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.problems import raises
from contracts.roles import Role
from services.identity.common.context import own_settings
from services.identity.sessions.freshness import require_fresh_to_appoint
from services.identity.teams import actions, enrolment, invitations, queries
from services.identity.users.schemas import MemberOut, UserIn, UserOut, UsersIn

blp = Blueprint("users", __name__, url_prefix="/api/v1/admin/tenants/<uuid:tenant_id>/users")


@blp.route("")
class Users(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(UserIn)
    @blp.response(201, UserOut)
    @raises(403, "step_up_required")
    @raises(409, "email_taken", "tenant_ended", "sso_required")
    @raises(422, "role_does_not_fit", "weak_password")
    @raises(429, "too_many_invitations")
    def post(self, data, tenant_id):
        """Without ``password`` the person is invited by mail and chooses one: the better way, because then nobody else
        knows it. An admin's role needs a password or factor that was shown a moment ago (403 `step_up_required`)."""
        now = utcnow()
        typed = data.pop("password", None)
        password = enrolment.typed(typed) if typed else None  # hashing is slow on purpose, so before the transaction
        with db.begin() as session:
            require_fresh_to_appoint(session, caller(), data["role"], now)
            return enrolment.enrol(
                session, tenant_id, **data, password=password, settings=own_settings(), actor=caller(), now=now
            )

    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(UsersIn, location="query")
    @blp.response(200, page_of(MemberOut))
    def get(self, query, tenant_id):
        with db.read() as session:
            return queries.list_members(session, tenant_id, **query)


@blp.route("/<uuid:user_id>")
class OneUser(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.response(204)
    @raises(409, "last_admin", "last_platform_admin", "invalid_transition")
    def delete(self, tenant_id, user_id):
        with db.begin() as session:
            actions.remove_user(session, tenant_id, user_id, actor=caller(), now=utcnow())


@blp.route("/<uuid:user_id>/recover")
class Recover(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.response(204)
    @raises(409, "invalid_transition", "tenant_suspended", "sso_required")
    @raises(429, "too_many_invitations")
    def post(self, tenant_id, user_id):
        """Mail the person a link to set a password with, good for an hour; who has not joined gets the invitation
        again."""
        with db.begin() as session:
            invitations.recover(session, tenant_id, user_id, settings=own_settings(), actor=caller(), now=utcnow())
