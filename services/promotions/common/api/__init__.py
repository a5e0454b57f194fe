"""The HTTP side: load, one transaction, one action or query, dump. One module a noun."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import request

from contracts.roles import Role
from services.promotions.common import tenant_queries

PREFIX = "/v2/tenants/<tenant_uid>"
FEATURE = "promotions"
ADMINS = (Role.RETAILER_ADMIN, Role.MACHINE)
MAX_BULK_BODY = 4 * 1024 * 1024  # 5,000 products with categories and variants; the gateway lets as much through

F = TypeVar("F", bound=Callable[..., Any])


def own_tenant(view: F) -> F:
    """Answer 404 unless the path names the caller's own tenant, by id or slug (D5). Write it below ``allow``.

    The view does not see ``tenant_uid``: whose things it shows the caller's identity says.
    """

    @functools.wraps(view)
    def of_own_tenant(*args: Any, tenant_uid: str, **kwargs: Any) -> Any:
        tenant_queries.require_own(tenant_uid)
        return view(*args, **kwargs)

    return cast(F, of_own_tenant)


def accept_bulk() -> None:
    """Let the bodies of a blueprint hold thousands of things; to be run before its requests."""
    request.max_content_length = MAX_BULK_BODY
