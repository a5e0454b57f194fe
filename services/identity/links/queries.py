"""Reads of links."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from services.identity.links.actions import token_of
from services.identity.links.models import Link
from services.identity.settings import IdentitySettings
from services.identity.users.models import User


def link_for_mail(session: Session, link_id: UUID, *, settings: IdentitySettings, now: datetime) -> dict[str, Any]:
    """A link with what its mail says.

    Raises:
        NotFound: there is none, or it is used, replaced or over.
    """
    good = (Link.id == link_id, Link.used_at.is_(None), Link.expires_at > now, User.removed_at.is_(None))
    row = session.execute(select(Link, User).join(User, User.id == Link.user_id).where(*good)).one_or_none()
    if row is None:
        raise NotFound("There is no such link any more.")
    link, user = row
    token = token_of(link.id, settings)
    return {
        "token": token,
        "purpose": link.purpose,
        "email": user.email,
        "name": user.name,
        "expires_at": link.expires_at,
    }
