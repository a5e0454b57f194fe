"""``/health/live``, ``/health/ready`` and ``/metrics`` of a service.

Live asks nothing of others. Ready means: the database answers and its schema is the one this code knows. A broker that
is away does not make a service unready: requests go on, events wait.
"""

from collections.abc import Callable, Sequence

from flask import Flask, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError

from chassis.core import metrics
from chassis.core.errors import Upstream
from chassis.core.logs import logger
from chassis.core.principal import Principal, acting_as
from chassis.data.database import Database
from chassis.messaging import relay, resequencer, retry_table

log = logger(__name__)


def add(
    app: Flask, service: str, database: Database, *, is_current: Callable[[], bool], ordered: Sequence[str]
) -> None:
    """Give ``app`` its health and metrics endpoints.

    Args:
        is_current: whether the database's schema is the one this code knows.
        ordered: the names of the service's ordered subscribers.
    """
    system = Principal.system(service)

    @app.get("/health/live")
    def live() -> Response:
        return jsonify(status="live")

    @app.get("/health/ready")
    def ready() -> Response:
        if not is_current():
            raise Upstream("The database's schema is not the one this code knows.", code="schema_outdated")
        return jsonify(status="ready")

    @app.get("/metrics")
    def prometheus() -> Response:
        try:
            with acting_as(system):
                _measure(database, ordered)
        except DBAPIError as error:
            log.warning("gauges keep their last values, the database does not answer", error=repr(error))
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _measure(database: Database, ordered: Sequence[str]) -> None:
    """Set the gauges that are read from the database."""
    with database.read() as session:
        waiting, age = relay.backlog(session)
        failed = retry_table.counts(session)
        early = resequencer.waiting(session)
    metrics.outbox_backlog.set(waiting)
    metrics.outbox_age.set(age)
    for state, count in failed.items():
        metrics.retry_rows.labels(state).set(count)
    for subscriber in ordered:
        count, seconds = early.get(subscriber, (0, 0.0))
        metrics.events_early.labels(subscriber).set(count)
        metrics.events_early_age.labels(subscriber).set(seconds)
