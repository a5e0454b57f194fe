"""Addresses that are somebody's elsewhere. A refusal tells that they have an account, so there are so many a day."""

import hmac
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.core.emails import address_key
from chassis.core.principal import Principal, caller
from chassis.data import audit
from chassis.data.unit_of_work import outside_unit
from chassis.http.current import db
from services.identity.common.context import own_settings
from services.identity.settings import IdentitySettings
from services.identity.teams import expiry, invitations, queries
from services.identity.tenants import queries as tenant_queries
from services.identity.users import actions as user_actions


def require_invitable(email: str, role: str) -> None:
    """Let the caller's tenant invite to an address that is nobody's elsewhere; refusals and invitations that were sent
    count together. Before anything has been written.

    Raises:
        Invalid: ``role_does_not_fit``: nobody learns anything by it, so it is not counted.
        Conflict: ``email_taken`` elsewhere.
        TooManyInvitations: the tenant has asked or invited too often within a day.
    """
    _require_free(email, role, queries.ALLOWANCE)


def require_addable(email: str | None) -> None:
    """Let the caller's directory have an address that is nobody's elsewhere. Refusals alone count here: a directory may
    add people however many an admin has invited. None asks for none. Raises as ``require_invitable``."""
    if email is not None:
        _require_free(email, None, (queries.REFUSED,))


def _require_free(email: str, role: str | None, actions: Collection[str]) -> None:
    now = utcnow()
    with outside_unit(), db.begin() as session:  # it counts whatever becomes of the request
        who = caller()
        is_taken = _count_if_taken(session, who, email, role, actions, settings=own_settings(), now=now)
    if is_taken:
        raise user_actions.email_taken()


def _count_if_taken(
    session: Session,
    actor: Principal,
    email: str,
    role: str | None,
    actions: Collection[str],
    *,
    settings: IdentitySettings,
    now: datetime,
) -> bool:
    """Whether an address is somebody's in another tenant, which is counted once a day for each address: a directory
    tries again and again, and learns nothing new."""
    tenant = tenant_queries.lock_tenant(session, actor.tenant_id)  # tries at the same moment are counted together
    if role is not None:
        user_actions.require_role(tenant, role)
    keepers = expiry.keepers(session, email, now=now)
    if tenant.id in keepers:
        return False  # a colleague, whom the caller sees
    address = _digest(tenant.id, email, settings)
    if keepers and queries.was_refused(session, tenant.id, address, now):
        return True
    invitations.require_allowance(session, tenant.id, actions, settings=settings, now=now)
    if keepers:
        changes = {"address": [None, address]}
        audit.record(session, queries.REFUSED, tenant, tenant_id=tenant.id, actor=actor, now=now, changes=changes)
    return bool(keepers)


def _digest(tenant_id: UUID, email: str, settings: IdentitySettings) -> str:
    """An address as the trail has it: nobody can tell whose it is, nor compare it with another tenant's."""
    text = f"{tenant_id}\n{address_key(email)}"
    return hmac.digest(settings.derive("refused addresses"), text.encode(), "sha256").hex()[:32]
