"""OAuth 2.0: access tokens for people and machines (RFC 6749), and ending a sign-in (RFC 7009).

Errors here have the RFC's shape, ``{"error", "error_description"}``, because OAuth clients read nothing else.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import unquote_plus

from flask import Response, jsonify, request
from flask.views import MethodView

from chassis.core.clock import utcnow
from chassis.core.errors import Failure, Forbidden, Invalid
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.problems import raises
from services.identity.api_keys import actions as api_key_actions
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.oauth import machines
from services.identity.oauth.schemas import OAuthErrorOut, RevokedTokenOut, RevokeIn, TokenIn, TokenOut
from services.identity.sessions import actions as session_actions
from services.identity.sessions.signing_in import Credentials, SecondFactorRequired, WrongCredentials, sign_in
from services.identity.sessions.throttle import TooManyAttempts
from services.identity.sign_ins.rules import Outcome
from services.identity.signing_keys.grants import Granted

Form = Mapping[str, str]
blp = Blueprint("oauth", __name__, url_prefix="/oauth")


class OAuthError(Failure):
    """A refusal in the words of RFC 6749, 5.2; ``code`` is the ``error``."""

    status = HTTPStatus.BAD_REQUEST
    default_code = "invalid_request"


class InvalidClient(OAuthError):
    """API key and secret are missing or wrong."""

    status = HTTPStatus.UNAUTHORIZED
    default_code = "invalid_client"

    def __init__(self) -> None:
        super().__init__(
            "The API key or its secret is not right.", headers={"WWW-Authenticate": 'Basic realm="concord"'}
        )


@blp.errorhandler(OAuthError)
@blp.errorhandler(TooManyAttempts)
@blp.errorhandler(Forbidden)
def answer_error(failure: Failure) -> Response:
    answer = jsonify(error=failure.code, error_description=failure.detail)
    answer.status_code = failure.status
    answer.headers.extend(failure.headers)
    return answer


@blp.errorhandler(Invalid)
def answer_bad_form(failure: Invalid) -> Response:
    return answer_error(OAuthError(failure.detail))


@blp.errorhandler(WrongCredentials)
def answer_wrong_credentials(failure: WrongCredentials) -> Response:
    return answer_error(_no_grant(failure.detail))


@blp.errorhandler(SecondFactorRequired)
def answer_second_factor_required(failure: SecondFactorRequired) -> Response:
    return answer_error(OAuthError(failure.detail, code=failure.code, headers=failure.headers))


@blp.after_request
def keep_out_of_caches(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    return response


@blp.route("/token")
class Token(MethodView):
    @blp.public
    @blp.arguments(TokenIn, location="form")
    @blp.response(200, TokenOut)
    @blp.alt_response(400, schema=OAuthErrorOut)
    @blp.alt_response(401, schema=OAuthErrorOut)
    @blp.alt_response(403, schema=OAuthErrorOut)
    @blp.alt_response(429, schema=OAuthErrorOut)
    @raises(400, "invalid_request", "unsupported_grant_type", "invalid_grant", "second_factor_required")
    @raises(401, "invalid_client")
    @raises(403, "tenant_suspended", "sso_required")
    @raises(429, "too_many_attempts")
    def post(self, form):
        """``grant_type`` is ``password``, ``refresh_token`` or ``client_credentials``.

        A person with a second factor sends a ``code`` beside the password, else the error is
        ``second_factor_required``.
        """
        _refuse_repeated(TokenIn)
        (grant_type,) = _required(form, "grant_type")
        if grant_type not in GRANTS:
            raise OAuthError("This grant_type is not supported.", code="unsupported_grant_type")
        with as_identity():
            return _as_answer(GRANTS[grant_type](form))


@blp.route("/revoke")
class Revoke(MethodView):
    @blp.public
    @blp.arguments(RevokeIn, location="form")
    @blp.response(200, RevokedTokenOut)
    @blp.alt_response(400, schema=OAuthErrorOut)
    @raises(400, "invalid_request")
    def post(self, form):
        """Ends the sign-in of a refresh token; access tokens end by themselves within minutes."""
        _refuse_repeated(RevokeIn)
        (token,) = _required(form, "token")
        with as_identity(), db.begin() as session:
            session_actions.revoke(session, token, now=utcnow())
        return {}


def _sign_in(form: Form) -> Granted:
    _required(form, "username", "password")
    username, password = request.form["username"], request.form["password"]  # as typed: they may be stored so
    return sign_in(Credentials(username, password, form.get("code") or None))


def _refresh(form: Form) -> Granted:
    (refresh_token,) = _required(form, "refresh_token")
    with db.begin() as session:  # a refusal is raised after it: ending a copied family must be committed
        granted = session_actions.renew(
            session, refresh_token, client=client_of_request(), settings=own_settings(), now=utcnow()
        )
    return granted or _refuse("The refresh token is not good any more.")


def _sign_in_machine(form: Form) -> Granted:
    client_id, client_secret = _client(form)
    now, granted, refusal = utcnow(), None, None
    with db.begin() as session:  # a refusal is raised after it: that it was refused must be committed
        try:
            granted = api_key_actions.sign_in_machine(
                session, client_id, client_secret, settings=own_settings(), now=now
            )
            outcome = Outcome.OK if granted else Outcome.WRONG_SECRET
        except Forbidden as failure:
            outcome, refusal = Outcome.TENANT_SUSPENDED, failure
        machines.record(session, client_id, outcome, client=client_of_request(), now=now)
    if granted is None:
        raise refusal or InvalidClient()
    return granted


GRANTS: Mapping[str, Callable[[Form], Granted]] = {
    "password": _sign_in,
    "refresh_token": _refresh,
    "client_credentials": _sign_in_machine,
}


def _client(form: Form) -> tuple[str, str]:
    """The client's credentials: in the form or as HTTP Basic, never both (RFC 6749, 2.3)."""
    basic = request.authorization
    if basic is None or basic.type != "basic":
        if not form.get("client_id") or not form.get("client_secret"):
            raise InvalidClient
        return form["client_id"], form["client_secret"]
    if form.get("client_secret"):
        raise OAuthError("Send the client's secret in one way only.")
    credentials = (unquote_plus(basic.username or ""), unquote_plus(basic.password or ""))
    if any("\x00" in part for part in credentials):
        raise InvalidClient
    return credentials


def _required(form: Form, *names: str) -> list[str]:
    """The parameters; one without a value counts as left out (RFC 6749, 3.2)."""
    missing = [name for name in names if not form.get(name)]
    if missing:
        raise OAuthError(f"Missing in the form: {', '.join(missing)}.")
    return [form[name] for name in names]


def _refuse_repeated(schema: type) -> None:
    """A known parameter given twice could mean two things; an unknown one means nothing (RFC 6749, 3.2)."""
    names = schema._declared_fields  # type: ignore[attr-defined]
    repeated = [name for name in names if len(request.form.getlist(name)) > 1]
    if repeated:
        raise OAuthError(f"Given more than once: {', '.join(repeated)}.")


def _as_answer(granted: Granted) -> dict[str, object]:
    answer = {"access_token": granted.access_token, "expires_in": granted.expires_in}
    return answer | ({"refresh_token": granted.refresh_token} if granted.refresh_token else {})


def _no_grant(detail: str) -> OAuthError:
    return OAuthError(detail, code="invalid_grant")


def _refuse(detail: str) -> Granted:
    raise _no_grant(detail)
