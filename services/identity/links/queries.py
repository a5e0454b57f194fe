"""Reads of links."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chassis.core.errors import NotFound
from services.identity.common.secrets import digest, same
from services.identity.links import rules
from services.identity.links.models import Link
from services.identity.settings import IdentitySettings
from services.identity.users.models import User


def link_of_token(
    session: Session, token: str, purpose: str, *, settings: IdentitySettings, now: datetime
) -> Link | None:
    """The good link of a token; None where the token is not ours or for something else, and where its link is used,
    replaced or over. Nobody who can write digests into the table can make one: the token must come from the id."""
    link = session.scalar(select(Link).where(Link.digest == digest(token), Link.purpose == purpose))
    if link is None or not same(token, rules.token_of(link.id, settings.derive("links"))):
        return None
    return link if link.is_good(now) else None


def lock_link(session: Session, link_id: UUID) -> Link | None:
    """A link as it is now, locked until the transaction ends."""
    statement = select(Link).where(Link.id == link_id).with_for_update()
    return session.scalar(statement.execution_options(populate_existing=True))


def lock_good_links(session: Session, user_id: UUID, purpose: str, *, now: datetime) -> Sequence[Link]:
    """The good links of a user for one purpose, locked until the transaction ends."""
    good = (Link.user_id == user_id, Link.purpose == purpose, Link.used_at.is_(None), Link.expires_at > now)
    return session.scalars(select(Link).where(*good).with_for_update()).all()


def count_made(session: Session, user_id: UUID, purpose: str, *, since: datetime) -> int:
    """How many links of that purpose a user has had since then, at most a day ago, good or not."""
    made = (Link.user_id == user_id, Link.purpose == purpose, Link.created_at > since)
    return session.scalar(select(func.count()).select_from(Link).where(*made)) or 0


def newest_good(session: Session, user_id: UUID, purpose: str, *, now: datetime) -> datetime | None:
    """When the user's good link of that purpose was made; None where there is none."""
    good = (Link.user_id == user_id, Link.purpose == purpose, Link.used_at.is_(None), Link.expires_at > now)
    return session.scalar(select(func.max(Link.created_at)).where(*good))


def link_for_mail(session: Session, link_id: UUID, *, settings: IdentitySettings, now: datetime) -> dict[str, Any]:
    """A link with its token and what its mail says.

    Raises:
        NotFound: there is none, it is used, replaced or over, or its user has been removed or suspended.
    """
    good = (Link.id == link_id, Link.used_at.is_(None), Link.expires_at > now)
    welcome = (User.removed_at.is_(None), User.suspended_at.is_(None))
    row = session.execute(select(Link, User).join(User, User.id == Link.user_id).where(*good, *welcome)).one_or_none()
    if row is None:
        raise NotFound("There is no such link any more.")
    link, user = row
    return {
        "token": rules.token_of(link.id, settings.derive("links")),
        "purpose": link.purpose,
        "email": user.email,
        "name": user.name,
        "expires_at": link.expires_at,
    }
