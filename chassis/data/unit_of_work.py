"""Transactions that are more than one block: a unit that outlives them, savepoints, and what follows a commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from sqlalchemy.orm import Session


class Sessions(Protocol):
    """What opens sessions: a :class:`~chassis.data.database.Database`."""

    def open(self) -> Session: ...

    def after_commit(self, session: Session) -> None: ...


class Unit:
    """A transaction that outlives ``begin()`` blocks, so that something can be added before it commits.

    Opened lazily: what a view does before its first ``begin()`` (remote calls) is outside the transaction.
    """

    def __init__(self, at_begin: Callable[[Session], None]) -> None:
        self._at_begin = at_begin
        self._database: Sessions | None = None
        self._session: Session | None = None
        self.began = False  # stays true after a rollback: the work did start

    @property
    def active(self) -> bool:
        return self._session is not None

    def session_of(self, database: Sessions) -> Session:
        if self._session is None:
            self._database, self._session = database, database.open()
            self.began = True
            self._at_begin(self._session)
        return self._session

    def flush(self) -> None:
        if self._session is not None:
            self._session.flush()

    def commit(self) -> None:
        if self._session is not None and self._database is not None:
            self._session.commit()
            self._database.after_commit(self._session)
            self._session.close()

    def rollback(self) -> None:
        if self._session is not None:
            self._session.rollback()
            self._session.close()
            self._session = None

    @contextmanager
    def entered(self) -> Iterator["Unit"]:
        token = current_unit.set(self)
        try:
            yield self
        finally:
            current_unit.reset(token)
            self.rollback()


AFTER_COMMIT = "calls after the commit"


def once_committed(session: Session, call: Callable[[], object]) -> None:
    """Call something after the commit, and never after a rollback: counting, for example."""
    session.info.setdefault(AFTER_COMMIT, []).append(call)


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """A part of a transaction that may fail alone; then its calls for after the commit are dropped too."""
    following = list(session.info.get(AFTER_COMMIT, ()))
    try:
        with session.begin_nested():
            yield
    except BaseException:
        session.info[AFTER_COMMIT] = following
        raise


current_unit: ContextVar[Unit | None] = ContextVar("unit", default=None)
"""The unit that what is written now joins."""


@contextmanager
def outside_unit() -> Iterator[None]:
    """What is written here commits by itself, whatever becomes of the request: a counted try must not be undone by the
    refusal that follows it. Before anything has been written in the unit itself."""
    unit = current_unit.get()
    if unit is not None and unit.active:
        raise RuntimeError("the request has begun to write already")
    token = current_unit.set(None)
    try:
        yield
    finally:
        current_unit.reset(token)
