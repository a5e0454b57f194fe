"""How request bodies and queries are read: strictly; every refusal is a 400, 415 or 422 that says what to mend."""

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from flask import Request
from marshmallow import ValidationError
from webargs import missing
from webargs.flaskparser import FlaskParser

from chassis.errors import Failure, Invalid, Malformed

BAD_TEXT = "must be text without NUL characters or lone surrogates"


class UnsupportedMedia(Failure):
    """A body in another format than JSON."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_media_type"


class Parser(FlaskParser):
    """webargs' parser with schemas deciding about unknown fields, also in queries."""

    DEFAULT_UNKNOWN_BY_LOCATION = {}

    def load_json(self, req: Request, schema: Any) -> Any:
        raw = req.get_data(cache=True)
        if raw and not req.is_json:
            raise UnsupportedMedia("Send the body as application/json.")
        return _strict_json(raw) if raw else missing

    def load_querystring(self, req: Request, schema: Any) -> Any:
        for name, value in req.args.items(multi=True):
            if not _is_clean(name) or not _is_clean(value):
                raise Malformed(f"The query {BAD_TEXT}.")
        return super().load_querystring(req, schema)

    def handle_error(
        self, error: ValidationError, req: Request, schema: Any, *, error_status_code: Any, error_headers: Any
    ) -> NoReturn:
        messages: Any = error.normalized_messages()
        found = [problem for location in messages.values() for problem in flatten(location)]
        raise Invalid("The request does not fit: " + "; ".join(_sentence(p) for p in found[:3]), errors=found[:100])


def refuse_undeclared(request: Request, declared: Collection[str]) -> None:
    """Refuse a body or a query that the view has no schema for; an empty JSON object is as good as none.

    Args:
        declared: the locations the view reads: ``json``, ``form``, ``query``.
    """
    if request.method != "GET" and not {"json", "form"} & set(declared):
        body = Parser().load_json(request, None)
        if body is not missing and body != {}:
            raise Invalid("This endpoint takes no body.", errors=[{"field": "", "message": "Unknown."}])
    if "query" not in declared and request.args:
        errors = [{"field": name, "message": "Unknown parameter."} for name in sorted(request.args)]
        raise Invalid("This endpoint takes no query parameters.", errors=errors[:100])


def _strict_json(raw: bytes) -> Any:
    try:
        value = DECODER.decode(raw.decode("utf-8"))
        if b"\\u" in raw:  # NUL and surrogates can only be written so: as bytes they are no JSON and no UTF-8
            _check_text(value)
        return value
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8.") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None
    except ValueError as error:
        raise Malformed(f"The body is not valid JSON: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if not _is_clean(value):
            raise ValueError(f"every string {BAD_TEXT}")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)


def _is_clean(value: str) -> bool:
    if value.isascii():
        return "\x00" not in value
    return "\x00" not in value and not any("\ud800" <= character <= "\udfff" for character in value)


def flatten(messages: Any, path: str = "") -> list[dict[str, str]]:
    """marshmallow's nested messages as ``[{"field": "benefits.0", "message": …}]``."""
    if isinstance(messages, Mapping):
        return [
            problem
            for key, value in messages.items()
            for problem in flatten(value, path if key == "_schema" else f"{path}.{key}" if path else str(key))
        ]
    if isinstance(messages, list):
        return [problem for value in messages for problem in flatten(value, path)]
    return [{"field": path, "message": str(messages)}]


def _sentence(problem: Mapping[str, str]) -> str:
    return f"{problem['field']}: {problem['message']}" if problem["field"] else problem["message"]
