"""What mapped classes are made of: the base of the chassis' own tables, and aggregates."""

from uuid import UUID

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.data.columns import NAMING, TYPES


class ChassisBase(DeclarativeBase):
    """The tables that every service has for the chassis' own use: outbox, inbox, retry table, idempotency, audit."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


class Aggregate:
    """A thing that has a history of events: ``event_sequence`` counts them from 1 without gaps."""

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)
    event_sequence: Mapped[int] = mapped_column(default=0, server_default="0", sort_order=98)
