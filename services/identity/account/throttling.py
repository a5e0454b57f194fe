"""Takes right passwords of people who are signed in off the count, and counts how often a network asks for resets."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.identity.account import rules
from services.identity.common.clients import Client
from services.identity.sessions import throttle
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
    throttle.count_network(session, client, "reset", rules.ASKS_OF_NETWORK, settings=settings, now=now)
