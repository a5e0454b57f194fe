"""What all endpoints share: prefix, roles, the tenant in the path, the warnings header; and the audit trail (D8)."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import current_app, request
from flask.views import MethodView

from chassis.core.principal import caller
from chassis.http import audit_trail
from chassis.http.blueprints import Blueprint
from chassis.http.current import db
from chassis.http.pages import page_of
from chassis.http.schemas import UpdateSchema
from contracts import features
from contracts.roles import Role
from services.promotions.common import queries
from services.promotions.common.rules import Code

PREFIX = "/v2/tenants/<tenant_uid>"
FEATURE = features.PROMOTIONS
ADMINS = (Role.RETAILER_ADMIN, Role.MACHINE)
MAX_BULK_BODY = 4 * 1024 * 1024  # 5,000 products with categories and variants; the gateway lets as much through

F = TypeVar("F", bound=Callable[..., Any])


def own_tenant(view: F) -> F:
    """Answer 404 unless the path names the caller's own tenant, by id or slug (D5). Write it below ``allow``.

    The view does not see ``tenant_uid``: the caller says whose data it shows.
    """

    @functools.wraps(view)
    def of_own_tenant(*args: Any, tenant_uid: str, **kwargs: Any) -> Any:
        queries.require_own(tenant_uid)
        return view(*args, **kwargs)

    return cast(F, of_own_tenant)


def accept_bulk() -> None:
    """Allow bodies with thousands of rows; register it with ``before_request``."""
    request.max_content_length = MAX_BULK_BODY


HEADER = "Concord-Warnings"
SHOWN_BY = {"storeUids": "stores", "pricelistUid": "pricelist", "customerGroupUid": "customerGroup"}
"""What is written, and how it is answered."""


def warning_header(*codes: Code) -> dict[str, str]:
    return {HEADER: ", ".join(codes)} if codes else {}


def ignored_fields(update: type[UpdateSchema], shown: Any) -> tuple[Code, ...]:
    """``read_only_field`` where the request's body says otherwise in a read-only field than what holds (D65).

    Args:
        shown: what is answered; of a field that was written by its uids it says nothing.
    """
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        return ()
    holds = current_app.json.loads(current_app.json.dumps(update.answer().dump(shown)))
    writable = {field.data_key for field in update().load_fields.values()}
    written = {SHOWN_BY[name] for name in SHOWN_BY.keys() & body.keys()}
    others = body.keys() & holds.keys() - writable - written
    return (Code.READ_ONLY_FIELD,) if any(body[name] != holds[name] for name in others) else ()


blp = Blueprint("audit", __name__, url_prefix=f"{PREFIX}/audit", feature=FEATURE)


@blp.route("")
class Audit(MethodView):
    @blp.allow(*ADMINS)
    @own_tenant
    @blp.arguments(audit_trail.AuditIn, location="query")
    @blp.response(200, page_of(audit_trail.AuditOut))
    def get(self, query):
        """The tenant's changes, the newest first; ``targetId`` is the ``subject`` of the events about a thing."""
        with db.read() as session:
            return audit_trail.trail(session, caller().tenant_id, **query)
