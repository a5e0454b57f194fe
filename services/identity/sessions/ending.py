"""Ending what a browser still has."""

from chassis.core.clock import utcnow
from chassis.http.current import db
from services.identity.common.context import as_identity
from services.identity.sessions import actions, cookies


def end_presented() -> None:
    """End the sessions of all cookies that the browser sent."""
    if tokens := cookies.all_presented():
        with as_identity(), db.begin() as session:
            actions.revoke(session, *tokens, now=utcnow())
