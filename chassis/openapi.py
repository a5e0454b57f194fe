"""Completes the OpenAPI document that flask-smorest makes: who may call, and every refusal an endpoint can give."""

import re
from typing import Any

from flask import Flask

from chassis.errors import MEDIA_TYPE

READ_PROBLEMS = (400, 401, 403, 404, 422, 429, 502, 503, 504)
WRITE_PROBLEMS = (*READ_PROBLEMS, 409, 412, 413, 415, 428)
METHODS = ("get", "put", "post", "delete", "patch")

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem details. `code` is stable; `errors` names fields.",
    "required": ["type", "title", "status", "detail", "code", "requestId"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "requestId": {"type": "string", "nullable": True},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def document(spec: dict[str, Any], app: Flask) -> dict[str, Any]:
    """The finished document of a service; internal endpoints are left out."""
    spec["paths"] = {path: item for path, item in spec["paths"].items() if not path.startswith("/internal/")}
    components = spec.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    components.setdefault("securitySchemes", {})["bearer"] = {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
    }
    guards = _guards(app)
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                _complete(item[method], method, guards.get((path, method), ()))
    return spec


def _complete(operation: dict[str, Any], method: str, roles: tuple[str, ...]) -> None:
    responses = operation.setdefault("responses", {})
    responses.pop("default", None)
    for status in READ_PROBLEMS if method == "get" else WRITE_PROBLEMS:
        _describe_problem(responses, str(status))
    operation["security"] = [{"bearer": []}] if roles else []
    if roles:
        operation["description"] = f"{operation.get('description', '')}\n\nFor: {', '.join(roles)}.".strip()


def _describe_problem(responses: dict[str, Any], status: str) -> None:
    """Say that ``status`` may come as a problem, beside whatever else a view has described for it."""
    described = responses.get(status, {})
    if "$ref" in described:  # flask-smorest's own error body, which we never send
        described = {}
    content = described.get("content", {}) | {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses[status] = {"description": described.get("description", "A problem."), "content": content}


def _guards(app: Flask) -> dict[tuple[str, str], tuple[str, ...]]:
    """Who may call each documented operation, read from the views."""
    found = {}
    for rule in app.url_map.iter_rules():
        view_class = getattr(app.view_functions[rule.endpoint], "view_class", None)
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in METHODS:
            if view := getattr(view_class, method, None):
                found[path, method] = view.access
    return found
