"""A forgotten password, as the API and the pages have it: each function is its own transactions."""

from chassis.core.clock import utcnow
from chassis.http import idempotency
from chassis.http.current import db
from services.identity.account import password_actions, queries
from services.identity.common.clients import client_of_request
from services.identity.common.context import as_identity, own_settings
from services.identity.passwords import rules as password_rules
from services.identity.passwords.hashing import hash_password
from services.identity.sessions.throttle import TooManyAttempts


def ask(email: str) -> None:
    """Store that somebody wants a reset; the task does the rest. Whether an address is known is not looked up here."""
    try:
        with as_identity(), db.begin() as session:
            password_actions.ask_reset(
                session, email, client=client_of_request(), settings=own_settings(), now=utcnow()
            )
    except TooManyAttempts:
        idempotency.forget_answer()


def reset(token: str, password: str) -> None:
    """Set the password of the link's person.

    Raises:
        LinkInvalid: ``link_invalid``.
        Invalid: ``weak_password``; the link stays good.
    """
    settings = own_settings()
    with as_identity(), db.read() as session:
        user, tenant = queries.person_of_reset(session, token, settings=settings, now=utcnow())
    password_rules.check(password, email=user.email, tenant_name=tenant.name)
    new_hash = hash_password(password)  # slow on purpose, so before the transaction
    with as_identity(), db.begin() as session:
        password_actions.reset_password(
            session, token, new_hash, settings=settings, client=client_of_request(), now=utcnow()
        )
