"""A service's HTTP side: verified caller, guarded endpoints, problems instead of pages, OpenAPI.

A view is reached only through :meth:`Blueprint.allow`, which refuses in the order of D5: not signed in 401, feature
off 403, role not allowed 403; what the caller may not see is 404 further in.

A view gets the decoded value of each segment of the path, whatever letters it has (``chassis.routing``).
"""

import functools
import re
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, TypeVar, cast

import flask_smorest
import orjson
import structlog
from flask import Flask, Response, current_app, g, jsonify, request
from flask.json.provider import DefaultJSONProvider
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy

from chassis import context, error_bodies, errors, idempotency, identity, metrics, openapi, parsing, routing, versions
from chassis.client import ServiceClient
from chassis.clock import utcnow
from chassis.database import Database
from chassis.identity import Role, Verifier, caller
from chassis.logs import logger
from chassis.refusals import is_away, is_busy

F = TypeVar("F", bound=Callable[..., Any])
MAX_BODY = 1024 * 1024

log = logger(__name__)

db: Database = cast(Database, LocalProxy(lambda: current_app.extensions["database"]))
"""The database of the service that answers the request at hand."""

neighbours: ServiceClient = cast(ServiceClient, LocalProxy(lambda: current_app.extensions["client"]))
"""The other services, as the caller of the request at hand may ask them."""


class Blueprint(flask_smorest.Blueprint):
    """Endpoints of one resource.

    Args:
        feature: the tenant flag that gates all of them (S0-1).
        error_body: the shape of every refusal under the prefix, by its name in ``chassis.error_bodies``.
    """

    ARGUMENTS_PARSER = parsing.Parser()

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        feature: str | None = None,
        error_body: str = error_bodies.PROBLEM,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, import_name, **kwargs)
        if error_body not in error_bodies.ERROR_BODIES:
            raise ValueError(f"there is no error body called {error_body}")
        self.feature = feature
        self.error_body = error_body

    def allow(self, *roles: Role) -> Callable[[F], F]:
        """Let callers of these roles in, any signed-in caller when none is named. Write it above everything else.

        It also makes a POST with an ``Idempotency-Key`` act once.
        """

        def check() -> None:
            who = caller()
            if self.feature and self.feature not in who.features:
                raise errors.Forbidden(f"The feature '{self.feature}' is not enabled.", code="feature_disabled")
            if roles and who.role not in roles:
                raise errors.Forbidden("Your role does not allow this.")

        return self._guard(check, roles)

    def allow_senders(self, *senders: str) -> Callable[[F], F]:
        """Let only these of our own processes in: an internal endpoint, which the gateway does not route."""

        def check() -> None:
            who = caller()
            if g.sender not in senders or (g.sender == "gateway" and not who.is_system):
                raise errors.Forbidden("Only for other services.")

        return self._guard(check, (Role.SYSTEM,))

    def public(self, view: F) -> F:
        """Let everybody in, signed in or not. A ``PublicSchema`` reads the query; without one it is ignored (D64)."""
        view.access = ()  # type: ignore[attr-defined]
        return view

    def _guard(self, check: Callable[[], None], roles: Iterable[Role]) -> Callable[[F], F]:
        def decorate(view: F) -> F:
            declared = _declared_locations(view)

            @functools.wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                check()
                parsing.refuse_undeclared(request, declared)
                if request.method == "POST":
                    return idempotency.once(db, functools.partial(view, *args, **kwargs))
                return view(*args, **kwargs)

            guarded.access = tuple(roles) or ("everybody signed in",)  # type: ignore[attr-defined]
            return cast(F, guarded)

        return decorate


def _declared_locations(view: Callable[..., Any]) -> set[str]:
    """Where the arguments of a view come from, as flask-smorest has noted them."""
    parameters = getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", [])
    return {parameter["in"] for parameter in parameters}


class Api(flask_smorest.Api):
    """Keeps flask-smorest from making error answers of its own; they are all problems."""

    def _register_error_handlers(self) -> None:
        pass


def create_app(name: str, verifier: Verifier, database: Database, client: ServiceClient, secret: bytes) -> Flask:
    """A Flask application without endpoints yet.

    Args:
        verifier: decides whose identity counts.
        secret: 32 bytes that hide stored answers (``chassis.idempotency``).
    """
    app = routing.App(name)
    app.config |= {
        "API_TITLE": f"Concord {name}",
        "API_VERSION": "v1",
        "OPENAPI_VERSION": "3.0.3",
        "MAX_CONTENT_LENGTH": MAX_BODY,
        "PROPAGATE_EXCEPTIONS": False,
    }
    app.json = Json(app)
    app.extensions["database"] = database
    app.extensions["client"] = client
    app.extensions["sealer"] = idempotency.Sealer(secret)
    app.before_request(_begin_request)
    app.before_request(lambda: parsing.normalise_path(request))
    app.before_request(lambda: _identify(verifier))
    app.after_request(_end_request)
    app.teardown_request(_forget)
    for kind in (errors.Failure, HTTPException, StaleDataError, IntegrityError, Exception):
        app.register_error_handler(kind, _answer_failure)
    return app


def mount(app: Flask, blueprints: Sequence[Blueprint]) -> None:
    """Register the service's endpoints and serve their OpenAPI document at ``/openapi.json``."""
    api = Api(app)
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    app.extensions["error_bodies"] = _by_prefix(blueprints)
    document = openapi.document(api.spec.to_dict(), app)
    app.add_url_rule("/openapi.json", "openapi", lambda: jsonify(document))


def _by_prefix(blueprints: Iterable[Blueprint]) -> list[tuple[re.Pattern[str], str]]:
    """Which error body belongs to a path, the longest prefix first."""
    prefixes = {blueprint.url_prefix or "": blueprint.error_body for blueprint in blueprints}
    found = []
    for prefix in sorted(prefixes, key=lambda prefix: prefix.count("/"), reverse=True):
        literals = [re.escape(part) for part in re.split(r"<[^<>]*>", prefix)]
        found.append((re.compile("[^/]+".join(literals) + r"(?:/|\Z)"), prefixes[prefix]))
    return found


def _error_body() -> str:
    """The error body of the request at hand; what has no endpoint goes by its path, as it stands in the table."""
    blueprint = current_app.blueprints.get(request.blueprint or "")
    if isinstance(blueprint, Blueprint):
        return blueprint.error_body
    by_prefix = current_app.extensions.get("error_bodies", ())
    named = next((name for prefix, name in by_prefix if prefix.match(request.path)), None)
    return named or error_bodies.of_path(request.path) or error_bodies.PROBLEM


def _begin_request() -> None:
    g.started = time.perf_counter()
    context.request_id.set(context.accept_request_id(request.headers.get("X-Request-Id")))
    context.traceparent.set(context.accept_traceparent(request.headers.get("traceparent")))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        request_id=context.request_id.get(), trace_id=(context.traceparent.get() or "").split("-")[1]
    )


def _identify(verifier: Verifier) -> None:
    """Take over the caller's signed identity where there is one; an endpoint that needs it asks ``caller()``."""
    identity.set_caller(None)
    g.sender = None
    if token := request.headers.get(identity.HEADER):
        principal, g.sender = verifier.verify(token)
        identity.set_caller(principal)
        structlog.contextvars.bind_contextvars(tenant_id=str(principal.tenant_id))


def _end_request(response: Response) -> Response:
    versions.tag(response)
    if request.method == "OPTIONS":
        response.headers.pop("Content-Type", None)  # there is no body, so no page either
    response.headers["X-Request-Id"] = context.request_id.get() or ""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    route = request.url_rule.rule if request.url_rule else "none"
    seconds = time.perf_counter() - g.started
    metrics.requests.labels(request.method, route, response.status_code).inc()
    metrics.latency.labels(request.method, route).observe(seconds)
    log.info("answered", method=request.method, route=route, status=response.status_code, ms=round(seconds * 1000, 1))
    return response


def _forget(_error: BaseException | None) -> None:
    identity.set_caller(None)


def _answer_failure(error: Exception) -> Response:
    failure = _as_failure(error)
    written = error_bodies.write(
        _error_body(), failure, request_id=context.request_id.get(), path=request.path, now=utcnow()
    )
    response = jsonify(written.body)
    response.status_code = written.status
    response.content_type = written.media_type
    response.headers.extend(failure.headers)
    return response


def _as_failure(error: Exception) -> errors.Failure:
    if isinstance(error, errors.Failure):
        return error
    if isinstance(error, HTTPException) and error.code:
        return _from_http(error)
    if isinstance(error, StaleDataError):
        return errors.Stale("This was changed by somebody else at the same moment.")
    if is_away(error):
        log.warning("database away", error=repr(error))
        return errors.Upstream("The database cannot be reached just now.", code="database_unavailable")
    if is_busy(error):
        log.warning("database busy", error=repr(error))
        return errors.Upstream("The database is busy just now.", code="database_busy", retry_after=1)
    if isinstance(error, IntegrityError):
        log.warning("integrity error", error=str(error.orig))
        return errors.Conflict("This clashes with a change made at the same moment.")
    log.error("unexpected failure", exc_info=error)
    return errors.Failure("Something went wrong on our side; it has been written down.")


def _from_http(error: HTTPException) -> errors.Failure:
    failure = errors.Failure(error.description, code=(error.name or "error").lower().replace(" ", "_"))
    failure.status = HTTPStatus(error.code or 500)
    failure.headers |= {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return failure


class Json(DefaultJSONProvider):
    """JSON answers in the order of their schemas; a ``Decimal`` becomes an equal number, as far as 15 digits go."""

    sort_keys = False
    OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS

    @staticmethod
    def default(value: Any) -> Any:
        if isinstance(value, Decimal):
            return int(value) if value == value.to_integral_value() else float(value)
        return DefaultJSONProvider.default(value)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        answer = self._prepare_response_obj(args, kwargs)
        try:
            written = orjson.dumps(answer, self.default, self.OPTIONS)
        except orjson.JSONEncodeError:  # such as a number beyond 64 bits: slowly, but the same for everything
            return cast(Response, super().response(answer))
        return Response(written, mimetype=self.mimetype)
