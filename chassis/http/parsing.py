"""How requests are read: strictly; every refusal is a 400, 415 or 422 that says what to mend.

Here all text of a request is brought to NFC (D62): bodies, queries, forms and the parameters of paths. What is only
compared byte by byte (the fingerprint of an ``Idempotency-Key``, a signature) goes by the request as it was sent.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from flask import Request
from marshmallow import EXCLUDE, ValidationError
from webargs import missing
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import MultiDict

from chassis.core.errors import Invalid, Malformed, UnsupportedMedia
from chassis.core.text import is_stream_safe, normal
from chassis.http.error_formats import sentence

BAD_TEXT = "must be text without NUL characters, lone surrogates or stacks of combining marks"

_SURROGATE = re.compile("[\ud800-\udfff]")


class Parser(FlaskParser):
    """webargs' parser with schemas deciding about unknown fields, also in queries."""

    DEFAULT_UNKNOWN_BY_LOCATION = {}

    def load_json(self, req: Request, schema: Any) -> Any:
        raw = req.get_data(cache=True)
        if raw and not req.is_json:
            raise UnsupportedMedia("Send the body as application/json.")
        return _strict_json(raw) if raw else missing

    def load_querystring(self, req: Request, schema: Any) -> Any:
        query = req.args
        if schema.unknown == EXCLUDE:  # a public endpoint ignores unknown parameters, also malformed ones (D64)
            names = {field.data_key for field in schema.load_fields.values()}
            query = MultiDict([(name, value) for name, value in query.items(multi=True) if name in names])
        for name, value in query.items(multi=True):
            if not _is_clean(name) or not _is_clean(value):
                raise Malformed(f"The query {BAD_TEXT}.")
        return MultiDictProxy(_normal_values(query), schema)

    def load_form(self, req: Request, schema: Any) -> Any:
        if not all(is_stream_safe(part) for item in req.form.items(multi=True) for part in item):
            raise Malformed(f"The form {BAD_TEXT}.")
        return MultiDictProxy(_normal_values(req.form), schema)

    def handle_error(
        self, error: ValidationError, req: Request, schema: Any, *, error_status_code: Any, error_headers: Any
    ) -> NoReturn:
        messages: Any = error.normalized_messages()
        problems = [problem for location in messages.values() for problem in flatten(location)]
        detail = "; ".join(sentence(problem) for problem in problems[:3])
        raise Invalid(f"The request is not valid: {detail}", errors=problems[:100])


def normalise_path(request: Request) -> None:
    """Bring the parameters that the path of a request has to NFC."""
    texts = [value for value in (request.view_args or {}).values() if isinstance(value, str) and not value.isascii()]
    if not texts:
        return
    if not all(is_stream_safe(text) for text in texts):
        raise Malformed(f"The path {BAD_TEXT}.")
    request.view_args = {
        name: normal(value) if isinstance(value, str) else value for name, value in (request.view_args or {}).items()
    }


def _normal_values(values: MultiDict[str, str]) -> MultiDict[str, str]:
    return MultiDict([(normal(name), normal(value)) for name, value in values.items(multi=True)])


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
    """The body, also one that begins with a byte order mark; plain ASCII costs nothing more than its reading."""
    try:
        text = raw.decode("utf-8-sig")
        if not is_stream_safe(text):
            raise ValueError(f"every string {BAD_TEXT}")
        value = DECODER.decode(normal(text))  # at once: no sign of JSON's own joins with what follows it
        # NUL and surrogates can only be escaped: as bytes they are no JSON and no UTF-8.
        return _read_escaped(value) if b"\\u" in raw else value
    except UnicodeDecodeError:
        raise Malformed("The body is not valid UTF-8.") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None
    except ValueError as error:
        raise Malformed(f"The body is not valid JSON: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _read_escaped(value: Any) -> Any:
    """The value with every string that escapes may have been in checked, and brought to NFC."""
    if isinstance(value, str):
        if not _is_clean(value):
            raise ValueError(f"every string {BAD_TEXT}")
        return normal(value)
    if isinstance(value, dict):
        return {_read_escaped(key): _read_escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_read_escaped(item) for item in value]
    return value


def _is_clean(value: str) -> bool:
    return "\x00" not in value and (value.isascii() or not _SURROGATE.search(value)) and is_stream_safe(value)


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
