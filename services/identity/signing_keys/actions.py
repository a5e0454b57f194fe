"""The keys that sign access tokens: the first one, and their rotation without a refused token."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from chassis.data.bulk import insert_ignoring
from services.identity.settings import IdentitySettings
from services.identity.signing_keys import queries, rules
from services.identity.signing_keys.models import SigningKey
from services.identity.signing_keys.rules import KeyState
from services.identity.signing_keys.tokens import new_key_pair


def active_key(session: Session, *, settings: IdentitySettings, now: datetime) -> SigningKey:
    """The key that signs now. The first one is created here and signs at once: no verifier has read any yet."""
    statement = select(SigningKey).where(SigningKey.state == KeyState.ACTIVE)
    key = session.scalar(statement)
    if key is None:
        _add(session, KeyState.ACTIVE, settings=settings, now=now)
        key = session.scalars(statement).one()
    return key


def rotate_keys(session: Session, *, settings: IdentitySettings, now: datetime) -> None:
    """Take the rotation one step further, whichever is due. Any number of processes may call it at any time.

    A new key is first published and only signs once every verifier must have read it; the one it follows is served
    until its last token has ended. It begins when the active key is ``ROTATE_AFTER`` old.
    """
    first = active_key(session, settings=settings, now=now)
    keys = queries.lock_signing_keys(session)
    active = next((key for key in keys if key.state == KeyState.ACTIVE), first)
    coming = next((key for key in keys if key.state == KeyState.NEXT), None)
    if coming and rules.may_sign(coming.created_at, now):
        active.retire(now)
        session.flush()  # there is never a moment with two active keys
        coming.activate(now)
    elif coming is None and _is_old(active, now):
        _add(session, KeyState.NEXT, settings=settings, now=now)
    session.execute(delete(SigningKey).where(SigningKey.retired_at <= now - settings.token_lifetime - rules.MARGIN))


def _is_old(key: SigningKey, now: datetime) -> bool:
    return key.activated_at is not None and key.activated_at + rules.ROTATE_AFTER <= now


def _add(session: Session, state: KeyState, *, settings: IdentitySettings, now: datetime) -> None:
    """Add a key in ``state`` unless another process is doing so at this moment; then its key counts."""
    pair = new_key_pair()
    row = {
        "kid": uuid7().hex,
        "state": state.value,
        "public": pair.public,
        "secret": settings.secret_box.encrypt(pair.private),
        "created_at": now,
        "activated_at": now if state is KeyState.ACTIVE else None,
        "retired_at": None,
    }
    insert_ignoring(session, SigningKey, [row])
