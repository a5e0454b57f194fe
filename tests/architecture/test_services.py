"""What must hold in every service, read from its declaration."""

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from chassis.data import migrate
from chassis.data.base import ChassisBase
from chassis.messaging.broker.topic import matches
from chassis.process import worker
from concord import platform
from contracts.error_formats import ERROR_FORMATS
from contracts.features import FEATURES
from gateway.routes import KEY_ROUTES, ROUTES, Table
from tests.plugin import endpoints


@pytest.fixture(params=platform.SERVICES)
def service(request):
    return platform.load(request.param)


def test_models_and_migrations_agree(service, start_service):
    running = start_service(service)
    tables = {*service.metadata.tables, *ChassisBase.metadata.tables}
    with running.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, [ChassisBase.metadata, service.metadata])
        # A search index over an expression stands in the migration alone: only PostgreSQL has it.
        assert [one for one in differences if not (one[0] == "remove_index" and one[1].name.endswith("_search"))] == []
        assert set(inspect(connection).get_table_names()) == tables | {"alembic_version"}
    assert migrate.is_current(service, running.database.engine)


def test_a_refused_body_is_thrown_away_whole_however_large_the_gateway_lets_it_be():
    assert max(route.max_body or 0 for route in (*ROUTES, *KEY_ROUTES)) == worker.LEFTOVER


def test_every_route_is_guarded(service, start_service):
    app = start_service(service).app
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/health") or rule.rule in ("/metrics", "/openapi.json"):
            continue
        view_class = getattr(app.view_functions[rule.endpoint], "view_class", None)
        assert view_class is not None, rule.rule
        for method in view_class.methods:
            assert hasattr(getattr(view_class, method.lower()), "access"), f"{method} {rule.rule} is not guarded"


def test_every_guarded_route_refuses_who_is_not_signed_in(service, start_service):
    running = start_service(service)
    nobody = running.client(None)
    for (method, rule), access in endpoints(running.app).items():
        if access:
            concrete = "/".join(
                "00000000-0000-0000-0000-000000000001" if part.startswith("<") else part for part in rule.split("/")
            )
            answer = nobody.open(concrete, method=method)
            assert answer.status_code == 401, (method, rule)
            assert answer.content_type in {shape.media_type for shape in ERROR_FORMATS}


def test_every_endpoint_has_a_route_with_its_own_error_format(service, start_service):
    """And the gateway gates by no other feature than the service; what is internal has no route."""
    app = start_service(service).app
    tables = (Table(development=True), Table(KEY_ROUTES))
    for rule in app.url_map.iter_rules():
        blueprint = app.blueprints.get(rule.endpoint.rpartition(".")[0])
        if blueprint is None:
            continue
        concrete = re.sub(r"<[^<>]*>", "x", rule.rule)
        routes = [route for table in tables if (route := table.find(concrete)) and route.service == service.name]
        assert bool(routes) != rule.rule.startswith("/internal/"), rule.rule
        for route in routes:
            assert route.error_format == blueprint.error_format, rule.rule
            assert route.feature in (None, blueprint.feature), rule.rule


def test_features_are_known(service):
    assert {blueprint.feature for blueprint in service.blueprints} <= {*FEATURES, None}


def test_events_are_named_after_their_service_and_versioned(service):
    for event in service.events:
        owner, name, version = event.event_type.split(".")
        assert owner == service.name
        assert name == event.__name__
        assert version.startswith("v")
        assert version[1:].isdigit()
        assert event.__doc__
        assert event.__dataclass_params__.frozen


def test_every_subscription_has_a_publisher(service):
    """Of its version, or of a later one: what was published before may still be under way."""
    published = {event.event_type for name in platform.SERVICES for event in platform.load(name).events}
    newest = {}
    for name, _, version in (event_type.rpartition(".v") for event_type in published):
        newest[name] = max(newest.get(name, 0), int(version))
    for pattern in (pattern for subscriber in service.listeners for pattern in subscriber.patterns):
        name, _, version = pattern.rpartition(".v")
        is_old = version.isdigit() and int(version) <= newest.get(name, 0)
        assert is_old or any(matches(pattern, event_type) for event_type in published), pattern


def test_subscribers_are_named_after_their_service(service):
    names = [subscriber.name for subscriber in service.listeners]
    assert len(set(names)) == len(names)
    assert all(name == service.name or name.startswith(f"{service.name}.") for name in names)
