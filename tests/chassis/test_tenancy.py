"""What a session shows of a mapped class whose rows belong to tenants (S0-9)."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import ColumnElement, ForeignKey, delete, event, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, aliased, joinedload, mapped_column, relationship, selectinload

from chassis.core.principal import Principal, acting_as
from chassis.data.database import Database
from chassis.data.tenancy import TenantId, TenantScoped, across_tenants
from tests.plugin import principal


class Base(DeclarativeBase):
    pass


class Owned(TenantScoped):
    tenant_id: Mapped[UUID]

    @classmethod
    def visible_to(cls, tenant_id: TenantId) -> ColumnElement[bool]:
        return cls.tenant_id == tenant_id


class Shelf(Owned, Base):
    __tablename__ = "shelves"

    id: Mapped[int] = mapped_column(primary_key=True)
    books: Mapped[list["Book"]] = relationship(back_populates="shelf")


class Book(Owned, Base):
    """May stand on somebody else's shelf."""

    __tablename__ = "books"

    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelves.id"))
    shelf: Mapped[Shelf] = relationship(back_populates="books")


class Unsaid(TenantScoped, Base):
    """Does not say who may see it."""

    __tablename__ = "unsaid"

    id: Mapped[int] = mapped_column(primary_key=True)


ALL_BOOKS = select(Book.id).order_by(Book.id)
ANNA, BERT = principal(), principal()
SYSTEM = Principal.system("test")


@pytest.fixture
def database(empty_database):
    """Each has a shelf, and on both shelves stands one book of each."""
    database = Database(empty_database)
    Base.metadata.create_all(database.engine)
    with acting_as(SYSTEM), database.begin() as session:
        for number, owner in enumerate((ANNA, BERT), 1):
            session.add(Shelf(id=number, tenant_id=owner.tenant_id))
        session.flush()
        for number in range(4):
            owner = (ANNA, BERT)[number % 2]
            session.add(Book(id=number + 1, shelf_id=1 + number // 2, tenant_id=owner.tenant_id))
        session.add(Unsaid(id=1))
    yield database
    database.close()


def books_of(database, who, statement=ALL_BOOKS):
    with acting_as(who), database.read() as session:
        return list(session.scalars(statement))


def test_each_sees_its_own_and_the_platform_all(database):
    assert books_of(database, ANNA) == [1, 3]
    assert books_of(database, BERT) == [2, 4]
    assert books_of(database, SYSTEM) == [1, 2, 3, 4]
    assert books_of(database, principal()) == []
    assert books_of(database, ANNA) == [1, 3]


def test_an_open_session_stays_its_owners_whoever_asks_in_between(database):
    with acting_as(ANNA), database.read() as annas:
        assert list(annas.scalars(select(Book.id))) == [1, 3]
        assert books_of(database, BERT) == [2, 4]
        assert books_of(database, SYSTEM) == [1, 2, 3, 4]
        assert list(annas.scalars(select(Book.id))) == [1, 3]
        with acting_as(BERT):
            assert list(annas.scalars(select(Book.id))) == [1, 3]


def test_what_a_flush_asks_for_somebody_else_changes_nothing(database):
    with acting_as(ANNA), database.begin() as annas:

        @event.listens_for(annas, "before_flush")
        def _ask_as_bert(*_arguments):
            assert books_of(database, BERT) == [2, 4]

        shelf = annas.scalar(select(Shelf))
        shelf.books.append(Book(id=5, tenant_id=ANNA.tenant_id))
        assert list(annas.scalars(ALL_BOOKS)) == [1, 3, 5]  # flushes first


def test_rows_that_are_fetched_one_by_one_stay_their_owners(database):
    with acting_as(ANNA), database.read() as annas:
        rows = annas.scalars(ALL_BOOKS.execution_options(yield_per=1))
        assert next(rows) == 1
        assert books_of(database, BERT) == [2, 4]
        assert list(rows) == [3]


def test_many_threads_send_one_statement_for_many_tenants(database):
    with ThreadPoolExecutor(8) as threads:
        for who, seen in threads.map(lambda who: (who, books_of(database, who)), [ANNA, BERT] * 100):
            assert seen == ([1, 3] if who is ANNA else [2, 4])


@pytest.mark.parametrize(
    "statement",
    [
        select(aliased(Book).id),
        select(Shelf.id).join(Book),
        select(func.count()).select_from(Book),
        select(Shelf.id).where(Shelf.id.in_(select(Book.shelf_id))),
        select(Book.id).where(Book.shelf_id.in_(select(Shelf.id))),
    ],
)
def test_nobody_without_rows_gets_anything_by_another_way(database, statement):
    assert books_of(database, ANNA, statement)
    assert set(books_of(database, principal(), statement)) <= {0}


@pytest.mark.parametrize("options", [(), (selectinload(Shelf.books),), (joinedload(Shelf.books),)])
def test_what_a_row_leads_to_is_narrowed_too(database, options):
    with acting_as(ANNA), database.read() as session:
        [shelf] = session.scalars(select(Shelf).options(*options)).unique()
        assert [book.id for book in shelf.books] == [1]
        assert session.get(Book, 3).shelf is None


def test_what_the_platform_has_read_is_narrowed_in_a_tenants_session(database):
    with acting_as(SYSTEM), database.read() as session:
        shelf = session.get(Shelf, 2)
    with acting_as(BERT), database.read() as session:
        session.add(shelf)
        assert [book.id for book in shelf.books] == [4]
    assert books_of(database, SYSTEM) == [1, 2, 3, 4]


@pytest.mark.parametrize("change", [delete(Book), update(Book).values(shelf_id=2)])
def test_a_change_touches_ones_own(database, change):
    with acting_as(ANNA), database.begin() as session:
        session.scalars(select(Book)).all()  # what the session knows is changed as well
        assert session.execute(change).rowcount == 2
    assert books_of(database, BERT, select(Book.shelf_id).order_by(Book.id)) == [1, 2]


def test_a_row_of_another_is_not_got_by_its_id(database):
    with acting_as(ANNA), database.read() as session:
        assert session.get(Book, 2) is None
        assert session.get(Book, 5) is None


def test_a_class_that_says_nothing_shows_nothing(database):
    assert books_of(database, ANNA, select(Unsaid.id)) == []
    assert books_of(database, SYSTEM, select(Unsaid.id)) == [1]


def test_a_part_of_a_transaction_may_see_every_tenant_and_no_more_than_that_part(database):
    with acting_as(ANNA), database.begin() as session:
        own = session.scalars(ALL_BOOKS).all()
        with across_tenants(session):
            every = session.scalars(ALL_BOOKS).all()
        assert set(own) < set(every)
        assert session.scalars(ALL_BOOKS).all() == own
        with pytest.raises(RuntimeError), across_tenants(session):
            raise RuntimeError
        assert session.scalars(ALL_BOOKS).all() == own
