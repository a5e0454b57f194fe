"""The gateway's own endpoints: health, metrics, the platform's OpenAPI document, its pages and the console's."""

from collections.abc import Callable

from flask import Flask, Response, abort, jsonify, request, send_from_directory
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from swagger_ui_bundle import swagger_ui_path
from werkzeug.test import run_wsgi_app

from gateway import console_page
from gateway.answers import Answer, of_status
from gateway.openapi import Catalogue
from gateway.request import Request
from gateway.settings import Network, contains

PROBES = ("/health/live", "/health/ready", "/metrics")
PAGES = ("/", "/openapi.json", "/docs")
DOCS_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
# What proxies say of a request, each in its own way: whoever came through one is not the peer.
PROXIED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
# Nothing from elsewhere; Swagger UI writes style attributes of its own.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Concord API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
DOCS_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true});\n'


class OwnEndpoints:
    """Answers what no service is asked for.

    ``/metrics`` is on the same port as everything else, so it is shown only to peers in ``metrics_from``, and never to
    a request that came through a proxy, whose peer address says nothing about who asks.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        metrics_from: tuple[Network, ...],
        is_ready: Callable[[], bool],
        *,
        development: bool = False,
    ) -> None:
        self._app = Flask(__name__, static_folder=None)
        _add_probes(self._app, metrics_from, is_ready)
        _add_pages(self._app, catalogue, development=development)

    def find(self, path: str) -> str | None:
        """The endpoint of a path, by the name it has in logs and metrics."""
        if path in PROBES or path in PAGES:
            return path
        if path == console_page.PREFIX or path.startswith(f"{console_page.PREFIX}/"):
            return console_page.PREFIX
        return "/docs/{file}" if path.startswith("/docs/") and path.count("/") == 2 else None

    def answer(self, gateway_request: Request) -> Answer:
        body, status, headers = run_wsgi_app(self._app, gateway_request.environ)
        code = int(status.split()[0])
        if code >= 400:
            return of_status(code, list(headers), gateway_request)
        return Answer(code, list(headers), body)


def _add_probes(app: Flask, metrics_from: tuple[Network, ...], is_ready: Callable[[], bool]) -> None:
    @app.get("/health/live")
    def live() -> Response:
        return jsonify(status="live")

    @app.get("/health/ready")
    def ready() -> Response:
        if not is_ready():
            abort(503)
        return jsonify(status="ready")

    @app.get("/metrics")
    def metrics() -> Response:
        if any(name in request.headers for name in PROXIED) or not contains(metrics_from, request.remote_addr or ""):
            abort(404)
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _add_pages(app: Flask, catalogue: Catalogue, *, development: bool) -> None:
    @app.get("/")
    def index() -> Response:
        if console_page.is_browser():
            return console_page.page(development=development)
        answer = jsonify(name="Concord", docs="/docs", openapi="/openapi.json", health="/health/ready")
        answer.vary.add("Accept")
        return answer

    @app.get(console_page.PREFIX)
    @app.get(f"{console_page.PREFIX}/")
    @app.get(f"{console_page.PREFIX}/<path:_page>")
    def console(_page: str = "") -> Response:
        return console_page.page(development=development)

    @app.get("/openapi.json")
    def openapi() -> Response:
        return jsonify(catalogue.document())

    @app.get("/docs")
    def docs() -> Response:
        return Response(DOCS_PAGE, mimetype="text/html", headers={"Content-Security-Policy": DOCS_POLICY})

    @app.get("/docs/start.js")
    def start() -> Response:
        return Response(DOCS_START, mimetype="text/javascript")

    @app.get("/docs/<file>")
    def docs_file(file: str) -> Response:
        if file not in DOCS_FILES:
            abort(404)
        return send_from_directory(str(swagger_ui_path), file, max_age=86400)
