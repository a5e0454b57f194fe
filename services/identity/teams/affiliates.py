"""Inviting the affiliates of merchants, which another service asks for."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data import audit
from chassis.messaging import outbox
from contracts.roles import Role
from services.identity.settings import IdentitySettings
from services.identity.teams import invitations
from services.identity.teams.events import AffiliateInvitationRefused
from services.identity.teams.invitations import TooManyInvitations
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
    whole platform: where somebody else has it, the merchant is told that the invitation was refused.

    Raises:
        NotFound: there is no such tenant (any longer).
        Invalid: ``role_does_not_fit``: the tenant is no merchant.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    users = user_queries.users_of_address(session, [email])
    if not users:
        who = {"email": email, "name": name, "role": Role.AFFILIATE}
        invitations.invite(session, tenant.id, **who, actor=actor, settings=settings, now=now)
        return
    own = next((user for user in users if user.tenant_id == tenant.id and user.role == Role.AFFILIATE), None)
    if own is None:
        _refuse(session, tenant, affiliate_id, invited_at, actor=actor, now=now)
    elif own.invited_at is not None:
        with suppress(TooManyInvitations):  # the mail of a moment ago is still good
            invitations.resend(session, tenant.id, own.id, settings=settings, actor=actor, now=now)


def _refuse(
    session: Session, tenant: Tenant, affiliate_id: UUID, invited_at: datetime, *, actor: Principal, now: datetime
) -> None:
    changes = {"affiliateId": [None, str(affiliate_id)], "reason": [None, EMAIL_TAKEN]}
    audit.record(
        session, "tenant.invitation_refused", tenant, tenant_id=tenant.id, actor=actor, now=now, changes=changes
    )
    event = AffiliateInvitationRefused(affiliate_id, tenant.id, invited_at, EMAIL_TAKEN)
    outbox.add(session, tenant, event, tenants=(tenant.id,), actor=actor, now=now)
