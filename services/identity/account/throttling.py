"""Counts wrong passwords of people who are signed in, and how often an address asks for resets."""

from datetime import datetime

from sqlalchemy.orm import Session

from services.identity.account import rules
from services.identity.common.clients import Client
from services.identity.sessions import throttle
from services.identity.settings import IdentitySettings
from services.identity.users.models import User


def count_try(session: Session, user: User, client: Client, *, settings: IdentitySettings, now: datetime) -> None:
    """Count a password that a person shows before it is looked at.

    Raises:
        TooManyAttempts: too many wrong ones, as at sign-in.
    """
    key = throttle.throttle_key(user.email, client.address)
    throttle.count_attempt(session, key, limit=settings.attempts, period=settings.attempts_period, now=now)


def forgive(session: Session, user: User, client: Client) -> None:
    """Take the try off again: the password was right."""
    throttle.take_off(session, throttle.throttle_key(user.email, client.address))


def count_ask(session: Session, client: Client, *, now: datetime) -> None:
    """Count a reset that an address asks for.

    Raises:
        TooManyAttempts: too many.
    """
    key = throttle.throttle_key("asks for resets", client.address)
    throttle.count_attempt(session, key, limit=rules.ASKS_OF_ADDRESS, period=rules.ASKS_PERIOD, now=now)
