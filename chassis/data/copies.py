"""A service's own copy of rows that belong to another service, kept current by events."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Session

from chassis.data.bulk import insert_ignoring


def upsert_newer(session: Session, model: type[DeclarativeBase], row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Store what an event says, unless an event as new has been stored already.

    The model needs a ``sequence`` column. A handler of ``identity.TenantChanged`` calls this with the primary key, the
    columns it keeps and the event's sequence, and then updates whatever shows the old values::

        previous = upsert_newer(session, TenantName, {"id": tenant_id, "name": name, "sequence": event.sequence})
        if previous is not None and previous.get("name") != name:
            show_new_name(session, tenant_id, name)

    The row stays locked until the transaction ends. The lock lets foreign keys to the row be checked, so inserts that
    refer to the tenant do not wait for it.

    Returns:
        The stored values of ``row``'s columns before the change, an empty dict for a new row, or None when the stored
        row is as new as ``row`` and stays as it is.
    """
    if insert_ignoring(session, model, [row]):
        return {}
    key = [column == row[column.key] for column in model.__table__.primary_key]
    statement = select(model).where(*key).with_for_update(key_share=True)
    copy: Any = session.scalars(statement.execution_options(populate_existing=True)).one()
    if row["sequence"] <= copy.sequence:
        return None
    previous = {name: getattr(copy, name) for name in row}
    for name, value in row.items():
        setattr(copy, name, value)
    session.flush()  # statements on tables that follow see the new values
    return previous
