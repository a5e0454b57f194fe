"""The own authenticator and recovery codes."""

from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Invalid
from chassis.core.principal import caller
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from services.identity.account.factor_schemas import CodeIn, RecoveryCodesOut, StartedTotpOut, TotpOut
from services.identity.common.clients import client_of_request
from services.identity.common.context import own_settings
from services.identity.factors import actions, queries
from services.identity.sessions import tries
from services.identity.sessions.freshness import require_fresh
from services.identity.sessions.guarded import counted
from services.identity.sign_ins.rules import How, Outcome
from services.identity.tenants import queries as tenant_queries
from services.identity.users.models import User

blp = Blueprint("totp", __name__, url_prefix="/api/v1/me", for_setup=True)


@blp.route("/totp")
class Totp(MethodView):
    @blp.allow()
    @blp.response(200, TotpOut)
    def get(self):
        """What guards the own account beside the password."""
        with db.read() as session:
            tenant = tenant_queries.tenant(session, caller().tenant_id)
            return queries.factors_of(session, caller().user_id, tenant, own_settings())

    @blp.allow(replay=False)
    @blp.response(201, StartedTotpOut)
    @raises(403, "step_up_required")
    def post(self):
        """Starts an authenticator, which counts once it is confirmed; needs step-up."""
        now = utcnow()
        with db.begin() as session:
            require_fresh(session, caller(), now)
            return actions.start_totp(session, caller().user_id, settings=own_settings(), now=now)

    @blp.allow()
    @blp.response(204)
    @raises(403, "step_up_required")
    @raises(404, "not_found")
    @raises(409, "second_factor_required")
    def delete(self):
        """Needs step-up; 409 ``second_factor_required`` where it is the last factor and the tenant requires one."""
        now = utcnow()
        with db.begin() as session:
            require_fresh(session, caller(), now)
            actions.remove_totp(
                session,
                caller().user_id,
                settings=own_settings(),
                client=client_of_request(),
                actor=caller(),
                now=now,
            )


@blp.route("/totp/confirm")
class TotpConfirm(MethodView):
    @blp.allow(replay=False)
    @blp.arguments(CodeIn)
    @blp.response(200, RecoveryCodesOut)
    @blp.alt_response(429, description="Too many wrong codes; `Retry-After` says when the next one is looked at.")
    @raises(409, "totp_not_started")
    @raises(422, "wrong_code", "clock_differs")
    @raises(429, "too_many_attempts")
    def post(self, data):
        """A code of the authenticator that was started; the recovery codes are shown in this answer and never again."""
        with counted(caller().user_id, How.STEP_UP) as user:
            _check(user, data["code"])
            with db.begin() as session:
                codes = actions.confirm_totp(
                    session,
                    caller().user_id,
                    data["code"],
                    settings=own_settings(),
                    client=client_of_request(),
                    actor=caller(),
                    now=utcnow(),
                )
        return {"recovery_codes": codes}


@blp.route("/recovery-codes")
class RecoveryCodes(MethodView):
    @blp.allow(replay=False)
    @blp.response(201, RecoveryCodesOut)
    @raises(403, "step_up_required")
    @raises(409, "no_second_factor")
    def post(self):
        """New ones in place of those there are, shown in this answer and never again; needs step-up."""
        now = utcnow()
        with db.begin() as session:
            require_fresh(session, caller(), now)
            codes = actions.renew_recovery_codes(
                session,
                caller().user_id,
                settings=own_settings(),
                client=client_of_request(),
                actor=caller(),
                now=now,
            )
        return {"recovery_codes": codes}


def _check(user: User, code: str) -> None:
    """Look at a code before anything is written, so that a wrong one can be recorded. Raises as ``confirm_totp``."""
    try:
        with db.read() as session:
            actions.started_totp(session, user.id, code, settings=own_settings(), now=utcnow())
    except Invalid:
        tries.record_failed(user, How.STEP_UP, Outcome.WRONG_CODE)
        raise
