"""A service's own database. There are two ways to send it a statement.

* A session: ``begin()`` for a write transaction, ``read()`` for a reading one. Everything is written and read this way,
  many rows at once with the helpers of ``bulk``, inside the same transaction.
* ``run()`` for one statement that is a whole transaction, where a benchmark has shown that round trips cost most:
  evaluations and sent mails.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Any

from sqlalchemy import Executable, event
from sqlalchemy.orm import Session, sessionmaker

from chassis.data.autocommit import Autocommit
from chassis.data.engine import engine_of
from chassis.data.tenancy import narrow_to_tenant, scoped
from chassis.data.unit_of_work import AFTER_COMMIT, current_unit


class Database:
    """One service's database. ``pool_size`` connections are kept open, up to ``overflow`` more are closed after use."""

    def __init__(self, url: str, pool_size: int = 8, overflow: int = 8) -> None:
        self.engine = engine_of(url, pool_size, overflow)
        self.wake_relay = Event()
        self.info: dict[str, Any] = {}  # what every session carries in its ``info``
        self._write = sessionmaker(self.engine, expire_on_commit=False, info=self.info)
        self._autocommit = Autocommit(self.engine)
        reading = self.engine.execution_options(concord_read=True, postgresql_readonly=True)
        self._read = sessionmaker(reading, expire_on_commit=False, info=self.info)
        event.listen(self._write, "do_orm_execute", narrow_to_tenant)
        event.listen(self._read, "do_orm_execute", narrow_to_tenant)

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One write transaction for the caller: committed at the end of the block, rolled back on an exception.

        Inside a :class:`Unit` the block joins the unit's transaction, which ends with the unit.
        """
        unit = current_unit.get()
        if unit is not None:
            yield unit.session_of(self)
            unit.flush()
            return
        with self._write() as session, session.begin():
            yield scoped(session)
        self.after_commit(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One reading transaction for the caller. Never waits for a writer."""
        unit = current_unit.get()
        if unit is not None and unit.active:
            yield unit.session_of(self)
            return
        with self._read() as session, session.begin():
            yield scoped(session)

    def run(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Write with one statement that is a transaction of its own; return how many rows it touched.

        It is sent again when the connection turns out to be lost, so it must change nothing where it has done its work
        already. No tenant filter applies, and it never joins a :class:`Unit`.
        """
        return self._autocommit.run(statement, values)

    def open(self) -> Session:
        return scoped(self._write())

    def after_commit(self, session: Session) -> None:
        if session.info.pop("outbox", False):
            self.wake_relay.set()
        for call in session.info.pop(AFTER_COMMIT, ()):
            call()

    def close(self) -> None:
        self._autocommit.close()
        self.engine.dispose()
