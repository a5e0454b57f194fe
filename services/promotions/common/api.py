"""What all endpoints share: prefix, roles, the tenant in the path, warnings of updates; and the audit trail (D8)."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import current_app, request
from flask.views import MethodView

from chassis.core.principal import caller
from chassis.http import audit_trail, versions
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.schemas import UpdateSchema
from contracts import features
from contracts.roles import RETAILERS, Role
from services.promotions.common import queries
from services.promotions.common.rules import Code

PREFIX = "/v2/tenants/<tenant_uid>"
FEATURE = features.PROMOTIONS
ADMINS = (Role.RETAILER_ADMIN, Role.MACHINE)
READERS = (*RETAILERS, Role.MACHINE)
MAX_BULK_BODY = 4 * 1024 * 1024  # 5,000 products with categories and variants; the gateway lets as much through

F = TypeVar("F", bound=Callable[..., Any])
V = TypeVar("V", bound=versions.HasVersion)


class TenantBlueprint(Blueprint):
    """Endpoints under ``/v2/tenants/{tenantUid}``, each of them guarded by ``admins`` or ``readers``."""

    def __init__(self, name: str, import_name: str, path: str = "") -> None:
        super().__init__(name, import_name, url_prefix=PREFIX + path, feature=FEATURE)

    def admins(self, view: F) -> F:
        """Let in the admins and machine clients of the tenant that the path names by id or slug; else 404 (D5).

        The view gets no ``tenant_uid``; the caller's tenant is the one. Write it above every other decorator.
        """
        return self._of_own_tenant(ADMINS, view)

    def readers(self, view: F) -> F:
        """As ``admins``, and the tenant's viewers too: for views that change nothing."""
        return self._of_own_tenant(READERS, view)

    def _of_own_tenant(self, roles: tuple[Role, ...], view: F) -> F:
        @functools.wraps(view)
        def of_own_tenant(*args: Any, tenant_uid: str, **kwargs: Any) -> Any:
            queries.require_own(tenant_uid)
            return view(*args, **kwargs)

        return self.allow(*roles)(cast(F, of_own_tenant))


def tagged(resource: V) -> V:
    """A resource to answer with; the answer gets its version as ``ETag`` (D6)."""
    versions.set_etag(resource)
    return resource


def accept_bulk() -> None:
    """Allow bodies with thousands of rows; register it with ``before_request``."""
    request.max_content_length = MAX_BULK_BODY


HEADER = "Concord-Warnings"
SHOWN_BY = {"storeUids": "stores", "pricelistUid": "pricelist", "customerGroupUid": "customerGroup"}
"""Fields of a body, and the fields of the answer that show them."""


def warning_header(*codes: Code) -> dict[str, str]:
    return {HEADER: ", ".join(codes)} if codes else {}


def ignored_fields(update: type[UpdateSchema], shown: Any) -> tuple[Code, ...]:
    """``read_only_field`` where the request's body says otherwise in a read-only field than what holds (D65).

    Args:
        shown: the resource as it is answered. A field that was written by its uids is not compared.
    """
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        return ()
    holds = current_app.json.loads(current_app.json.dumps(update.answer().dump(shown)))
    writable = {field.data_key for field in update().load_fields.values()}
    written = {SHOWN_BY[name] for name in SHOWN_BY.keys() & body.keys()}
    others = body.keys() & holds.keys() - writable - written
    return (Code.READ_ONLY_FIELD,) if any(body[name] != holds[name] for name in others) else ()


def updated(resource: V, update: type[UpdateSchema], *codes: Code) -> tuple[V, int, dict[str, str]]:
    """The answer to an update: the resource, and warnings of fields that were ignored and of ``codes``."""
    return tagged(resource), 200, warning_header(*ignored_fields(update, resource), *codes)


blp = TenantBlueprint("audit", __name__, "/audit")


@blp.route("")
class Audit(MethodView):
    @blp.readers
    @blp.arguments(audit_trail.AuditIn, location="query")
    @blp.response(200, page_of(audit_trail.AuditOut))
    def get(self, query):
        """The tenant's changes, the newest first; ``targetId`` is the ``subject`` of the events about a thing."""
        with db.read() as session:
            return audit_trail.trail(session, caller().tenant_id, **query)
