"""Refusals are counted by mailbox, however its address is spelled; descriptions of webhooks are one line (D62, D65)."""

import sqlalchemy as sa
from alembic import op

from chassis.core.emails import address_key
from chassis.core.text import is_line, is_prose

revision = "notifier_0006"
down_revision = "notifier_0005"
branch_labels = None
depends_on = None

BOUNCES = sa.table(
    "bounces", sa.column("address"), sa.column("score"), sa.column("last_at", sa.DateTime(timezone=True))
)
WEBHOOKS = sa.table("webhooks", sa.column("id", sa.Uuid()), sa.column("description"))


def upgrade() -> None:
    connection = op.get_bind()
    _count_by_mailbox(connection)
    _describe_in_one_line(connection)


def _count_by_mailbox(connection: sa.Connection) -> None:
    mailboxes: dict[str, list[sa.Row]] = {}
    for row in connection.execute(sa.select(BOUNCES)):
        mailboxes.setdefault(address_key(row.address), []).append(row)
    for key, rows in mailboxes.items():
        if [row.address for row in rows] == [key]:
            continue
        connection.execute(sa.delete(BOUNCES).where(BOUNCES.c.address.in_([row.address for row in rows])))
        refusals = {"score": sum(row.score for row in rows), "last_at": max(row.last_at for row in rows)}
        connection.execute(sa.insert(BOUNCES).values(address=key, **refusals))


def _describe_in_one_line(connection: sa.Connection) -> None:
    """What is read can be sent back as an update, which takes one line."""
    for row in connection.execute(sa.select(WEBHOOKS)).all():
        if not is_line(row.description) or row.description != row.description.strip():
            line = " ".join("".join(filter(is_prose, " ".join(row.description.split()))).split())
            connection.execute(sa.update(WEBHOOKS).where(WEBHOOKS.c.id == row.id).values(description=line))


def downgrade() -> None:
    """What was counted for a mailbox, and the lines of descriptions, stay so."""
