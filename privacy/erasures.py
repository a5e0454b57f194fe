"""Erasures under way: who is to be forgotten here, and how far that is.

The table, and that of ``privacy.endings``, belongs to the chassis' base, and its migrations to the chassis' branch:
every service has both, and they began there. Whoever compares models with migrations imports a service, and so these.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from chassis.core.plain import plain
from chassis.data.base import ChassisBase
from chassis.data.bulk import insert_ignoring
from privacy.passes import LEASE, PASSES
from privacy.person import Person
from privacy.personal_data import PersonalData
from privacy.places import Place, read_place


class ErasureRow(ChassisBase):
    """A person whom this service is to forget; one row for each address that they have had. It goes with the last pass,
    so that the digest goes, too.

    Attributes:
        passes: how often all tables have been gone through.
        table_number, after: where the pass goes on: a table by its place in the declaration, and a primary key.
        next_at: when somebody may go on; the end of the lease of the process that works on it.
        began_at: when the person was erased; None where code of before has noted it.
    """

    __tablename__ = "erasures"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    email_digest: Mapped[str] = mapped_column(primary_key=True)
    passes: Mapped[int] = mapped_column(default=0, server_default="0")
    table_number: Mapped[int] = mapped_column(default=0, server_default="0")
    after: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    next_at: Mapped[datetime] = mapped_column(index=True)
    began_at: Mapped[datetime | None]

    @property
    def person(self) -> Person:
        return Person(self.user_id, self.tenant_id, self.email_digest)

    def place_in(self, data: PersonalData) -> Place | None:
        """Where the pass goes on in a table; None for its beginning, also where a new release has put another table in
        the place of the one that was being gone through."""
        try:
            return None if self.after is None else read_place(data.table, self.after)
        except (ValueError, TypeError, AttributeError):
            return None

    def go_on(self, place: Place | None, tables: int, now: datetime) -> bool:
        """Store how far it is; returns whether it is done for good."""
        self.after = plain(place)
        self.next_at = now
        if place is None:
            self.table_number += 1
        if self.table_number < tables:
            return False
        self.table_number, self.passes = 0, self.passes + 1
        if self.passes > len(PASSES):
            return True
        self.next_at = now + PASSES[self.passes - 1]
        return False


def begin(session: Session, person: Person, now: datetime) -> None:
    """Have a person forgotten, as they are known by one address; does nothing where that is under way."""
    whom = {"user_id": person.user_id, "tenant_id": person.tenant_id, "email_digest": person.email_digest}
    place = {"passes": 0, "table_number": 0, "after": None}
    insert_ignoring(session, ErasureRow, [whom | place | {"next_at": now, "began_at": now}])


def last_erasures(session: Session) -> dict[UUID, datetime]:
    """When somebody of a tenant was erased last, by tenant: of those whom this service is still to forget."""
    last = select(ErasureRow.tenant_id, func.max(ErasureRow.began_at)).where(ErasureRow.began_at.is_not(None))
    return {tenant_id: at for tenant_id, at in session.execute(last.group_by(ErasureRow.tenant_id)) if at}


def claim(session: Session, now: datetime) -> ErasureRow | None:
    """The erasure that has been due for longest, for one lease; None when nothing is due."""
    due = select(ErasureRow).where(ErasureRow.next_at <= now).order_by(ErasureRow.next_at).limit(1)
    row = session.scalar(due.with_for_update(skip_locked=True))
    if row is not None:
        row.next_at = now + LEASE
    return row


def lock(session: Session, person: Person) -> ErasureRow | None:
    return session.get(ErasureRow, (person.user_id, person.email_digest), with_for_update=True)


def people_of(session: Session, tenant_id: UUID) -> list[Person]:
    """Those of a tenant who are being forgotten."""
    rows = session.scalars(select(ErasureRow).where(ErasureRow.tenant_id == tenant_id))
    return [row.person for row in rows]
