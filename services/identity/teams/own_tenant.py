"""What a tenant's admins change of it themselves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import ETags

from chassis.core.principal import Principal
from services.identity.factors import queries as factor_queries
from services.identity.sessions import actions as session_actions
from services.identity.sessions.freshness import require_fresh
from services.identity.tenants import actions as tenant_actions
from services.identity.tenants.models import Tenant


def change(
    session: Session, changes: Mapping[str, Any], *, expected: ETags | None, actor: Principal, now: datetime
) -> Tenant:
    """Change name, time zone, language, and whether everybody needs a second factor.

    Raises:
        Forbidden: ``step_up_required`` for the second factor, which guards everybody's account.
        Stale: the tenant has changed since the caller read it.
    """
    if "second_factor_required" in changes:
        require_fresh(session, actor, now)
    tenant = tenant_actions.change_tenant(session, actor.tenant_id, changes, expected=expected, actor=actor, now=now)
    if changes.get("second_factor_required"):  # their full tokens end now, not by themselves
        session_actions.refuse_tokens(session, factor_queries.people_without_factor(session, tenant.id), now=now)
    return tenant
