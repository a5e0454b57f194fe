"""Deletes what has ended: sessions and their refresh tokens, revocations, throttles, and tries for accounts that do not
exist, which belong to nobody once they do not count any more."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.data.bulk import execute_counted
from services.identity.sessions.models import LoginThrottle, RefreshToken, Revocation, SignedIn
from services.identity.sessions.rules import ENDED_KEPT, Buckets
from services.identity.settings import IdentitySettings
from services.identity.sign_ins.models import SignIn
from services.identity.signing_keys.rules import MARGIN

TRIM = 1000  # rows of each a call


def trim(session: Session, *, settings: IdentitySettings, now: datetime) -> bool:
    """Delete what has ended and tells nothing any more; return whether there may be more."""
    forgotten = Buckets.of(settings.attempts, settings.attempts_period).longest
    unknown = (SignIn.user_id.is_(None), SignIn.tenant_id.is_(None), SignIn.at < now - max(forgotten, ENDED_KEPT))
    idle_since = now - settings.idle_lifetime - ENDED_KEPT
    counts = [  # each condition by itself, by its own index
        _delete(session, RefreshToken.id, RefreshToken.expires_at < now),  # first: one without a session gets a new one
        _delete(session, RefreshToken.id, RefreshToken.revoked_at < now - ENDED_KEPT),
        _delete(session, SignedIn.id, SignedIn.ended_at < now - ENDED_KEPT),
        _delete(session, SignedIn.id, SignedIn.expires_at < now),
        _delete(session, SignedIn.id, SignedIn.seen_at < idle_since),
        _delete(session, Revocation.id, Revocation.noted_at < now - settings.token_lifetime - MARGIN),
        _delete(session, LoginThrottle.key, LoginThrottle.window_start < now - forgotten),
        _delete(session, SignIn.id, *unknown),
    ]
    return max(counts) >= TRIM


def _delete(session: Session, key: InstrumentedAttribute[Any], *conditions: ColumnElement[bool]) -> int:
    model = key.class_
    rows = select(key).where(*conditions).limit(TRIM)
    return execute_counted(session, delete(model).where(key.in_(rows)))
