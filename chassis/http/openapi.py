"""Completes the OpenAPI document that flask-smorest makes: who may call, every refusal an operation can give with its
codes, and what an ``Idempotency-Key`` does.

There is no ``default`` answer: with one, every status would count as documented, and generated requests could not show
a wrong one.
"""

import re
from collections.abc import Sequence
from typing import Any

from flask import Flask

from chassis.core.text import camel
from chassis.http.error_formats import PROBLEM, ErrorFormat
from chassis.http.problems import Operation

BOUNDS = ("minimum", "maximum")
METHODS = ("get", "put", "post", "delete", "patch")
CONVERTER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
VERSION = re.compile(r"api|v\d+", re.ASCII)
WORD = re.compile(r"[^A-Za-z0-9]+")

FIRST_ANSWER = "With an `Idempotency-Key` it acts once: the same key and body get the first answer again for a day."
SHOWN_ONCE = (
    "With an `Idempotency-Key` it acts once. The answer is not given again: repeated, it is 409 `already_done`."
)
NO_KEY = "An `Idempotency-Key` has no effect here."


def document(spec: dict[str, Any], app: Flask) -> dict[str, Any]:
    """The finished document of a service; internal endpoints are left out."""
    spec["paths"] = {path: item for path, item in spec["paths"].items() if not path.startswith("/internal/")}
    _describe_amounts_as_text(spec)
    components = spec.setdefault("components", {})
    described = operations(app)
    for shape in (PROBLEM, *(operation.shape for operation in described.values())):
        components.setdefault("schemas", {})[shape.component] = dict(shape.schema)
    components.setdefault("securitySchemes", {})["bearer"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                _complete(item[method], described[path, method], item.get("parameters", ()))
    return spec


def operations(app: Flask) -> dict[tuple[str, str], Operation]:
    """Every operation by path and method, as the views and their blueprints declare it."""
    by_place = {}
    for rule in app.url_map.iter_rules():
        view_class = getattr(app.view_functions[rule.endpoint], "view_class", None)
        blueprint = app.blueprints.get(rule.endpoint.rpartition(".")[0])
        path = path_of(rule.rule)
        for method in METHODS:
            if view := getattr(view_class, method, None):
                by_place[path, method] = Operation(
                    method,
                    path,
                    view,
                    shape=getattr(blueprint, "error_format", PROBLEM),
                    feature=getattr(blueprint, "feature", None),
                    for_setup=getattr(blueprint, "for_setup", False),
                )
    return by_place


def path_of(rule: str) -> str:
    """A rule of Flask's as OpenAPI writes it."""
    return CONVERTER.sub(r"{\1}", rule)


def operation_id(method: str, path: str) -> str:
    """A name that stays as long as the path does: ``patchTenantUser`` for ``PATCH /api/v1/tenant/users/{user_id}``."""
    segments = [segment for segment in path.split("/") if segment and not VERSION.fullmatch(segment)]
    nouns = [_singular(noun) if _is_one(segments, place) else noun for place, noun in enumerate(segments)]
    words = [word.lower() for noun in nouns if not noun.startswith("{") for word in WORD.split(noun) if word]
    return camel("_".join([method, *words]))


def _is_one(segments: Sequence[str], place: int) -> bool:
    """Whether a parameter follows, which picks one of them."""
    return place + 1 < len(segments) and segments[place + 1].startswith("{")


def _singular(noun: str) -> str:
    return noun[:-3] + "y" if noun.endswith("ies") else noun.removesuffix("s")


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


def _complete(described: dict[str, Any], operation: Operation, parameters: Sequence[dict[str, Any]]) -> None:
    theirs = described.get("responses", {})
    # Not flask-smorest's own errors, which we never send: those of its default, and of arguments as 422.
    responses = described["responses"] = {status: answer for status, answer in theirs.items() if "$ref" not in answer}
    whole = described | {"parameters": [*parameters, *described.get("parameters", ())]}
    for status, codes in operation.problems(whole).items():
        # Who reads the request line knows no path yet, so a line that is too long is a problem everywhere.
        _describe_problem(responses, str(status), PROBLEM if status == 414 else operation.shape, codes)
    described["operationId"] = operation_id(operation.method, operation.path)
    described["security"] = [{"bearer": []}] if operation.roles else []
    described["description"] = "\n\n".join(filter(None, (described.get("description"), *_notes(operation))))


def _notes(operation: Operation) -> list[str]:
    """What a description ends with: who may call, and what a key does."""
    notes = [f"For: {', '.join(operation.roles)}."] if operation.roles else []
    if operation.method == "post":
        repeated = FIRST_ANSWER if operation.answer_is_repeated else SHOWN_ONCE
        notes.append(repeated if operation.acts_once else NO_KEY)
    return notes


def _describe_problem(responses: dict[str, Any], status: str, shape: ErrorFormat, codes: Sequence[str]) -> None:
    """Add this error format and its codes to what a view has described for ``status``."""
    described = responses.get(status, {})
    content = described.get("content", {}) | {shape.media_type: {"schema": shape.reference}}
    written = ", ".join(f"`{code}`" for code in codes)
    own_words = described.get("description")
    description = f"{own_words.removesuffix('.')}. {written}" if own_words else written
    responses[status] = {**described, "description": description, "content": content}
