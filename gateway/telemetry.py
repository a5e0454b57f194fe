"""What the gateway counts and logs about every request."""

import logging

from prometheus_client import Counter, Gauge

from chassis.core import metrics
from chassis.core.logs import logger
from chassis.core.principal import Principal
from gateway.breaker import CLOSED, HALF_OPEN, OPEN
from gateway.request import Request

upstream_failures = Counter(
    "concord_gateway_upstream_failures_total", "Requests a service did not answer properly", ["service", "kind"]
)
upstream_in_flight = Gauge("concord_gateway_upstream_in_flight", "Requests a service is working on", ["service"])
breaker_state = Gauge(
    "concord_gateway_breaker_state", "Circuit of a service: 0 closed, 1 half-open, 2 open", ["service"]
)

_STATES = {CLOSED: 0, HALF_OPEN: 1, OPEN: 2}

log = logger("gateway.access")
_beneath = logging.getLogger("gateway.access")  # asked first, or every line would be put together before it is dropped


def note_breaker(service: str, state: str) -> None:
    breaker_state.labels(service).set(_STATES[state])
    log.warning("circuit changed", service=service, state=state)


def note_request(request: Request, status: int, seconds: float, *, access_log: bool) -> None:
    """Count a request when its answer begins; a streamed body is not waited for."""
    metrics.requests.labels(request.known_method, request.route, status).inc()
    metrics.latency.labels(request.known_method, request.route).observe(seconds)
    if access_log and _beneath.isEnabledFor(logging.INFO):
        log.info(
            "request",
            method=request.method,
            path=request.path,
            route=request.route,
            status=status,
            ms=round(seconds * 1000, 2),
            client=request.client,
            request_id=request.id,
            trace_id=request.traceparent[3:35],
            **_who(request.principal),
        )


def _who(principal: Principal | None) -> dict[str, str]:
    return {"tenant": str(principal.tenant_id), "user": str(principal.user_id)} if principal else {}
