"""What every table of this service shares."""

from sqlalchemy import MetaData, text
from sqlalchemy.orm import DeclarativeBase

from chassis.data.columns import NAMING, TYPES


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES


PRESENT = text("removed_at IS NULL")
REMOVED = text("removed_at IS NOT NULL")
