"""Each subscriber has an inbox and parked events of its own: their keys begin with the consumer.

A revision of its own, because on PostgreSQL the one before is committed before an index can be built beside the work
of others; a broken-off attempt is taken up here again.
"""

import sqlalchemy as sa
from alembic import op

revision = "chassis_0003"
down_revision = "chassis_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _key_by("consumer", "event_id")


def downgrade() -> None:
    """What belongs to other subscribers than the first is given up: the keys from before have no place for it."""
    service = op.get_context().config.attributes["service"]  # type: ignore[union-attr]
    for table in ("inbox", "parked"):
        op.execute(sa.text(f"DELETE FROM {table} WHERE consumer <> :service").bindparams(service=service))  # noqa: S608
    _key_by("event_id")


def _key_by(*columns: str) -> None:
    """Give both tables another primary key. The inbox is long, so requests do not wait while its index is built."""
    if op.get_bind().dialect.name == "sqlite":
        for table in ("inbox", "parked"):
            with op.batch_alter_table(table, recreate="always") as batch:
                batch.drop_constraint(f"pk_{table}", type_="primary")
                batch.create_primary_key(f"pk_{table}", list(columns))
        return
    names = ", ".join(columns)
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for others' transactions, and nobody waits for it
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS inbox_new_key")  # of an attempt that was broken off
        op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY inbox_new_key ON inbox ({names})")
        op.execute("SET lock_timeout = '2s'")
    op.execute(
        "ALTER TABLE inbox DROP CONSTRAINT pk_inbox, ADD CONSTRAINT pk_inbox PRIMARY KEY USING INDEX inbox_new_key"
    )
    op.execute(f"ALTER TABLE parked DROP CONSTRAINT pk_parked, ADD CONSTRAINT pk_parked PRIMARY KEY ({names})")
