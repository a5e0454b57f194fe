"""Dual mount: the merchant API stands at two route prefixes (D1), one for API keys, as S2 documents it, and one for
people who have signed in."""

from collections.abc import Callable
from typing import TypeVar

from flask import request

from chassis.http.blueprints import Blueprint
from contracts import features
from contracts.error_formats import MERCHANT as MERCHANT_ERRORS
from contracts.roles import MERCHANTS, Role

C = TypeVar("C", bound=type)
MERCHANT = (Role.MERCHANT_ADMIN, Role.MACHINE)
READERS = (*MERCHANTS, Role.MACHINE)
PREFIXES = {"keyed": "/api/v1", "signed_in": "/merchant/api/v1"}


class DualMount:
    """One resource of the merchant API, as a blueprint at each route prefix.

    Args:
        path: the path below the prefix, if it is not the resource's name.
    """

    def __init__(self, name: str, *, path: str | None = None) -> None:
        self.blueprints = tuple(
            Blueprint(
                f"{name}_{mount}",
                __name__,
                url_prefix=f"{prefix}/{path or name}",
                feature=features.AFFILIATES,
                error_format=MERCHANT_ERRORS,
            )
            for mount, prefix in PREFIXES.items()
        )
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


def location(resource_id: object) -> dict[str, str]:
    """The ``Location`` header for the resource that a POST to the request's path has created."""
    return {"Location": f"{request.path}/{resource_id}"}
