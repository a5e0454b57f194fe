"""Giving a new thing its key: the one its tenant names, or one made from its name (S1-8, D28)."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.errors import Conflict
from chassis.data.errors import is_taken
from services.promotions.common import uid_rules

T = TypeVar("T")
ATTEMPTS = 10


def insert(
    session: Session,
    make: Callable[[str], T],
    *,
    wanted: str | None,
    seed: str,
    column: InstrumentedAttribute[str],
    unique: UniqueConstraint,
    taken: Conflict,
) -> T:
    """Insert what ``make`` adds to the session for a key; again with the next free one where another was quicker.

    Args:
        make: gets the key and returns the thing, added to the session.
        wanted: the key that the tenant has named.
        seed: what a key is made from otherwise.
        taken: what is raised when ``wanted`` is somebody else's.
    """
    for _ in range(ATTEMPTS):
        key = wanted or uid_rules.free(seed, _like(session, column, seed))
        try:
            with session.begin_nested():
                made = make(key)
                session.flush()
                return made
        except IntegrityError as error:
            if not is_taken(error, unique):
                raise
            if wanted:
                raise taken from error
    raise taken


def _like(session: Session, column: InstrumentedAttribute[str], seed: str) -> set[str]:
    mine: Any = select(column).where(column.startswith(seed, autoescape=True))
    return set(session.scalars(mine)) | uid_rules.RESERVED
