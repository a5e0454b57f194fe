"""What every table of this service shares."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

from chassis.data.columns import NAMING, TYPES


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = TYPES
