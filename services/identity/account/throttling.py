"""Takes right passwords of people who are signed in off the count, and counts how often a network asks for resets."""

import hmac
from datetime import datetime

from sqlalchemy.orm import Session

from services.identity.account import rules
from services.identity.common.clients import Client
from services.identity.sessions import throttle
from services.identity.sessions.throttle import Attempt, TooManyAttempts
from services.identity.settings import IdentitySettings
from services.identity.users.models import User


def forgive(session: Session, user: User, client: Client, *, settings: IdentitySettings, now: datetime) -> None:
    """Take the try off again: the password was right."""
    attempt = throttle.attempt_of(session, user.email, [user], client=client, settings=settings)
    throttle.take_off(session, attempt, signed_in=True, now=now)


def count_ask(session: Session, client: Client, *, settings: IdentitySettings, now: datetime) -> None:
    """Count a reset that a network asks for.

    Raises:
        TooManyAttempts: too many.
    """
    key = hmac.digest(settings.derive("reset throttle"), client.network.encode(), "sha256").hex()
    if refusal := throttle.count(session, Attempt(key, {key: rules.ASKS_OF_NETWORK}), now=now):
        raise TooManyAttempts(refusal.wait)
