"""What a client reads of every service: each operation stands in OpenAPI, and each code that it can branch on."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from chassis.http.openapi import METHODS, operation_id, path_of
from concord import platform
from tests.plugin import endpoints

SERVICES = Path(__file__).parents[2] / "services"
CODE = re.compile(r"[a-z]+(_[a-z]+)*", re.ASCII)


@pytest.fixture(params=platform.SERVICES)
def service(request):
    return platform.load(request.param)


@pytest.fixture
def app(service, start_service):
    return start_service(service).app


def document_of(app):
    with app.test_request_context():
        return app.view_functions["openapi"]().get_json()


@pytest.fixture
def document(app):
    return document_of(app)


def operations_of(document):
    return {
        (method, path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def codes_of(document):
    """Every code that stands in the description of an answer."""
    answers = (answer for operation in operations_of(document).values() for answer in operation["responses"].values())
    return {code for answer in answers for code in re.findall(r"`(\w+)`", answer.get("description", ""))}


def codes_raised(service_name):
    """Every code that the source of a service names: as an argument ``code=``, or as a family's ``default_code``."""
    for file in (SERVICES / service_name).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            is_argument = isinstance(node, ast.keyword) and node.arg == "code"
            is_default = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == "default_code"
            value = node.value.value if (is_argument or is_default) and isinstance(node.value, ast.Constant) else None
            if value and CODE.fullmatch(str(value)):
                yield value


def test_every_endpoint_stands_in_openapi_and_nothing_else_does(app, document):
    served = {(method.lower(), path_of(rule)) for method, rule in endpoints(app) if not rule.startswith("/internal/")}
    assert set(operations_of(document)) == served


def test_every_code_that_a_service_raises_stands_in_one_of_its_operations(service, document):
    raised = set(codes_raised(service.name))
    assert raised, "the codes are found by how they are written"
    assert raised <= codes_of(document)


def test_every_code_in_openapi_is_explained(document):
    """In ``docs/problems.md``, which says what a client can do about it; OAuth's own codes are RFC 6749's."""
    explained = set(re.findall(r"`(\w+)`", (SERVICES.parent / "docs" / "problems.md").read_text()))
    of_oauth = {"invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type"}
    answers = [
        answer["description"]
        for operation in operations_of(document).values()
        for status, answer in operation["responses"].items()
        if int(status) >= 400
    ]
    codes = {code for answer in answers for code in re.findall(r"`([a-z]+(?:_[a-z]+)*)`", answer)}
    assert codes - explained - of_oauth == set()


def test_a_refusal_by_the_role_the_feature_and_the_caller_stands_where_it_can_happen(document):
    """D5."""
    for place, operation in operations_of(document).items():
        answers = operation["responses"]
        assert ("401" in answers) >= bool(operation["security"]), place
        assert ("403" in answers) >= bool(operation["security"]), place
        assert "`rate_limited`" in answers["429"]["description"], place
        assert "default" not in answers, place


def test_every_post_says_what_an_idempotency_key_does(document):
    """D7."""
    for (method, path), operation in operations_of(document).items():
        description = operation.get("description", "")
        assert ("`Idempotency-Key`" in description) == (method == "post"), path
        acts_once = "it acts once" in description
        assert ("`idempotency_key_reused`" in operation["responses"].get("422", {}).get("description", "")) == acts_once


def test_an_operation_has_a_name_of_its_own_on_the_whole_platform(start_service):
    """Some paths mean another operation with an API key (D1); the platform's document has the one with a token."""
    places = defaultdict(set)
    for name in platform.SERVICES:
        app = start_service(platform.load(name)).app
        for place, operation in operations_of(document_of(app)).items():
            places[operation["operationId"]].add(place)
    assert {name: operations for name, operations in places.items() if len(operations) > 1} == {}


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("get", "/api/v1/tenant/users", "getTenantUsers"),
        ("patch", "/api/v1/tenant/users/{user_id}", "patchTenantUser"),
        ("post", "/api/v1/tenant/users/{user_id}/resend-invitation", "postTenantUserResendInvitation"),
        ("put", "/v2/tenants/{tenant_uid}/stores/{store_uid}", "putTenantStore"),
        ("get", "/.well-known/jwks.json", "getWellKnownJwksJson"),
    ],
)
def test_an_operation_is_named_after_its_method_and_path(method, path, name):
    assert operation_id(method, path) == name
