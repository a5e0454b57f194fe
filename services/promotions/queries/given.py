"""Long lists of keys in a statement, and texts that are searched for."""

import json
from collections.abc import Collection

from sqlalchemy import ColumnElement, String, Text, any_, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.text import fold


def among(session: Session, uid: InstrumentedAttribute[str], uids: Collection[str]) -> ColumnElement[bool]:
    """Whether ``uid`` is one of ``uids``: one bound value, however many there are.

    Both databases look each up in an index. A join with them as rows would have SQLite read all of them anew for each
    row of the table.
    """
    if session.get_bind().dialect.name == "postgresql":
        return uid == any_(literal(list(uids), ARRAY(Text())))
    rows = func.json_each(json.dumps(list(uids))).table_valued(column("value", String()))
    return uid.in_(select(rows.c.value))


def folded(column: InstrumentedAttribute[str], words: str) -> ColumnElement[bool]:
    """Whether a folded column has ``words`` in it, in whatever case they are written (D62)."""
    return column.contains(fold(words), autoescape=True)
