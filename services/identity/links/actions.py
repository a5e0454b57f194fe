"""Making links that are good once, and using them."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.core.clock import CLOCKS_APART
from chassis.data.bulk import execute_counted
from services.identity.common.secrets import digest
from services.identity.links import queries, rules
from services.identity.links.models import Link
from services.identity.settings import IdentitySettings
from services.identity.users import queries as user_queries
from services.identity.users.models import User

REMEMBERED = timedelta(days=1)
"""How long a link stays after its end: those of the last hour are counted (``queries.count_made``)."""
TRIM = 1000  # rows a call


def make_link(
    session: Session, user: User, purpose: str, *, lifetime: timedelta, settings: IdentitySettings, now: datetime
) -> Link:
    """A new link for a user. The unused ones of the same purpose are no longer good: only the last mail's link is."""
    session.flush()  # a new user is there, and a change of it written, before its row is locked
    user_queries.lock_row(session, user.id)
    for earlier in queries.lock_good_links(session, user.id, purpose, now=now):
        earlier.replace(now)
    link_id = uuid7()
    link = Link(
        id=link_id,
        tenant_id=user.tenant_id,
        user_id=user.id,
        purpose=purpose,
        digest=digest(rules.token_of(link_id, settings.derive("links"))),
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(link)
    session.flush()
    return link


def use_link(session: Session, token: str, purpose: str, *, settings: IdentitySettings, now: datetime) -> Link | None:
    """The link of a token, which is used up with it; None where it is not good (``queries.link_of_token``).

    Its user is locked before it, as in ``make_link``, so that the two never wait for each other.
    """
    link = queries.link_of_token(session, token, purpose, settings=settings, now=now)
    if link is None:
        return None
    user_queries.lock_row(session, link.user_id)
    locked = queries.lock_link(session, link.id)
    if locked is None or not locked.is_good(now):
        return None  # somebody else was quicker, or it has been replaced
    locked.use(now)
    return locked


def end_links(session: Session, user_id: UUID, *, now: datetime) -> None:
    """Let none of a locked user's links be good any more, by whichever clock: somebody else may read the mailbox they
    went to."""
    end = now - CLOCKS_APART
    good = (Link.user_id == user_id, Link.used_at.is_(None), Link.expires_at > end)
    session.execute(update(Link).where(*good).values(expires_at=end))


def trim(session: Session, *, now: datetime) -> bool:
    """Delete links that ended a day ago; return whether there may be more."""
    over = select(Link.id).where(Link.expires_at < now - REMEMBERED).limit(TRIM)
    return execute_counted(session, delete(Link).where(Link.id.in_(over))) >= TRIM
