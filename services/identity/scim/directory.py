"""Who a directory is: the bearer of a tenant's token."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import request

from chassis.core.clock import utcnow
from chassis.core.errors import Unauthorized
from chassis.core.principal import NOBODY, Principal, acting_as
from chassis.http import idempotency
from chassis.http.current import db
from contracts.roles import Role
from services.identity.common.context import as_identity
from services.identity.common.secrets import digest
from services.identity.scim import actions, queries
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.principals import principal_of

DIRECTORY = "the tenant's directory"
NAME = "Directory (SCIM)"

F = TypeVar("F", bound=Callable[..., Any])


def by_directory(view: F) -> F:
    """Let a tenant's directory in, which then acts for that tenant alone. Write it above every other decorator.

    A POST with an ``Idempotency-Key`` acts once (D7), for the tenant: also with the token that replaces this one.
    """

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        with acting_as(_directory()):
            work = functools.partial(view, *args, **kwargs)
            return idempotency.answer_once(db, work) if request.method == "POST" else work()

    guarded.access = (DIRECTORY,)  # type: ignore[attr-defined]
    guarded.acts_once = True  # type: ignore[attr-defined]
    return cast(F, guarded)


def _directory() -> Principal:
    """The caller.

    Raises:
        Unauthorized: no token, or one that does not count.
        Forbidden: ``tenant_suspended``.
    """
    shown = request.authorization
    if shown is None or shown.type != "bearer" or not shown.token:
        raise Unauthorized("Send the directory's token as a bearer token.")
    with as_identity(), db.read() as session:
        token = queries.token_of_digest(session, digest(shown.token))
        tenant = tenant_queries.tenant(session, token.tenant_id) if token else None
    if token is None or tenant is None:
        raise Unauthorized("This token is not good.", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    tenant.require_active()
    now = utcnow()
    if actions.is_use_worth_noting(token, now):
        with as_identity(), db.begin() as session:
            actions.note_use(session, token.tenant_id, now=now)
    return principal_of(NOBODY, Role.MACHINE, NAME, tenant)
