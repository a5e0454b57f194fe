"""A Flask application that routes on the path as it was sent, and so takes ids of any letters (D60).

Servers decode ``PATH_INFO`` as a whole, where an encoded ``/`` is no longer different from one that parts segments.
Here the encoded path is matched, segment by segment, and a view gets the decoded value: with
``/orders/<order_id>/status`` a request for ``/orders/INV%2F2026%2F1/status`` gives ``order_id="INV/2026/1"``.
``<name>`` is therefore right for every id, and ``<path:name>`` is not needed.

``request.path`` is the encoded path, in the one encoding of ``chassis.paths``. Whoever makes a path of an id, such as a
``Location``, uses ``paths.encoded``.
"""

from typing import Any

from flask import Flask, Request
from werkzeug.routing import MapAdapter, PathConverter, UnicodeConverter

from chassis import paths


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
                path = paths.plain(request.environ["RAW_URI"].partition("?")[0])
            except paths.BadPath as failure:
                request.routing_exception = failure  # type: ignore[assignment]
                return None
            request.path = request.environ["PATH_INFO"] = path
        return super().create_url_adapter(request)
