"""Optimistic locking: every resource that can be edited has a version, its ``ETag``, and honours ``If-Match`` (D6)."""

from typing import Protocol, TypeVar

from flask import Response, g, request
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from werkzeug.datastructures import ETags

from chassis.core.errors import Stale


class HasVersion(Protocol):
    """What ``ETag`` and ``If-Match`` go by: a :class:`Versioned` row, or one caller's view of a thing."""

    @property
    def version(self) -> int | str: ...


R = TypeVar("R", bound=HasVersion)


class Versioned:
    """A mapped class with a version that every update raises by one."""

    version: Mapped[int] = mapped_column(default=1, server_default="1", sort_order=99)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, object]:
        return {"version_id_col": cls.version}


def if_match() -> ETags | None:
    """The ``If-Match`` of the request, or None where the client sent none."""
    return request.if_match if "If-Match" in request.headers else None


def require(resource: HasVersion, expected: ETags | None) -> None:
    """Refuse a write on a version the client has not seen. Call it after the caller was found to be allowed.

    Raises:
        Stale: 412, and nothing has changed.
    """
    if expected is not None and not expected.contains(str(resource.version)):
        raise Stale("This has been changed since you read it. Read it again and repeat your change.")


def set_etag(resource: R) -> R:
    """Give the answer at hand the ``ETag`` of ``resource``, and return it."""
    g.etag = str(resource.version)
    return resource


def tag(response: Response) -> Response:
    """Put the ``ETag`` on a successful answer, where a view has set one."""
    if "etag" in g and response.status_code < 300:
        response.set_etag(g.etag)
    return response
