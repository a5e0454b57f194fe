"""Ending what a browser still has."""

from collections.abc import Sequence
from uuid import UUID

from chassis.core.clock import utcnow
from chassis.http.current import db
from services.identity.common.context import as_identity
from services.identity.common.secrets import digest
from services.identity.sessions import actions, cookies, queries


def presented_sessions() -> Sequence[UUID]:
    """The living sessions of all cookies that the browser sent."""
    if not (tokens := cookies.all_presented()):
        return []
    with as_identity(), db.read() as session:
        return queries.sessions_of_tokens(session, [digest(token) for token in tokens])


def end_presented(*known: UUID) -> None:
    """End the sessions of all cookies that the browser sent, and those that it is ``known`` to have besides."""
    if tokens := cookies.all_presented():
        with as_identity(), db.begin() as session:
            actions.revoke(session, *tokens, now=utcnow())
    if known:
        with as_identity(), db.begin() as session:
            actions.end(session, known, now=utcnow())
