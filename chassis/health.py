"""``/health/live``, ``/health/ready`` and ``/metrics`` of a service.

Live asks nothing of others. Ready means: the database answers and its schema is the one this code knows. A broker that
is away does not make a service unready: requests go on, events wait.
"""

from typing import TYPE_CHECKING

from flask import Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError

from chassis import gate, metrics, migrate, parked, relay
from chassis.errors import Upstream
from chassis.identity import Principal, acting_as
from chassis.logs import logger

if TYPE_CHECKING:
    from chassis.service import Runtime

log = logger(__name__)


def add(app: Flask, runtime: "Runtime") -> None:
    """Give ``app`` its health and metrics endpoints."""
    system = Principal.system(runtime.service.name)

    @app.get("/health/live")
    def live() -> Response:
        return jsonify(status="live")

    @app.get("/health/ready")
    def ready() -> Response:
        if not migrate.is_current(runtime.service, runtime.database.engine):
            raise Upstream("The database's schema is not the one this code knows.", code="schema_outdated")
        return jsonify(status="ready")

    @app.get("/metrics")
    def prometheus() -> Response:
        try:
            with acting_as(system):
                _measure(runtime)
        except DBAPIError as error:
            log.warning("gauges keep their last values, the database does not answer", error=repr(error))
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _measure(runtime: "Runtime") -> None:
    """Set the gauges that are read from the database."""
    with runtime.database.read() as session:
        waiting, age = relay.backlog(session)
        failed = parked.counts(session)
        early = gate.waiting(session)
    metrics.outbox_backlog.set(waiting)
    metrics.outbox_age.set(age)
    for state, count in failed.items():
        metrics.events_waiting.labels(state).set(count)
    for subscriber in (subscriber.name for subscriber in runtime.service.listeners if subscriber.ordered):
        count, seconds = early.get(subscriber, (0, 0.0))
        metrics.events_early.labels(subscriber).set(count)
        metrics.events_early_age.labels(subscriber).set(seconds)
