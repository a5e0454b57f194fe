"""A copy of another service's row follows events, and an older event changes nothing."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.core.principal import Principal, acting_as
from chassis.data.copies import upsert_newer
from tests.chassis.sample import service


class Base(DeclarativeBase):
    pass


class TenantCopy(Base):
    __tablename__ = "tenant_copies"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    sequence: Mapped[int]
    visits: Mapped[int] = mapped_column(default=0)


@pytest.fixture
def session(start_service):
    sample = start_service(service)
    with acting_as(Principal.system("sample")), sample.database.begin() as session:
        Base.metadata.create_all(session.connection())
        yield session
        Base.metadata.drop_all(session.connection())  # the test's database is used again


def store(session, name, sequence):
    return upsert_newer(session, TenantCopy, {"id": 1, "name": name, "sequence": sequence})


def stored(session):
    return session.execute(select(TenantCopy.name, TenantCopy.sequence, TenantCopy.visits)).one()


def test_the_first_event_adds_the_row(session):
    assert store(session, "Fjord", 3) == {}
    assert stored(session) == ("Fjord", 3, 0)


def test_a_newer_event_replaces_what_it_carries_and_returns_the_previous_values(session):
    store(session, "Fjord", 3)
    session.get_one(TenantCopy, 1).visits = 7
    assert store(session, "Fjord Retail", 4) == {"id": 1, "name": "Fjord", "sequence": 3}
    assert stored(session) == ("Fjord Retail", 4, 7)


@pytest.mark.parametrize("sequence", [2, 3])
def test_an_event_that_is_no_newer_changes_nothing(session, sequence):
    store(session, "Fjord", 3)
    assert store(session, "Old name", sequence) is None
    assert stored(session) == ("Fjord", 3, 0)
