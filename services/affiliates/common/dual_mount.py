"""The two doors of the merchant API (D1): ``/api/v1`` for API keys, ``/merchant/api/v1`` for people who sign in.

Both lead to the same views. The gateway sends each caller to the right one by the kind of credential; here either takes
whoever was let in.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from flask import Response, current_app, request

from chassis.http import audit_trail
from chassis.http.blueprints import Blueprint
from chassis.process.service import runtime_of
from contracts.error_formats import MERCHANT as MERCHANT_ERRORS
from contracts.roles import Role
from services.affiliates import tracking

C = TypeVar("C", bound=type)
MERCHANT = (Role.MERCHANT_ADMIN, Role.MACHINE)
PREFIXES = {"keyed": "/api/v1", "signed_in": "/merchant/api/v1"}


class Doors:
    """One resource of the merchant API at both addresses.

    Args:
        path: where it is not the resource's name.
        steers_links: whether a change of it changes where links lead. Orders and products come in all the time and
            must not send redirects to the database.
    """

    def __init__(self, name: str, *, path: str | None = None, steers_links: bool = False) -> None:
        self.blueprints = tuple(
            Blueprint(
                f"{name}_{door}",
                __name__,
                url_prefix=f"{prefix}/{path or name}",
                feature="affiliates",
                error_format=MERCHANT_ERRORS,
            )
            for door, prefix in PREFIXES.items()
        )
        for blueprint in self.blueprints:
            if steers_links:
                blueprint.after_request(_look_anew)
        first = self.blueprints[0]
        self.allow = first.allow
        self.arguments = first.arguments
        self.response = first.response
        self.doc = first.doc

    def route(self, path: str) -> Callable[[C], C]:
        def decorate(view: C) -> C:
            for blueprint in self.blueprints:
                blueprint.route(path)(view)
            return view

        return decorate

    def serve_audit(self) -> None:
        for blueprint in self.blueprints:
            audit_trail.serve(blueprint, *MERCHANT)


def location(thing_id: object) -> dict[str, str]:
    """The address of what a POST to the request's path has made."""
    return {"Location": f"{request.path}/{thing_id}"}


def _look_anew(response: Response) -> Response:
    """What was changed here, redirects of this process follow at once; other processes look within a second."""
    if request.method not in ("GET", "HEAD") and response.status_code < HTTPStatus.BAD_REQUEST:
        tracking.of(runtime_of(current_app)).links.outdate()
    return response
