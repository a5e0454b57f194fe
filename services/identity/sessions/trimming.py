"""Deletes what has ended: sessions and their refresh tokens, revocations and throttles."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.data.bulk import execute_counted
from services.identity.sessions.models import LoginThrottle, RefreshToken, Revocation, SignedIn
from services.identity.sessions.rules import ENDED_KEPT, Buckets
from services.identity.settings import IdentitySettings
from services.identity.signing_keys.rules import MARGIN

TRIM = 1000  # rows of each a call


def trim(session: Session, *, settings: IdentitySettings, now: datetime) -> bool:
    """Delete what has ended and tells nothing any more; return whether there may be more."""
    forgotten = Buckets.of(settings.attempts, settings.attempts_period).longest
    idle = SignedIn.seen_at < now - settings.idle_lifetime - ENDED_KEPT
    ended = or_(SignedIn.ended_at < now - ENDED_KEPT, SignedIn.expires_at < now, idle)
    used_up = or_(RefreshToken.expires_at < now, RefreshToken.revoked_at < now - ENDED_KEPT)
    counts = [
        _delete(session, RefreshToken.id, used_up),  # first: one without a session would get a new one
        _delete(session, SignedIn.id, ended),
        _delete(session, Revocation.id, Revocation.noted_at < now - settings.token_lifetime - MARGIN),
        _delete(session, LoginThrottle.key, LoginThrottle.window_start < now - forgotten),
    ]
    return max(counts) >= TRIM


def _delete(session: Session, key: InstrumentedAttribute[Any], condition: ColumnElement[bool]) -> int:
    model = key.class_
    rows = select(key).where(condition).limit(TRIM)
    return execute_counted(session, delete(model).where(key.in_(rows)))
