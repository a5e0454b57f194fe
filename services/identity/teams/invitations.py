"""Accepting an invitation."""

from datetime import datetime

from sqlalchemy.orm import Session

from chassis.data import audit
from services.identity.links import actions as link_actions
from services.identity.links.rules import INVITATION, LinkInvalid
from services.identity.passwords.hashing import hash_password
from services.identity.passwords.rules import check
from services.identity.settings import IdentitySettings
from services.identity.tenants import queries as tenant_queries
from services.identity.users import queries as user_queries
from services.identity.users.models import User


def accept(
    session: Session, token: str, *, name: str, password: str, settings: IdentitySettings, now: datetime
) -> User:
    """Make the invited person a user with a name and a password.

    Raises:
        LinkInvalid: ``link_invalid``.
        Invalid: ``weak_password``.
    """
    link = link_actions.use_link(session, token, INVITATION, settings=settings, now=now)
    user = user_queries.lock_user(session, link.tenant_id, link.user_id) if link else None
    if user is None or user.invited_at is None:
        raise LinkInvalid
    tenant = tenant_queries.tenant(session, user.tenant_id)
    check(password, email=user.email, tenant_name=tenant.name)
    user.name, user.invited_at, user.password_hash = name, None, hash_password(password)
    audit.record(session, "user.joined", user, tenant_id=tenant.id, actor=user.as_principal(tenant), now=now)
    return user
