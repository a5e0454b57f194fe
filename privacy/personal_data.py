"""Personal data: what each table holds of people, declared once, so that it can be exported and erased the same way
everywhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, Table, Text, and_, cast, false, or_, select, tuple_
from sqlalchemy.orm import DeclarativeBase, Session

from privacy.person import Person, mentions, text_without, without
from privacy.places import Place, after, key_of, literal_key

WINDOW = 2000
"""Rows of a table that are looked through at once …"""

CANDIDATES = 200
"""… and how many of them are taken at most."""

Change = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class PersonalData:
    """What one table holds of people.

    A row is a person's own where one of ``by_user`` is their id or, in their tenant, one of ``by_address`` their
    address. Addresses count in the own tenant alone: nobody may read or erase what another company keeps by giving a
    person that company's customer's address. A row without a tenant counts if it names the person's id or tenant.

    Attributes:
        model: a mapped class.
        why: what the rows are kept for, and how long; for ``docs/privacy.md``.
        by_user: columns with the id of a user.
        by_address: columns with an address or its key.
        texts: texts and JSON in which people's ids, names and addresses stand; these are taken out.
        letters: free text that people wrote; it is exported, and stays when its writer is erased.
        tenant: the column that says whose the row is; ``tenant_id`` where there is one.
        erase: what the columns of a person's own row become: a value, or a function of the row.
        delete: their own rows go as a whole instead.
        secret: columns that no export shows.
    """

    model: type[DeclarativeBase]
    why: str
    by_user: tuple[str, ...] = ()
    by_address: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()
    tenant: str | None = None
    erase: Mapping[str, Any | Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    delete: bool = False
    secret: tuple[str, ...] = ()

    @cached_property
    def table(self) -> Table:
        table = self.model.__table__
        assert isinstance(table, Table)
        return table

    @cached_property
    def of_tenant(self) -> str | None:
        return self.tenant or ("tenant_id" if "tenant_id" in self.table.c else None)

    @property
    def columns(self) -> set[str]:
        """The columns that the declaration speaks of."""
        return {*self.by_user, *self.by_address, *self.texts, *self.letters, *self.erase, *self.secret}

    @cached_property
    def read_columns(self) -> list[Column[Any]]:
        """What is read of a row: of what is secret, which may be large, only what decides or is erased."""
        needed = {*self.by_user, *self.by_address, *self.texts, *self.letters, *self.erase, self.of_tenant}
        return [
            column
            for column in self.table.c
            if column.primary_key or column.name in needed or column.name not in self.secret
        ]

    def is_own(self, row: Mapping[str, Any], person: Person) -> bool:
        if any(row[column] == person.user_id for column in self.by_user):
            return True
        return self._is_of_tenant(row, person) and any(person.owns(row[column]) for column in self.by_address)

    def concerns(self, row: Mapping[str, Any], person: Person) -> bool:
        """Whether an export of the person shows the row."""
        by_address = self._counts_addresses(row, person)
        return self.is_own(row, person) or any(
            mentions(text, person, by_address=by_address) for text in self._texts_of(row)
        )

    def erased(self, row: Mapping[str, Any], person: Person) -> Change:
        """The columns that must change for the row to tell nothing about the person, with their new values."""
        own = self.is_own(row, person)
        values = {}
        if own and not self.delete:
            values = {name: value(row) if callable(value) else value for name, value in self.erase.items()}
        for name in (name for name in self.texts if name not in values and row[name] is not None):
            by_address = self._counts_addresses(row, person)
            erase = text_without if isinstance(row[name], str) else without
            values[name] = erase(row[name], person, own=own, by_address=by_address)
        return {name: value for name, value in values.items() if value != row[name]}

    def must_change(self, row: Mapping[str, Any], person: Person) -> bool:
        """Whether something of the row, or all of it, must go for the person to be forgotten."""
        return (self.delete and self.is_own(row, person)) or bool(self.erased(row, person))

    def exported(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in self.secret}

    def may_concern(self, person: Person) -> ColumnElement[bool]:
        """SQL: rows that may concern the person; ``concerns`` decides."""
        columns = self.table.c
        owned = [columns[name] == person.user_id for name in self.by_user]
        texts = [cast(columns[name], Text) for name in (*self.texts, *self.letters)]
        named = [text.contains(str(person.user_id)) for text in texts]
        addressed = or_(false(), *(text.contains("@") for text in texts))
        keyed = or_(false(), *(columns[name].contains("@") for name in self.by_address))
        if self.of_tenant:
            mine = columns[self.of_tenant] == person.tenant_id
            return or_(false(), *owned, *named, and_(mine, or_(addressed, keyed)))
        of_mine = or_(false(), *(text.contains(str(person.tenant_id)) for text in texts))
        return or_(false(), *owned, *named, keyed, and_(of_mine, addressed))

    def _is_of_tenant(self, row: Mapping[str, Any], person: Person) -> bool:
        return self.of_tenant is None or row[self.of_tenant] == person.tenant_id

    def _counts_addresses(self, row: Mapping[str, Any], person: Person) -> bool:
        """Whether an address in the row's texts can be the person's."""
        if self.is_own(row, person):
            return True
        if self.of_tenant:
            return self._is_of_tenant(row, person) or self._names(row, person.user_id)
        return self._names(row, person.user_id) or self._names(row, person.tenant_id)

    def _names(self, row: Mapping[str, Any], thing: UUID) -> bool:
        return any(str(thing) in text.lower() for text in self._texts_of(row))

    def _texts_of(self, row: Mapping[str, Any]) -> Iterator[str]:
        return (_as_text(row[name]) for name in (*self.texts, *self.letters) if row[name] is not None)


def window(
    session: Session, data: PersonalData, person: Person, place: Place | None
) -> tuple[list[Row[Any]], Place | None]:
    """The rows among the next ``WINDOW`` after a primary key that may concern a person, and the key to go on after;
    None where the table ends. At most ``CANDIDATES`` rows."""
    key = tuple_(*data.table.primary_key.columns)
    rest = select(*data.table.primary_key.columns).order_by(*data.table.primary_key.columns)
    candidates = select(*data.read_columns).where(data.may_concern(person)).order_by(*data.table.primary_key.columns)
    if place is not None:
        rest, candidates = rest.where(after(data.table, place)), candidates.where(after(data.table, place))
    end = session.execute(rest.offset(WINDOW - 1).limit(1)).first()
    if end is not None:
        candidates = candidates.where(key <= literal_key(data.table, list(end)))
    rows = list(session.execute(candidates.limit(CANDIDATES)))
    return rows, key_of(data.table, rows[-1]) if len(rows) == CANDIDATES else end and list(end)


def erase_rows(session: Session, data: PersonalData, person: Person, keys: Sequence[Place]) -> int:
    """Take a person out of these rows, which are locked; return how many changed."""
    columns = data.table.primary_key.columns
    changed = 0
    for place in keys:
        this = and_(*(column == value for column, value in zip(columns, place, strict=True)))
        stored = session.execute(select(*data.read_columns).where(this).with_for_update()).first()
        if stored is None:
            continue
        row = stored._asdict()
        if data.delete and data.is_own(row, person):
            session.execute(data.table.delete().where(this))
            changed += 1
        elif values := data.erased(row, person):
            session.execute(data.table.update().where(this).values(dict(values)))
            changed += 1
    return changed


def _as_text(value: Any) -> str:
    """What is searched for ids and addresses; these are ASCII, so it does not matter how JSON writes other letters."""
    return value if isinstance(value, str) else repr(value)
