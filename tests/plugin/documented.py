"""Holds every answer that a test gets to the service's OpenAPI document: a problem stands there with its code."""

from typing import Any

from flask import Flask, Response, current_app, request

from chassis.http.error_formats import PROBLEM
from chassis.http.openapi import path_of

REFUSED = 400
WITHOUT_CODE = (500,)
"""What no operation promises to give."""


class Documented:
    """The operations of an application, and which answers since the last look were none of theirs."""

    def __init__(self, app: Flask) -> None:
        self._paths: dict[str, Any] = {}
        self._undocumented: list[str] = []
        app.after_request(self.note)

    def note(self, response: Response) -> Response:
        if request.url_rule is not None and response.status_code >= REFUSED:
            self._paths = self._paths or current_app.view_functions["openapi"]().get_json()["paths"]
            operation = self._paths.get(path_of(request.url_rule.rule), {}).get(request.method.lower())
            if operation is not None and (fault := _fault(operation, response)):
                self._undocumented.append(f"{request.method} {request.url_rule.rule}: {fault}")
        return response

    def check(self) -> None:
        faults, self._undocumented = self._undocumented, []
        assert not faults, f"not in OpenAPI: {faults}"


def _fault(operation: dict[str, Any], response: Response) -> str | None:
    """What the document does not say of a refusal; a forged identity, which the gateway never sends on, is let pass."""
    status = response.status_code
    if status in WITHOUT_CODE or (status == 401 and not operation["security"]):
        return None
    described = operation["responses"].get(str(status))
    if described is None:
        return f"{status} {response.get_data(as_text=True)[:200]}"
    code = (response.get_json(silent=True) or {}).get("code") if response.mimetype == PROBLEM.media_type else None
    return None if code is None or f"`{code}`" in described["description"] else f"{status} {code}"
