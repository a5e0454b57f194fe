"""Several subscribers a service: inbox and parked by consumer, cursors and waiting rows of the sequence gate.

Rows from before belong to the subscriber that is named after its service, and so do those that code from before goes
on writing while the two run side by side: that is what the default is for. The next revision makes it part of the keys.
"""

import sqlalchemy as sa
from alembic import op

revision = "chassis_0002"
down_revision = "chassis_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    service = op.get_context().config.attributes["service"]  # type: ignore[union-attr]
    for table in ("inbox", "parked"):
        op.add_column(table, sa.Column("consumer", sa.Text(), nullable=False, server_default=service))
    op.add_column("parked", sa.Column("subject", sa.Uuid(), nullable=True))
    op.add_column("parked", sa.Column("sequence", sa.Integer(), nullable=True))
    op.add_column("parked", sa.Column("forced", sa.Boolean(), nullable=False, server_default=sa.false()))
    _create_gate()


def _create_gate() -> None:
    op.create_table(
        "inbox_cursor",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=True),
        sa.Column("last", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("consumer", "subject", name=op.f("pk_inbox_cursor")),
    )
    op.create_table(
        "inbox_ahead",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "subject", "sequence", name=op.f("pk_inbox_ahead")),
    )
    op.create_index("ix_inbox_ahead_since", "inbox_ahead", ["consumer", "since"], unique=False)


def downgrade() -> None:
    op.drop_table("inbox_ahead")
    op.drop_table("inbox_cursor")
    for table, columns in {"inbox": ["consumer"], "parked": ["forced", "sequence", "subject", "consumer"]}.items():
        for column in columns:
            op.drop_column(table, column)
