"""Guarded endpoints.

A view is reached only through :meth:`Blueprint.allow`, which refuses in the order of D5: not signed in 401, feature
off 403, role not allowed 403; what the caller may not see is 404 further in.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import flask_smorest
from flask import g, request

from chassis.core import errors
from chassis.core.principal import SYSTEM, caller
from chassis.http import idempotency, parsing
from chassis.http.current import db
from chassis.http.error_formats import PROBLEM, ErrorFormat

F = TypeVar("F", bound=Callable[..., Any])


class Blueprint(flask_smorest.Blueprint):
    """Endpoints of one resource.

    Args:
        feature: the tenant flag that gates all of them (S0-1).
        error_format: of every failure under the prefix.
        for_setup: also for people who must set up a second factor before anything else.
    """

    ARGUMENTS_PARSER = parsing.Parser()

    def __init__(
        self,
        *args: Any,
        feature: str | None = None,
        error_format: ErrorFormat = PROBLEM,
        for_setup: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.feature = feature
        self.error_format = error_format
        self.for_setup = for_setup

    def allow(self, *roles: str, replay: bool = True) -> Callable[[F], F]:
        """Let callers of these roles in, any signed-in caller when none is named. Write it above every other decorator.

        It also makes a POST with an ``Idempotency-Key`` act once (``chassis.http.idempotency``). Without ``replay`` its
        answer is not given again: where it holds a secret, whoever has only the access token must not get it.
        """

        def check() -> None:
            principal = caller()
            if principal.setup and not self.for_setup:
                raise errors.Forbidden("Set up a second factor first.", code="second_factor_setup_required")
            if self.feature and self.feature not in principal.features:
                raise errors.Forbidden(f"The feature '{self.feature}' is not enabled.", code="feature_disabled")
            if roles and principal.role not in roles:
                raise errors.Forbidden("Your role does not allow this.")

        return self._guard(check, roles, replay=replay)

    def allow_senders(self, *senders: str) -> Callable[[F], F]:
        """Let only these of our own processes in: an internal endpoint, which the gateway does not route."""

        def check() -> None:
            principal = caller()
            if g.sender not in senders or (g.sender == "gateway" and not principal.is_system):
                raise errors.Forbidden("This endpoint is only for other services.")

        return self._guard(check, (SYSTEM,))

    def public(self, view: F) -> F:
        """Let everybody in, signed in or not. A ``PublicSchema`` reads the query; without one it is ignored (D64)."""
        view.access = ()  # type: ignore[attr-defined]
        return view

    def public_once(self, *fields: str) -> Callable[[F], F]:
        """As :meth:`public`, and a POST with an ``Idempotency-Key`` acts once for whoever sends the same ``fields`` of
        the body again, such as the token of a mail: they stand for the caller that nobody knows
        (``chassis.http.idempotency``)."""

        def decorate(view: F) -> F:
            @functools.wraps(view)
            def once(*args: Any, **kwargs: Any) -> Any:
                return idempotency.answer_shown_once(db, functools.partial(view, *args, **kwargs), fields)

            once.acts_once = True  # type: ignore[attr-defined]
            return self.public(cast(F, once))

        return decorate

    def _guard(self, check: Callable[[], None], roles: Iterable[str], *, replay: bool = True) -> Callable[[F], F]:
        def decorate(view: F) -> F:
            declared = _declared_locations(view)

            @functools.wraps(view)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                check()
                parsing.refuse_undeclared(request, declared)
                if request.method == "POST":
                    return idempotency.answer_once(db, functools.partial(view, *args, **kwargs), replay=replay)
                return view(*args, **kwargs)

            guarded.access = tuple(roles) or ("everybody signed in",)  # type: ignore[attr-defined]
            guarded.roles = tuple(roles)  # type: ignore[attr-defined]
            guarded.replay = replay  # type: ignore[attr-defined]
            return cast(F, guarded)

        return decorate


def _declared_locations(view: Callable[..., Any]) -> set[str]:
    """Where the arguments of a view come from, as flask-smorest has noted them."""
    parameters = getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", [])
    return {parameter["in"] for parameter in parameters}
