"""Reads of sessions."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.sessions.models import RefreshToken


def lock_refresh_token(session: Session, digest: str) -> RefreshToken | None:
    """The refresh token, locked until the transaction ends: of two requests with it only one finds it unused."""
    return session.scalar(select(RefreshToken).where(RefreshToken.digest == digest).with_for_update())
