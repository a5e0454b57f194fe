"""Reads of sessions."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data.bulk import among
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from services.identity.sessions.models import RefreshToken, Revocation, SignedIn


def owner_of_token(session: Session, digest: str) -> UUID | None:
    """Whose refresh token it is."""
    return session.scalar(select(RefreshToken.user_id).where(RefreshToken.digest == digest))


def lock_refresh_token(session: Session, digest: str) -> RefreshToken | None:
    """The refresh token, locked until the transaction ends: of two requests with it only one finds it unused."""
    return session.scalar(select(RefreshToken).where(RefreshToken.digest == digest).with_for_update())


def lock_refresh_tokens(session: Session, digests: Collection[str]) -> Sequence[RefreshToken]:
    """Those of several refresh tokens that there are, locked until the transaction ends, always in the same order."""
    statement = select(RefreshToken).where(RefreshToken.digest.in_(digests)).order_by(RefreshToken.id)
    return session.scalars(statement.with_for_update()).all()


def sessions_of_tokens(session: Session, digests: Collection[str]) -> Sequence[UUID]:
    """The sessions that refresh tokens belong to, those that have not been ended."""
    living = select(RefreshToken.family).where(RefreshToken.digest.in_(digests), RefreshToken.revoked_at.is_(None))
    return session.scalars(living.distinct()).all()


def session_of(session: Session, family: UUID) -> SignedIn | None:
    """The sign-in of a refresh token's family, ended or not; None for one from before there were sessions."""
    return session.scalar(select(SignedIn).where(SignedIn.id == family))


def last_seen(session: Session, user_ids: Collection[UUID], *, by: datetime) -> datetime | None:
    """When any session of these users was last seen, by the clocks of the processes that saw them; not after ``by``."""
    own = among(session, SignedIn.user_id, user_ids)
    return session.scalar(select(func.max(SignedIn.seen_at)).where(own, SignedIn.seen_at <= by))


def refused_until(session: Session, user_id: UUID) -> datetime | None:
    """Until when tokens of a user must have been issued to be refused; None where nothing has changed for long."""
    return session.scalar(select(Revocation.at).where(Revocation.id == user_id))


def own_session(session: Session, user_id: UUID, session_id: UUID) -> SignedIn:
    """A sign-in of this user that has not been ended.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    own = (SignedIn.id == session_id, SignedIn.user_id == user_id, SignedIn.ended_at.is_(None))
    return one_or_404(session, select(SignedIn).where(*own), "There is no such session.")


def list_sessions(
    session: Session, reader: Principal, *, page: int, page_size: int, idle_lifetime: timedelta, now: datetime
) -> Page:
    """The sign-ins of a user that can still be renewed, newest first."""
    alive = (SignedIn.ended_at.is_(None), SignedIn.expires_at > now, SignedIn.seen_at > now - idle_lifetime)
    statement = select(SignedIn).where(SignedIn.user_id == reader.user_id, *alive).order_by(SignedIn.id.desc())

    def to_item(signed_in: SignedIn) -> dict[str, Any]:
        return {
            "id": signed_in.id,
            "device": signed_in.device,
            "address": signed_in.address,
            "how": signed_in.how,
            "since": signed_in.created_at,
            "last_seen": signed_in.seen_at,
            "current": signed_in.id == reader.session_id,
        }

    return paginate(session, statement, page=page, page_size=page_size, to_item=to_item)


def living(session: Session, session_id: UUID) -> SignedIn | None:
    """A sign-in that has not been ended."""
    return session.scalar(select(SignedIn).where(SignedIn.id == session_id, SignedIn.ended_at.is_(None)))


def living_of_user(session: Session, user_id: UUID) -> Sequence[SignedIn]:
    """The sign-ins of a user that have not been ended, newest first."""
    statement = select(SignedIn).where(SignedIn.user_id == user_id, SignedIn.ended_at.is_(None))
    return session.scalars(statement.order_by(SignedIn.id.desc())).all()
