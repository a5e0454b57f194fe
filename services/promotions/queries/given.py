"""Long lists of keys as rows of a statement."""

import json
from collections.abc import Collection

from sqlalchemy import String, Subquery, Text, column, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session


def given(session: Session, uids: Collection[str]) -> Subquery:
    """Uids as rows ``(uid)``: one bound value, however many there are."""
    if session.get_bind().dialect.name == "postgresql":
        listed = func.unnest(literal(list(uids), ARRAY(Text()))).table_valued(column("uid", Text())).render_derived()
        return select(listed.c.uid).subquery()
    rows = func.json_each(json.dumps(list(uids))).table_valued(column("value", String()))
    return select(rows.c.value.label("uid")).subquery()
