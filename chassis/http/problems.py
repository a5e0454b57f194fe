"""Which problems an operation can give, by status, with the codes that a client tells them apart by.

What the chassis and the gateway refuse follows from the operation itself: who may call it, what it reads, whether it
changes something. What a service raises by itself is declared beside the view::

    @blp.allow(*ADMINS)
    @blp.response(204)
    @raises(409, "last_admin")
    def delete(self, user_id): …
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from chassis.http.error_formats import KEPT_UNPROCESSABLE, ErrorFormat

F = TypeVar("F", bound=Callable[..., Any])
Codes = Mapping[int, tuple[str, ...]]
"""The codes of each status."""

INVALID = int(HTTPStatus.UNPROCESSABLE_ENTITY)
ALWAYS: Codes = {
    400: ("bad_path", "malformed", "malformed_request"),
    429: ("rate_limited",),
    502: ("upstream_broken",),
    503: ("upstream_unavailable", "database_unavailable", "database_busy"),
    504: ("upstream_timeout",),
}
SIGNED_IN: Codes = {401: ("unauthorized",), 403: ("tenant_suspended",)}
QUERY: Codes = {414: ("malformed_request",)}
CHANGE: Codes = {
    408: ("slow_body",),
    409: ("conflict",),
    413: ("request_entity_too_large",),
}
BODY: Codes = {415: ("unsupported_media_type",)}
READ: Codes = {INVALID: ("validation_failed",)}
ACTS_ONCE: Codes = {409: ("request_in_progress",), INVALID: KEPT_UNPROCESSABLE}
SHOWN_ONCE: Codes = {409: ("already_done",)}
VERSIONED: Codes = {412: ("stale_version",)}
ONE_OF_MANY: Codes = {404: ("not_found",)}


def raises(status: int, *codes: str) -> Callable[[F], F]:
    """Declare the codes of a status that a view gives by itself. It stands once for each status, below ``allow``."""

    def declare(view: F) -> F:
        declared: Codes = getattr(view, "raises", {})
        view.raises = {**declared, status: (*declared.get(status, ()), *codes)}  # type: ignore[attr-defined]
        return view

    return declare


@dataclass(frozen=True)
class Operation:
    """One method of a path, as its view and its blueprint declare it.

    Attributes:
        roles: who may call it; nobody in particular where it is public.
        guarded: whether ``Blueprint.allow`` stands above the view, which then reads nothing undeclared.
    """

    method: str
    path: str
    view: Any
    shape: ErrorFormat
    feature: str | None = None
    for_setup: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(self.view.access)

    @property
    def guarded(self) -> bool:
        return hasattr(self.view, "replay")

    @property
    def acts_once(self) -> bool:
        """Whether an ``Idempotency-Key`` counts (D7)."""
        return self.method == "post" and (self.guarded or getattr(self.view, "acts_once", False))

    @property
    def answer_is_repeated(self) -> bool:
        """Whether the first answer to a key is given again; where it holds a secret, it is not."""
        return self.acts_once and getattr(self.view, "replay", True)

    def problems(self, described: Mapping[str, Any]) -> dict[int, list[str]]:
        """The codes of each status, each once; ``described`` is what OpenAPI knows of the operation."""
        codes: defaultdict[int, list[str]] = defaultdict(list)
        for part in (*self._usual(described), getattr(self.view, "raises", {})):
            for status, names in part.items():
                for name in names:
                    place = codes[self._status_of(status, name)]
                    place += [name] if name not in place else []
        return dict(sorted(codes.items()))

    def _usual(self, described: Mapping[str, Any]) -> Iterator[Codes]:
        reads_query = any(parameter.get("in") == "query" for parameter in described.get("parameters", ()))
        changes, reads_body = self.method != "get", "requestBody" in described
        yield ALWAYS
        if self.roles:
            yield from self._of_callers()
        if "{" in self.path:
            yield ONE_OF_MANY
        if reads_query:
            yield QUERY
        if changes:
            yield CHANGE
        if changes and (self.guarded or reads_body):
            yield BODY
        if self.guarded or reads_query or reads_body:
            yield READ
        if changes and (self.method != "post" or "{" in self.path):
            yield VERSIONED  # somebody else may change the same thing at the same moment
        if self.acts_once:
            yield ACTS_ONCE
            yield {} if self.answer_is_repeated else SHOWN_ONCE

    def _of_callers(self) -> Iterator[Codes]:
        yield SIGNED_IN
        if self.guarded and self.view.roles:
            yield {403: ("forbidden",)}
        if self.feature:
            yield {403: ("feature_disabled",)}
        if self.guarded and not self.for_setup:
            yield {403: ("second_factor_setup_required",)}

    def _status_of(self, status: int, code: str) -> int:
        """What this error format makes of a status (``error_formats.write``)."""
        is_of_shape = status == INVALID and code not in KEPT_UNPROCESSABLE
        return int(self.shape.invalid) if is_of_shape else status
