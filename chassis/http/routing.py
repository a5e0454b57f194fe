"""A Flask application that routes on the path as it was sent, and so takes ids of any letters (D60).

Servers decode ``PATH_INFO`` as a whole, where an encoded ``/`` is no longer different from one that parts segments.
Here the encoded path is matched, segment by segment, and a view gets the decoded value: with
``/orders/<order_id>/status`` a request for ``/orders/INV%2F2026%2F1/status`` gives ``order_id="INV/2026/1"``.
``<name>`` is therefore right for every id, and ``<path:name>`` is not needed.

Only ids may have letters escaped that need none. What an endpoint is called must stand in the path as it is, so that
software in front of us that goes by paths sees the same as we do.

``request.path`` is the encoded path, in the one encoding of ``chassis.http.paths``. Code that makes a path of an id,
such as a ``Location``, uses ``paths.encoded``.
"""

import re
from functools import cache
from typing import Any

from flask import Flask, Request, request
from werkzeug.routing import MapAdapter, PathConverter, UnicodeConverter

from chassis.http import paths


class _Segment(UnicodeConverter):
    """One segment of the encoded path; the view gets its value, without the spaces around it as from a body."""

    def to_python(self, value: str) -> str:
        return paths.decoded(value).strip()

    def to_url(self, value: Any) -> str:
        return paths.encoded(str(value))


class _Segments(PathConverter):
    """Several segments of the encoded path."""

    def to_python(self, value: str) -> str:
        return paths.decoded(value).strip()


class App(Flask):
    """Routes on the encoded path: servers decode ``PATH_INFO``, where ``%2F`` is no longer different from ``/``."""

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.url_map.merge_slashes = False
        self.url_map.converters |= {"default": _Segment, "string": _Segment, "path": _Segments}

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        if request is not None:
            try:
                path = paths.plain(_written(request))
            except paths.BadPath as failure:
                request.routing_exception = failure  # type: ignore[assignment]
                return None
            request.path = request.environ["PATH_INFO"] = path
        return super().create_url_adapter(request)

    def dispatch_request(self) -> Any:
        path, rule = _written(request), request.url_rule
        if path != request.path and rule is not None and not _words_of(rule.rule).fullmatch(path):
            raise paths.BadPath("The path escapes a character that must not be escaped.")
        return super().dispatch_request()


def _written(request: Request) -> str:
    """The path of a request as it was sent."""
    return request.environ["RAW_URI"].partition("?")[0]


@cache
def _words_of(rule: str) -> re.Pattern[str]:
    return re.compile(pattern_of(rule))


def pattern_of(rule: str) -> str:
    """The words of a rule as they are, and anything for its ids, as a regular expression."""
    parts = re.split(r"(<[^<>]*>)", rule)
    return "".join(_any(part) if part.startswith("<") else re.escape(part) for part in parts)


def _any(parameter: str) -> str:
    return ".+" if parameter.startswith("<path:") else "[^/]+"
