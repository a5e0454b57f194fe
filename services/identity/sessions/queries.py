"""Reads of sessions."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.sessions.models import RefreshToken, SignedIn


def lock_refresh_token(session: Session, digest: str) -> RefreshToken | None:
    """The refresh token, locked until the transaction ends: of two requests with it only one finds it unused."""
    return session.scalar(select(RefreshToken).where(RefreshToken.digest == digest).with_for_update())


def living(session: Session, session_id: UUID) -> SignedIn | None:
    """A sign-in that has not been ended."""
    return session.scalar(select(SignedIn).where(SignedIn.id == session_id, SignedIn.ended_at.is_(None)))


def living_of_user(session: Session, user_id: UUID) -> Sequence[SignedIn]:
    """The sign-ins of a user that have not been ended, newest first."""
    statement = select(SignedIn).where(SignedIn.user_id == user_id, SignedIn.ended_at.is_(None))
    return session.scalars(statement.order_by(SignedIn.id.desc())).all()
