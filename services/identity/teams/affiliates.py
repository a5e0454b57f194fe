"""Inviting the affiliates of merchants, which another service asks for."""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.errors import Failure
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.messaging import outbox
from contracts.roles import Role
from services.identity.settings import IdentitySettings
from services.identity.teams import expiry, invitations
from services.identity.teams.events import AffiliateInvitationRefused
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.models import Tenant
from services.identity.users import queries as user_queries

EMAIL_TAKEN = "email_taken"


def invite_affiliate(
    session: Session,
    tenant_id: UUID,
    affiliate_id: UUID,
    *,
    email: str,
    name: str,
    invited_at: datetime,
    actor: Principal,
    settings: IdentitySettings,
    now: datetime,
) -> None:
    """Invite an affiliate into the merchant's tenant, or mail its invitation again. An address is one account on the
    whole platform: where somebody else has it, the merchant hears that the invitation was refused, and so it does where
    the address has had enough mails.

    Raises:
        NotFound: there is no such tenant (any longer).
        Invalid: ``role_does_not_fit``: the tenant is no merchant.
        Conflict: ``email_taken``, by somebody who came at this moment; the next try refuses.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    reason = None
    try:
        reason = _invite(session, tenant, email, name, actor=actor, settings=settings, now=now)
    except Failure as error:
        if error.status != HTTPStatus.TOO_MANY_REQUESTS:
            raise
        reason = error.code
    if reason:
        _refuse(session, tenant, affiliate_id, invited_at, reason, actor=actor, now=now)


def _invite(
    session: Session,
    tenant: Tenant,
    email: str,
    name: str,
    *,
    actor: Principal,
    settings: IdentitySettings,
    now: datetime,
) -> str | None:
    """Invite whoever has no account yet; return why that cannot be."""
    expiry.free_address(session, email, besides=tenant.id, now=now)
    users = user_queries.users_of_address(session, [email])
    if not users:
        who = {"email": email, "name": name, "role": Role.AFFILIATE}
        invitations.invite(session, tenant.id, **who, actor=actor, settings=settings, now=now)
        return None
    own = next((user for user in users if user.tenant_id == tenant.id and user.role == Role.AFFILIATE), None)
    if own is None:
        return EMAIL_TAKEN
    if own.invited_at is not None:
        invitations.resend(session, tenant.id, own.id, actor=actor, settings=settings, now=now)
    return None


def _refuse(
    session: Session,
    tenant: Tenant,
    affiliate_id: UUID,
    invited_at: datetime,
    reason: str,
    *,
    actor: Principal,
    now: datetime,
) -> None:
    changes = {"affiliateId": [None, str(affiliate_id)], "reason": [None, reason]}
    audit.record(
        session, "tenant.invitation_refused", tenant, tenant_id=tenant.id, actor=actor, now=now, changes=changes
    )
    event = AffiliateInvitationRefused(affiliate_id, tenant.id, invited_at, reason)
    outbox.add(session, tenant, event, tenants=(tenant.id,), actor=actor, now=now)
