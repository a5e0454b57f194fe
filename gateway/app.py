"""Puts the gateway together and answers every request: route, credential, limits, flag, then the service."""

from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from time import monotonic, perf_counter
from typing import Any

from chassis.core.errors import Failure, Forbidden, NotFound, Unauthorized
from chassis.core.logs import logger
from chassis.core.principal import Principal
from chassis.http import paths
from chassis.http.client import ServiceClient
from chassis.http.error_formats import PROBLEM, ErrorFormat
from chassis.http.identity import Signer
from chassis.process.background import Background
from chassis.process.settings import Settings
from contracts.error_formats import MERCHANT, of_path
from contracts.roles import Role
from contracts.services import GATEWAY, IDENTITY
from gateway import cors, telemetry
from gateway import settings as gateway_settings
from gateway.access import POLL_SECONDS, Access
from gateway.answers import STATUS_LINES, Answer, of_failure
from gateway.api_keys import REPORT_SECONDS, ApiKeys
from gateway.credentials import Credentials
from gateway.limiting import Limit, Limiter
from gateway.openapi import Catalogue
from gateway.own_endpoints import PROBES, OwnEndpoints
from gateway.proxy import Proxy
from gateway.refused_credentials import RefusedCredentials
from gateway.replay_guard import replay_guard
from gateway.request import METHODS, Environ, Request
from gateway.routes import KEY_ROUTES, Route, Table, split_target
from gateway.settings import TENANT_ROLES, GatewaySettings, Issuer
from gateway.signatures import KEEP, Signatures, UnknownKey, carries_key
from gateway.upstream import Upstream

READ_TIMEOUT = 2.0  # seconds identity has for an answer that a request waits for
READY_WITHOUT_IDENTITY = 10.0

log = logger("gateway")


class Gateway:
    """The WSGI application. ``close`` ends its threads and connections."""

    def __init__(self, settings: Settings, ours: GatewaySettings) -> None:
        self._settings = ours
        self._table = Table(development=settings.development)
        self._key_table = Table(KEY_ROUTES)
        signer = Signer(settings.keys, GATEWAY)
        new_client = partial(
            ServiceClient,
            settings.services,
            signer,
            as_whom=lambda: Principal.system(GATEWAY),
            read_timeout=READ_TIMEOUT,
        )
        client = new_client()
        self._access = Access(new_client())  # one of its own: a flood of API keys must not delay a revocation
        issuers = [_identity_as_issuer(ours.issuer, settings.services.get(IDENTITY, "")), *ours.oidc_issuers]
        self._credentials = Credentials(issuers, self._access, client.http.get)
        self._limiter = Limiter(ours.limits_url)
        api_keys = ApiKeys(client)
        self._signatures = Signatures(api_keys, self._access, replay_guard(self._limiter.storage, KEEP))
        self._per_tenant = Limit("tenant", ours.tenant_limit)
        self._per_address = Limit("address", ours.address_limit)
        self._refused_credentials = RefusedCredentials(self._limiter, ours.sign_in_limit)
        self._per_api_key = Limit("api-key", ours.sign_in_limit)
        in_flight = ours.in_flight or max(1, settings.threads * 3 // 4)
        self._upstreams = {
            name: Upstream(name, settings.services[name], ours, in_flight)
            for name in {*self._table.services, *self._key_table.services}
            if name in settings.services
        }
        self._proxy = Proxy(self._upstreams, signer, ours)
        catalogue = Catalogue(self._table, self._key_table, client, settings.public_url)
        self._started = monotonic()
        self._own = OwnEndpoints(catalogue, ours.metrics_from, self._is_ready, development=settings.development)
        self._background = Background(longest_pause=1.0, tolerated=3)
        self._background.repeat("access", POLL_SECONDS, self._access.poll)
        self._background.repeat("keys", 1.0, self._credentials.refresh_keys)
        self._background.repeat("used API keys", REPORT_SECONDS, api_keys.report)

    def close(self) -> None:
        self._background.stop()
        for upstream in self._upstreams.values():
            upstream.close()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = perf_counter()
        request = Request(environ, self._settings.trusted_proxies)
        try:
            answer = self._answer(request)
        except Failure as failure:
            answer = of_failure(failure, request)
        except Exception as error:
            log.error("request failed", request_id=request.id, path=request.path, exc_info=error)
            answer = of_failure(Failure(), request)
        seconds = perf_counter() - started
        telemetry.note_request(request, answer.status, seconds, access_log=self._settings.access_log)
        start_response(STATUS_LINES[answer.status], self._headers_of(answer, request))
        return answer.body

    def _answer(self, request: Request) -> Answer:
        request.error_format = self._error_format(request)
        if request.method not in METHODS:
            raise Failure(
                "This method is not supported.",
                status=HTTPStatus.METHOD_NOT_ALLOWED,
                code="method_not_allowed",
                headers={"Allow": ", ".join(METHODS)},
            )
        request.raw_path, request.query = split_target(request.target)
        request.path = self._plain(request.raw_path)
        preflight = cors.preflight(request, self._settings.cors_origins)
        if preflight:
            return preflight
        routes = (table.find(request.path) for table in self._tables(request))
        route = next((route for route in routes if route), None)
        if route is None:
            return self._answer_ourselves(request)
        request.route, request.error_format = route.path, route.error_format
        self._admit(request, route)
        answer = self._proxy.forward(request, route)
        self._refused_credentials.note(request, route, answer)
        return answer

    def _plain(self, raw_path: str) -> str:
        """The path in its one encoding (``chassis.http.paths``).

        Needless escapes are allowed in ids only. The fixed words of a route must not be escaped, so that a proxy in
        front of the gateway that filters by path sees the same path as the gateway.
        """
        path = paths.plain(raw_path)
        if raw_path != path and self._found_at(raw_path) != self._found_at(path):
            raise paths.BadPath("The path escapes a character that must not be escaped.")
        return path

    def _found_at(self, path: str) -> tuple[Any, ...]:
        return self._key_table.find(path), self._table.find(path), self._own.find(path)

    def _error_format(self, request: Request) -> ErrorFormat:
        """The error format of a request whose route is not known yet, or that has none."""
        formats = (table.error_format(request.target) for table in self._tables(request))
        of_route = next((error_format for error_format in formats if error_format), None)
        return of_route or of_path(request.target) or (MERCHANT if carries_key(request.environ) else PROBLEM)

    def _tables(self, request: Request) -> tuple[Table, Table]:
        """Tables in the order of look-up. A signed request is looked up in the table of API keys first (D1)."""
        tables = (self._table, self._key_table)
        return tables[::-1] if carries_key(request.environ) else tables

    def _is_ready(self) -> bool:
        """Ready once tenants and revocations are known; after a while also without, or no gateway could start while
        identity is away."""
        return self._access.loaded or monotonic() - self._started > READY_WITHOUT_IDENTITY

    def _answer_ourselves(self, request: Request) -> Answer:
        endpoint = self._own.find(request.path)
        if endpoint is None:
            raise NotFound("There is nothing at this address.")
        request.route = endpoint
        if endpoint not in PROBES:
            self._limiter.count(self._per_address, request.network)
        return self._own.answer(request)

    def _admit(self, request: Request, route: Route) -> None:
        """Check credential, limits and flag of a request, in the order of D5: 401 comes before the flag's 403."""
        if route.public:
            if not route.development:
                self._limiter.count(self._per_address, request.network)
            self._refused_credentials.check(request, route)
            return
        request.principal = principal = self._principal(request, route)
        if self._access.is_suspended(principal.tenant_id):
            raise Forbidden("This company's access to the platform is suspended.", code="tenant_suspended")
        if principal.setup and not route.setup:
            raise Forbidden("Set up a second factor first.", code="second_factor_setup_required")
        self._limiter.count(self._per_tenant, str(principal.tenant_id))
        if route.feature and route.feature not in principal.features:
            raise Forbidden(f"The feature '{route.feature}' is not enabled.", code="feature_disabled")

    def _principal(self, request: Request, route: Route) -> Principal:
        try:
            if route.by_key:
                return self._principal_by_key(request, route)
            if "HTTP_X_API_KEY" in request.environ:
                raise Unauthorized("API keys are not accepted here.")
            return self._credentials.principal(request.environ.get("HTTP_AUTHORIZATION"))
        except Unauthorized:
            self._limiter.count(self._per_address, request.network)
            raise

    def _principal_by_key(self, request: Request, route: Route) -> Principal:
        read_body = partial(self._proxy.body_of, request, route)
        may_ask = partial(self._limiter.check, self._per_api_key, request.network)
        try:
            return self._signatures.principal(request.environ, read_body, may_ask)
        except UnknownKey:
            self._limiter.note(self._per_api_key, request.network)
            raise

    def _headers_of(self, answer: Answer, request: Request) -> list[tuple[str, str]]:
        """The headers of an answer, with those that the gateway adds to every answer."""
        return [
            *((name, value) for name, value in answer.headers if name.lower() != "x-content-type-options"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Request-Id", request.id),
            *cors.headers_for(request, self._settings.cors_origins),
        ]


def create_app(settings: Settings, ours: GatewaySettings | None = None) -> Gateway:
    """The gateway of one process, with its background threads running; call it in the process that serves."""
    ours = ours or gateway_settings.load()
    if not settings.development and ours.limits_url.startswith("memory:"):
        log.warning("limits and used signatures are known to this process only: no second gateway may run")
    return Gateway(settings, ours)


def _identity_as_issuer(issuer: str, identity: str) -> Issuer:
    return Issuer(
        issuer=issuer,
        jwks_uri=f"{identity.rstrip('/')}/.well-known/jwks.json",
        audience="concord",
        algorithms=("EdDSA",),
        claims={},
        roles=TENANT_ROLES | {Role.PLATFORM_ADMIN},
        ours=True,
    )
