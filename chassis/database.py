"""A service's own database: engine, transactions, and the tenant filter on every statement.

SQLite and PostgreSQL behave alike here: a write transaction takes its locks at once (``BEGIN IMMEDIATE`` on SQLite), a
reading one cannot write. ``chassis.columns`` has the column types, ``chassis.refusals`` what a refusal means.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event
from typing import Any, cast
from uuid import UUID

import psycopg
from sqlalchemy import (
    ColumnElement,
    Engine,
    Executable,
    FromClause,
    MetaData,
    Table,
    create_engine,
    event,
    false,
    insert,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import (
    DeclarativeBase,
    LoaderCriteriaOption,
    Mapped,
    ORMExecuteState,
    Session,
    mapped_column,
    sessionmaker,
    with_loader_criteria,
)

from chassis.columns import NAMING, TYPES
from chassis.identity import Role, caller
from chassis.kept import KeptConnection


class ChassisBase(DeclarativeBase):
    """The tables that every service has for the chassis' own use: outbox, inbox, parked, idempotency, audit."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class TenantScoped:
    """A mapped class whose rows belong to tenants.

    Inside a request every ORM select, update and delete is narrowed to rows that ``visible_to`` the caller's tenant.
    That is the one place where a service says who may see what (S0-9).
    """

    @classmethod
    def visible_to(cls, tenant_id: UUID) -> ColumnElement[bool]:
        """The rows a tenant may see: none, until the class says otherwise."""
        return false()


class Aggregate:
    """A thing that has a history of events: ``event_sequence`` counts them from 1 without gaps."""

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    event_sequence: Mapped[int] = mapped_column(default=0, server_default="0", sort_order=98)


class Database:
    """One service's database: ``begin()`` for a write transaction, ``read()`` for a reading one.

    Args:
        url: SQLAlchemy URL.
        pool_size: connections kept open.
        overflow: connections opened beyond that and closed after use.
    """

    def __init__(self, url: str, pool_size: int = 8, overflow: int = 8) -> None:
        self.engine = _create_engine(url, pool_size, overflow)
        self.wake_relay = Event()
        self._write = sessionmaker(self.engine, expire_on_commit=False)
        self._kept = KeptConnection(self.engine)
        read_only = {"concord_read": True, "postgresql_readonly": True}
        self._read = sessionmaker(self.engine.execution_options(**read_only), expire_on_commit=False)
        event.listen(self._write, "do_orm_execute", _narrow_to_tenant)
        event.listen(self._read, "do_orm_execute", _narrow_to_tenant)

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One write transaction for the caller: committed at the end of the block, rolled back on an exception.

        Inside a :class:`Unit` the block joins the unit's transaction, which ends with the unit.
        """
        unit = _unit.get()
        if unit is not None:
            yield unit.session_of(self)
            unit.flush()
            return
        with self._write() as session, session.begin():
            yield _scoped(session)
        self.after_commit(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One reading transaction for the caller. Never waits for a writer."""
        unit = _unit.get()
        if unit is not None and unit.active:
            yield unit.session_of(self)
            return
        with self._read() as session, session.begin():
            yield _scoped(session)

    @property
    def in_unit(self) -> bool:
        """Whether what is written now joins a :class:`Unit`."""
        return _unit.get() is not None

    def run(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Write with one statement that is a transaction of its own; return how many rows it has touched.

        On PostgreSQL it goes there and back once on a connection that is kept for this (:class:`KeptConnection`), so
        it must be a statement that is made once, and do nothing where it has done its work. Nothing narrows it: it
        names its tenant itself. Inside a :class:`Unit` it joins the unit's transaction.
        """
        unit = _unit.get()
        if unit is None and self.dialect == "postgresql":
            return self._kept.run(statement, values)
        counted = statement.execution_options(preserve_rowcount=True)
        if unit is not None:
            result: Any = unit.session_of(self).execute(counted, values)
            return int(result.rowcount)
        with self.engine.begin() as connection:
            return connection.execute(counted, values).rowcount

    def open(self) -> Session:
        return _scoped(self._write())

    def after_commit(self, session: Session) -> None:
        if session.info.pop("outbox", False):
            self.wake_relay.set()
        for call in session.info.pop(FOLLOWING, ()):
            call()

    def close(self) -> None:
        self._kept.close()
        self.engine.dispose()


class Unit:
    """A transaction that outlives ``begin()`` blocks, so that something can be added before it commits.

    Opened lazily: what a view does before its first ``begin()`` (remote calls) is outside the transaction.
    """

    def __init__(self, at_begin: Callable[[Session], None]) -> None:
        self._at_begin = at_begin
        self._database: Database | None = None
        self._session: Session | None = None
        self.began = False  # stays true after a rollback: the work did start

    @property
    def active(self) -> bool:
        return self._session is not None

    def session_of(self, database: Database) -> Session:
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
        token = _unit.set(self)
        try:
            yield self
        finally:
            _unit.reset(token)
            self.rollback()


_unit: ContextVar[Unit | None] = ContextVar("unit", default=None)


FOLLOWING = "what follows the commit"


def once_committed(session: Session, call: Callable[[], object]) -> None:
    """Have something done after the transaction is committed, and not if it is rolled back: counting, say."""
    session.info.setdefault(FOLLOWING, []).append(call)


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """A part of a transaction that may fail by itself; what would have followed its commit does not then."""
    following = list(session.info.get(FOLLOWING, ()))
    try:
        with session.begin_nested():
            yield
    except BaseException:
        session.info[FOLLOWING] = following
        raise


def insert_ignoring(session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows, leaving out those whose key exists already; return how many were new."""
    return len(insert_new(session, model, rows, next(iter(model.__table__.primary_key))))


def insert_new(
    session: Session, model: type[DeclarativeBase], rows: Sequence[Mapping[str, Any]], column: ColumnElement[Any]
) -> list[Any]:
    """Insert rows, leaving out those whose key exists already; return ``column`` of those that were new."""
    if not rows:
        return []
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(model.__table__).on_conflict_do_nothing().returning(column)  # type: ignore[arg-type]
    return list(session.scalars(statement, list(rows)))  # rows apart from the statement: it is compiled once


COPY_FROM = 50  # rows; fewer are inserted sooner than a COPY is begun and ended


def insert_many(session: Session, table: FromClause, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with the same columns; many of them on PostgreSQL by COPY, which costs half of an INSERT a row."""
    if len(rows) < COPY_FROM or session.get_bind().dialect.name != "postgresql":
        session.execute(insert(cast(Table, table)), list(rows))
        return
    connection = session.connection()
    columns = list(rows[0])
    statement = f"COPY {cast(Table, table).name} ({', '.join(columns)}) FROM STDIN"
    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([row[column] for column in columns])
    except psycopg.Error as error:
        lost = connection.connection.dbapi_connection.closed  # type: ignore[union-attr]
        raise DBAPIError.instance(statement, None, error, psycopg.Error, connection_invalidated=lost) from error


def _scoped(session: Session) -> Session:
    """Remember whose session this is. Our own processes and the operator see every tenant."""
    principal = caller()
    sees_all = principal.is_system or principal.role is Role.PLATFORM_ADMIN
    session.info["narrow"] = () if sees_all else _narrow_all_to(principal.tenant_id)
    return session


def _narrow_all_to(tenant_id: UUID) -> tuple[LoaderCriteriaOption, ...]:
    scoped = TenantScoped.__subclasses__()
    return tuple(with_loader_criteria(cls, cls.visible_to(tenant_id), include_aliases=True) for cls in scoped)


def _narrow_to_tenant(state: ORMExecuteState) -> None:
    if state.is_select or state.is_update or state.is_delete:
        state.statement = state.statement.options(*state.session.info["narrow"])


def _create_engine(url: str, pool_size: int, overflow: int) -> Engine:
    if url.startswith("sqlite"):
        waiting = {"timeout": 30, "check_same_thread": False}
        engine = create_engine(url, pool_size=pool_size, max_overflow=overflow, connect_args=waiting)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    limits = "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=60s"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=overflow,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_use_lifo=True,  # as few connections at work as there is work, so that the server can close the others
        connect_args={"options": limits, "connect_timeout": 3},
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("concord_read")
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
