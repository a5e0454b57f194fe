"""Administration of a tenant's users, for the operator only."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import PageIn, page_of
from contracts.roles import Role
from services.identity.passwords.hashing import hash_password
from services.identity.passwords.rules import check
from services.identity.teams import actions
from services.identity.tenants import queries as tenant_queries
from services.identity.users import actions as user_actions
from services.identity.users import queries as user_queries
from services.identity.users.schemas import UserIn, UserOut

blp = Blueprint("users", __name__, url_prefix="/api/v1/admin/tenants/<uuid:tenant_id>/users")


@blp.route("")
class Users(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(UserIn)
    @blp.response(201, UserOut)
    def post(self, data, tenant_id):
        password = data.pop("password")
        with db.read() as session:
            tenant_name = tenant_queries.tenant(session, tenant_id).name
        check(password, email=data["email"], tenant_name=tenant_name)
        password_hash = hash_password(password)  # slow on purpose, so before the transaction
        with db.begin() as session:
            return user_actions.add_user(
                session, tenant_id, **data, password_hash=password_hash, actor=caller(), now=utcnow()
            )

    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.arguments(PageIn, location="query")
    @blp.response(200, page_of(UserOut))
    def get(self, page, tenant_id):
        with db.read() as session:
            return user_queries.list_users(session, tenant_id, **page)


@blp.route("/<uuid:user_id>")
class OneUser(MethodView):
    @blp.allow(Role.PLATFORM_ADMIN)
    @blp.response(204)
    def delete(self, tenant_id, user_id):
        with db.begin() as session:
            actions.remove_user(session, tenant_id, user_id, actor=caller(), now=utcnow())
