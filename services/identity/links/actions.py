"""Making links that are good once, and using them."""

import base64
import hmac
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from services.identity.common.secrets import digest
from services.identity.links.models import Link
from services.identity.settings import IdentitySettings
from services.identity.users.models import User


def make_link(
    session: Session, user: User, purpose: str, *, lifetime: timedelta, settings: IdentitySettings, now: datetime
) -> Link:
    """A new link for a user, whose row is locked or new; it replaces the unused ones of the same purpose."""
    session.flush()
    replaced = (Link.user_id == user.id, Link.purpose == purpose, Link.used_at.is_(None))
    session.execute(delete(Link).where(*replaced))
    link_id = uuid7()
    link = Link(
        id=link_id,
        tenant_id=user.tenant_id,
        user_id=user.id,
        purpose=purpose,
        digest=digest(token_of(link_id, settings)),
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(link)
    session.flush()
    return link


def use_link(session: Session, token: str, purpose: str, *, settings: IdentitySettings, now: datetime) -> Link | None:
    """The link of a token, which is used up with it; None when it is unknown, used, replaced or over."""
    link = session.scalar(select(Link).where(Link.digest == digest(token), Link.purpose == purpose).with_for_update())
    if link is None or link.used_at is not None or now >= link.expires_at:
        return None
    link.used_at = now
    return link


def token_of(link_id: UUID, settings: IdentitySettings) -> str:
    """What a link carries: made from its id, and by nobody but us."""
    made = hmac.digest(settings.derive("links"), link_id.bytes, "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
