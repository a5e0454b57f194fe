"""Long lists of keys in a statement, and texts that are searched for."""

import json
from collections.abc import Collection

from sqlalchemy import ColumnElement, String, Text, and_, any_, column, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.text import fold


def among(session: Session, uid: InstrumentedAttribute[str], uids: Collection[str]) -> ColumnElement[bool]:
    """Whether ``uid`` is one of ``uids``: one bound value, however many there are.

    Both databases look each up in an index. A join with them as rows would have SQLite read all of them anew for each
    row of the table.
    """
    if session.get_bind().dialect.name == "postgresql":
        return uid == any_(literal(list(uids), ARRAY(Text())))
    rows = func.json_each(json.dumps(list(uids))).table_valued(column("value", String()))
    return uid.in_(select(rows.c.value))


def has_words(column: InstrumentedAttribute[str], words: str) -> ColumnElement[bool]:
    """Whether a text has ``words`` in it, in whatever case they are written, by the folded column beside it (D62).

    That is empty in a row of code from before there was one; of those the database knows some letters' cases itself.
    """
    folded: InstrumentedAttribute[str] = getattr(column.class_, f"{column.key}_folded")
    of_before = and_(folded == "", column.icontains(words, autoescape=True))
    return or_(folded.contains(fold(words), autoescape=True), of_before)
