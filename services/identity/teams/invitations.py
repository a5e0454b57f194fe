"""Inviting people into a tenant."""

import hmac
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.emails import address_key
from chassis.core.errors import Conflict, Invalid
from chassis.core.principal import Principal
from chassis.data import audit
from chassis.data.errors import conflict_if_taken
from chassis.messaging import outbox
from services.identity.common.secrets import digest
from services.identity.links.models import Link
from services.identity.settings import IdentitySettings
from services.identity.tenants import queries as tenant_queries
from services.identity.users import queries as user_queries
from services.identity.users import rules as user_rules
from services.identity.users.events import UserInvited
from services.identity.users.models import ONE_ADDRESS, User

LIFETIME = timedelta(days=7)


def invite(
    session: Session,
    tenant_id: UUID,
    *,
    email: str,
    name: str,
    role: str,
    actor: Principal,
    settings: IdentitySettings,
    now: datetime,
) -> User:
    """Ask a person to join a tenant; the notifier mails the link.

    Raises:
        Invalid: ``role_does_not_fit`` the kind of tenant.
        Conflict: ``email_taken``, by a present user of any tenant.
    """
    tenant = tenant_queries.lock_tenant(session, tenant_id)
    if not user_rules.role_fits(tenant.kind, role):
        raise Invalid.field("role", f"Users of a {tenant.kind} cannot be {role}.", code="role_does_not_fit")
    user = User(
        id=uuid7(),
        tenant_id=tenant.id,
        email=email,
        email_key=address_key(email),
        name=name,
        role=role,
        created_at=now,
        invited_at=now,
        event_sequence=0,
    )
    session.add(user)
    audit.record(session, "user.invited", user, tenant_id=tenant.id, actor=actor, now=now)
    with conflict_if_taken(ONE_ADDRESS, "Somebody signs in with this e-mail address already.", code="email_taken"):
        session.flush()
    _publish(session, user, tenant.name, actor=actor, settings=settings, now=now)
    return user


def resend(
    session: Session, tenant_id: UUID, user_id: UUID, *, actor: Principal, settings: IdentitySettings, now: datetime
) -> User:
    """Mail an invitation again, with a new link; that of the mail before is no longer good.

    Raises:
        NotFound: no such user of the tenant.
        Conflict: ``invalid_transition``: it was accepted.
    """
    tenant = tenant_queries.tenant(session, tenant_id)
    user = user_queries.lock_user(session, tenant_id, user_id)
    if user.invited_at is None:
        raise Conflict("This invitation was accepted.", code="invalid_transition")
    user.invited_at = now
    audit.record(session, "user.invited", user, tenant_id=tenant_id, actor=actor, now=now)
    _publish(session, user, tenant.name, actor=actor, settings=settings, now=now)
    return user


def _publish(
    session: Session, user: User, tenant_name: str, *, actor: Principal, settings: IdentitySettings, now: datetime
) -> None:
    session.execute(delete(Link).where(Link.user_id == user.id, Link.purpose == "invitation", Link.used_at.is_(None)))
    link_id, expires_at = uuid7(), now + LIFETIME
    token = hmac.digest(settings.derive("links"), link_id.bytes, "sha256").hex()
    link = Link(
        id=link_id,
        tenant_id=user.tenant_id,
        user_id=user.id,
        purpose="invitation",
        digest=digest(token),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(link)
    event = UserInvited(
        user.id, user.tenant_id, user.email, user.name, user.role, tenant_name, actor.name, link_id, expires_at
    )
    outbox.add(session, user, event, tenants=(user.tenant_id,), actor=actor, now=now)
