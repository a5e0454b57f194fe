"""Cursors and waiting events of ordered subscribers belong to a source and a subject, no longer to a subject alone.

The type of a waiting event names its source. A cursor from before belongs to the source of the events that wait behind
it or are parked, where these are of one source. Any other gets an empty source, which means nothing to anybody: a
service that knows more assigns it in a migration of its own. A series without a cursor begins as it does for a
subscriber that comes late (``chassis.messaging.resequencer``); what was handled before is in the inbox, so nothing
happens twice.

An ordered subscriber of code from before stands still with this schema: it cannot write a cursor without a source, and
acknowledges nothing. Stop it first, or it gives its events back until the broker puts them with the dead letters.
"""

import sqlalchemy as sa
from alembic import op

revision = "chassis_0004"
down_revision = "chassis_0003"
branch_labels = None
depends_on = None

KEYS = {"inbox_cursor": ["consumer", "subject"], "inbox_ahead": ["consumer", "subject", "sequence"]}


def upgrade() -> None:
    for table in KEYS:
        op.add_column(table, sa.Column("source", sa.Text(), nullable=False, server_default=""))
    op.execute(f"UPDATE inbox_ahead SET source = {_source()}")  # noqa: S608
    sources = (
        "SELECT consumer, subject, source FROM inbox_ahead UNION "  # noqa: S608
        f"SELECT consumer, subject, {_source()} AS source FROM parked WHERE subject IS NOT NULL"
    )
    op.execute(
        f"UPDATE inbox_cursor SET source = (SELECT min(sources.source) FROM ({sources}) AS sources"  # noqa: S608
        " WHERE sources.consumer = inbox_cursor.consumer AND sources.subject = inbox_cursor.subject)"
        f" WHERE (consumer, subject) IN (SELECT consumer, subject FROM ({sources}) AS sources"
        " GROUP BY consumer, subject HAVING count(*) = 1)"
    )
    for table, key in KEYS.items():
        _key_by(table, ["consumer", "source", *key[1:]])


def downgrade() -> None:
    """Of several sources' cursors of one subject the furthest is kept, and of several events that wait with one number
    only one: the keys from before have no place for more."""
    newer = "coalesce(other.last, -1) > coalesce(inbox_cursor.last, -1)"
    op.execute(
        "DELETE FROM inbox_cursor WHERE EXISTS (SELECT 1 FROM inbox_cursor AS other"  # noqa: S608
        " WHERE other.consumer = inbox_cursor.consumer AND other.subject = inbox_cursor.subject AND"
        f" ({newer} OR (coalesce(other.last, -1) = coalesce(inbox_cursor.last, -1)"
        " AND other.source > inbox_cursor.source)))"
    )
    op.execute(
        "DELETE FROM inbox_ahead WHERE EXISTS (SELECT 1 FROM inbox_ahead AS other"
        " WHERE other.consumer = inbox_ahead.consumer AND other.subject = inbox_ahead.subject"
        " AND other.sequence = inbox_ahead.sequence AND other.source > inbox_ahead.source)"
    )
    for table, key in KEYS.items():
        _key_by(table, key)
        op.drop_column(table, "source")


def _source() -> str:
    """SQL: the source of a row's ``type``."""
    if op.get_bind().dialect.name == "postgresql":
        return "'/services/' || split_part(type, '.', 1)"
    return "'/services/' || substr(type, 1, instr(type, '.') - 1)"


def _key_by(table: str, columns: list[str]) -> None:
    """Give a table another primary key; from now on a source must be named."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table(table, recreate="always") as batch:
            batch.drop_constraint(f"pk_{table}", type_="primary")
            batch.alter_column("source", server_default=None)
            batch.create_primary_key(f"pk_{table}", columns)
        return
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}, ALTER COLUMN source DROP DEFAULT")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({', '.join(columns)})")
