"""An answer with a secret is given once: an Idempotency-Key does not repeat it to whoever has only the access token."""

import re

import pytest
from marshmallow.fields import List, Nested

from concord import platform
from contracts.services import SERVICES
from tests.plugin import endpoints

SECRET = re.compile(r"secret(?!_until)|token|password|recovery_codes$|otpauth")
"""Fields of answers that open something, by their names."""


def views(app):
    """Every view below its method and path."""
    for rule in app.url_map.iter_rules():
        view_class = getattr(app.view_functions[rule.endpoint], "view_class", None)
        for method in view_class.methods if view_class else ():
            yield (method, rule.rule), getattr(view_class, method.lower())


def shows_secret(schema):
    for name, field in schema.fields.items():
        inner = field.inner if isinstance(field, List) else field
        if SECRET.search(name) and not name.endswith("_left"):
            return True
        if isinstance(inner, Nested) and shows_secret(inner.schema):
            return True
    return False


def answers_with_secret(view):
    """As flask-smorest has noted its answers."""
    documented = getattr(view, "_apidoc", {}).get("response", {}).get("responses", {})
    schemas = [answer.get("schema") for answers in documented.values() for answer in answers]
    return any(hasattr(schema, "fields") and shows_secret(schema) for schema in schemas)


@pytest.mark.parametrize("name", SERVICES)
def test_no_answer_with_a_secret_is_given_again(name, start_service):
    app = start_service(platform.load(name)).app
    access = endpoints(app)
    for (method, rule), view in views(app):
        if method == "POST" and access.get((method, rule)) and answers_with_secret(view):
            assert view.replay is False, f"{method} {rule}"


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("identity", "/api/v1/me/totp"),
        ("identity", "/api/v1/me/totp/confirm"),
        ("identity", "/api/v1/me/recovery-codes"),
        ("identity", "/api/v1/tenant/api-keys"),
        ("identity", "/api/v1/tenant/scim-token"),
        ("notifier", "/api/v1/webhooks"),
        ("notifier", "/api/v1/webhooks/<uuid:webhook_id>/rotate-secret"),
    ],
)
def test_the_rule_sees_the_secrets_that_there_are(name, rule, start_service):
    app = start_service(platform.load(name)).app
    assert answers_with_secret(dict(views(app))[("POST", rule)])
