"""Refusals are counted by mailbox: addresses that differ in case or in how their domain is written are one (D62)."""

import sqlalchemy as sa
from alembic import op

from chassis.emails import address_key

revision = "notifier_0006"
down_revision = "notifier_0004"
branch_labels = None
depends_on = None

BOUNCES = sa.table(
    "bounces", sa.column("address"), sa.column("score"), sa.column("last_at", sa.DateTime(timezone=True))
)


def upgrade() -> None:
    connection = op.get_bind()
    mailboxes: dict[str, list[sa.Row]] = {}
    for row in connection.execute(sa.select(BOUNCES)):
        mailboxes.setdefault(address_key(row.address), []).append(row)
    for key, rows in mailboxes.items():
        if [row.address for row in rows] == [key]:
            continue
        connection.execute(sa.delete(BOUNCES).where(BOUNCES.c.address.in_([row.address for row in rows])))
        refusals = {"score": sum(row.score for row in rows), "last_at": max(row.last_at for row in rows)}
        connection.execute(sa.insert(BOUNCES).values(address=key, **refusals))


def downgrade() -> None:
    """What was counted for a mailbox stays so."""
