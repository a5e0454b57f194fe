"""Completes the OpenAPI document that flask-smorest makes: who may call, and every refusal an endpoint can give."""

import re
from typing import Any

from flask import Flask

from chassis.http.error_formats import PROBLEM, ErrorFormat

READ_PROBLEMS = (400, 401, 403, 404, 422, 429, 502, 503, 504)
WRITE_PROBLEMS = (*READ_PROBLEMS, 409, 412, 413, 415, 428)
NO_VALIDATION = {(422, method) for method in ("get", "put", "delete", "patch")}
BOUNDS = ("minimum", "maximum")
METHODS = ("get", "put", "post", "delete", "patch")


def document(spec: dict[str, Any], app: Flask) -> dict[str, Any]:
    """The finished document of a service; internal endpoints are left out."""
    spec["paths"] = {path: item for path, item in spec["paths"].items() if not path.startswith("/internal/")}
    _describe_amounts_as_text(spec)
    components = spec.setdefault("components", {})
    operations = _operations(app)
    for shape in (PROBLEM, *(shape for _, shape in operations.values())):
        components.setdefault("schemas", {})[shape.component] = dict(shape.schema)
    components.setdefault("securitySchemes", {})["bearer"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                _complete(item[method], method, *operations[path, method])
    return spec


def _describe_amounts_as_text(node: Any) -> None:
    """An amount whose bounds come out as text is itself answered as text, which apispec calls a number."""
    if isinstance(node, list):
        for item in node:
            _describe_amounts_as_text(item)
    elif isinstance(node, dict):
        if any(isinstance(node.get(bound), str) for bound in BOUNDS):
            for bound in BOUNDS:
                node.pop(bound, None)
            node["type"] = "string"
        for item in node.values():
            _describe_amounts_as_text(item)


def _complete(described: dict[str, Any], method: str, roles: tuple[str, ...], shape: ErrorFormat) -> None:
    theirs = described.get("responses", {})
    # Not flask-smorest's own errors, which we never send: those of its default, and of arguments as 422.
    responses = described["responses"] = {status: answer for status, answer in theirs.items() if "$ref" not in answer}
    for status in READ_PROBLEMS if method == "get" else WRITE_PROBLEMS:
        # Where 400 stands for validation, 422 is left to idempotency keys.
        if status != shape.invalid and (status, method) in NO_VALIDATION:
            continue
        _describe_refusal(responses, str(status), shape)
    if any(parameter.get("in") == "query" for parameter in described.get("parameters", ())):
        _describe_refusal(responses, "414", PROBLEM)  # by whoever reads the request line, before anybody knows the path
    described["security"] = [{"bearer": []}] if roles else []
    if roles:
        described["description"] = f"{described.get('description', '')}\n\nFor: {', '.join(roles)}.".strip()


def _describe_refusal(responses: dict[str, Any], status: str, shape: ErrorFormat) -> None:
    """Add this error format to what a view has described for ``status``."""
    described = responses.get(status, {})
    content = described.get("content", {}) | {shape.media_type: {"schema": shape.reference}}
    responses[status] = {"description": "A problem.", **described, "content": content}


_Operation = tuple[tuple[str, ...], ErrorFormat]  # who may call, and how it refuses


def _operations(app: Flask) -> dict[tuple[str, str], _Operation]:
    """Who may call each documented operation and how it refuses, read from the views."""
    operations = {}
    for rule in app.url_map.iter_rules():
        view_class = getattr(app.view_functions[rule.endpoint], "view_class", None)
        blueprint = app.blueprints.get(rule.endpoint.rpartition(".")[0])
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in METHODS:
            if view := getattr(view_class, method, None):
                operations[path, method] = (view.access, getattr(blueprint, "error_format", PROBLEM))
    return operations
