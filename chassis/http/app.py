"""A service's HTTP side: verified caller, guarded endpoints, problems instead of pages, OpenAPI.

A view gets the decoded value of each segment of the path, whatever letters it has (``chassis.http.routing``).
"""

import re
import time
from collections.abc import Iterable, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, cast

import flask_smorest
import orjson
import structlog
from flask import Flask, Response, current_app, g, jsonify, request
from flask.json.provider import DefaultJSONProvider
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from chassis.core import context, errors, metrics
from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.core.principal import set_caller
from chassis.data.database import Database
from chassis.data.errors import is_away, is_busy
from chassis.http import error_formats, idempotency, identity, openapi, parsing, routing, versions
from chassis.http.blueprints import Blueprint
from chassis.http.client import ServiceClient
from chassis.http.error_formats import PROBLEM, ErrorFormat
from chassis.http.identity import Verifier

MAX_BODY = 1024 * 1024

log = logger(__name__)


class Api(flask_smorest.Api):
    """Answers failures as every application here does, not in flask-smorest's own format."""

    def handle_http_exception(self, error: HTTPException) -> Response:
        return _answer_failure(error)


class _JsonProvider(DefaultJSONProvider):
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
            body = orjson.dumps(answer, self.default, self.OPTIONS)
        except orjson.JSONEncodeError:  # such as a number beyond 64 bits: slowly, but the same for everything
            return cast(Response, super().response(answer))
        return Response(body, mimetype=self.mimetype)


def create_app(name: str, verifier: Verifier, database: Database, client: ServiceClient, secret: bytes) -> Flask:
    """A Flask application without endpoints yet.

    Args:
        verifier: decides whose identity counts.
        secret: 32 bytes that hide stored answers (``chassis.http.idempotency``).
    """
    app = routing.App(name)
    app.config |= {
        "API_TITLE": f"Concord {name}",
        "API_VERSION": "v1",
        "OPENAPI_VERSION": "3.0.3",
        "MAX_CONTENT_LENGTH": MAX_BODY,
        "PROPAGATE_EXCEPTIONS": False,
    }
    app.json = _JsonProvider(app)
    app.extensions["error_format_of"] = lambda _path: None
    app.extensions["database"] = database
    app.extensions["client"] = client
    app.extensions["sealer"] = idempotency.Sealer(secret)
    app.before_request(_begin_request)
    app.before_request(lambda: parsing.normalise_path(request))
    app.before_request(lambda: _identify(verifier))
    app.after_request(_end_request)
    app.teardown_request(lambda _error: set_caller(None))
    for kind in (errors.Failure, HTTPException, StaleDataError, IntegrityError, Exception):
        app.register_error_handler(kind, _answer_failure)
    return app


def mount(app: Flask, blueprints: Sequence[Blueprint]) -> None:
    """Register the service's endpoints and serve their OpenAPI document at ``/openapi.json``."""
    api = Api(app)
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    app.extensions["error_formats"] = _by_prefix(blueprints)
    document = openapi.document(api.spec.to_dict(), app)
    app.add_url_rule("/openapi.json", "openapi", lambda: jsonify(document))


def _by_prefix(blueprints: Iterable[Blueprint]) -> list[tuple[re.Pattern[str], ErrorFormat]]:
    """Which error format belongs to a path, the longest prefix first."""
    prefixes = {blueprint.url_prefix or "": blueprint.error_format for blueprint in blueprints}
    longest_first = sorted(prefixes, key=lambda prefix: prefix.count("/"), reverse=True)
    return [(re.compile(routing.pattern_of(prefix) + r"(?:/|\Z)"), prefixes[prefix]) for prefix in longest_first]


def _error_format() -> ErrorFormat:
    """The error format of the request at hand; what has no endpoint goes by its path, as it stands in the table."""
    blueprint = current_app.blueprints.get(request.blueprint or "")
    if isinstance(blueprint, Blueprint):
        return blueprint.error_format
    by_prefix = current_app.extensions.get("error_formats", ())
    of_prefix = next((shape for prefix, shape in by_prefix if prefix.match(request.path)), None)
    return of_prefix or current_app.extensions["error_format_of"](request.path) or PROBLEM


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
    set_caller(None)
    g.sender = None
    if token := request.headers.get(identity.HEADER):
        principal, g.sender = verifier.verify(token)
        set_caller(principal)
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


def _answer_failure(error: Exception) -> Response:
    failure = _as_failure(error)
    answer = error_formats.write(
        _error_format(), failure, request_id=context.request_id.get(), path=request.path, now=utcnow()
    )
    response = Response(answer.body) if isinstance(answer.body, str) else jsonify(answer.body)
    response.status_code = answer.status
    response.content_type = answer.media_type
    response.headers.extend({**failure.headers, **answer.headers})
    return response


def _as_failure(error: Exception) -> errors.Failure:
    if isinstance(error, errors.Upstream):
        log.warning("something that the answer needs is away", error=repr(error.__cause__ or error))
    if isinstance(error, errors.Failure):
        return error
    if isinstance(error, HTTPException) and error.code:
        return _from_http(error)
    if isinstance(error, StaleDataError):
        return errors.Stale("Somebody else changed this at the same moment.")
    if is_away(error):
        log.warning("database away", error=repr(error))
        return errors.Upstream("The database cannot be reached right now.", code="database_unavailable")
    if is_busy(error):
        log.warning("database busy", error=repr(error))
        return errors.Upstream("The database is busy right now.", code="database_busy", retry_after=1)
    if isinstance(error, IntegrityError):
        log.warning("integrity error", error=str(error.orig))
        return errors.Conflict("This conflicts with a change made at the same moment.")
    log.error("unexpected failure", exc_info=error)
    return errors.Failure("Something went wrong on our side. The error has been logged.")


def _from_http(error: HTTPException) -> errors.Failure:
    return errors.Failure(
        error.description,
        code=(error.name or "error").lower().replace(" ", "_"),
        status=HTTPStatus(error.code or 500),
        headers={name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")},
    )
