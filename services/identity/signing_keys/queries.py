"""Reads of signing keys."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.signing_keys import rules
from services.identity.signing_keys.models import SigningKey
from services.identity.signing_keys.rules import KeyState


def lock_signing_keys(session: Session) -> Sequence[SigningKey]:
    """All signing keys as they are now, locked until the transaction ends."""
    statement = select(SigningKey).order_by(SigningKey.kid).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).all()


def published_keys(session: Session, *, token_lifetime: timedelta, now: datetime) -> Sequence[SigningKey]:
    """The keys verifiers may meet: the next one, the active one, and retired ones whose tokens may still live."""
    keys = session.scalars(select(SigningKey).order_by(SigningKey.created_at.desc(), SigningKey.kid)).all()
    return [
        key
        for key in keys
        if key.state != KeyState.RETIRED
        or (key.retired_at and rules.still_verifies(key.retired_at, token_lifetime, now))
    ]
