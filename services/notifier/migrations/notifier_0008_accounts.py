"""Contacts that are invited or suspended, their own language and time zone; tenants that are suspended or have ended.

Code from before writes none of these columns: its contacts are users who may get mail, its tenants are at work.
"""

import sqlalchemy as sa
from alembic import op

revision = "notifier_0008"
down_revision = "notifier_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contacts", sa.Column("invited", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("contacts", sa.Column("suspended", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("contacts", sa.Column("locale", sa.Text(), nullable=True))
    op.add_column("contacts", sa.Column("time_zone", sa.Text(), nullable=True))
    op.add_column("tenants", sa.Column("suspended", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("tenants", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tenants", sa.Column("standing_sequence", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    for column in ("standing_sequence", "ended_at", "suspended"):
        op.drop_column("tenants", column)
    for column in ("time_zone", "locale", "suspended", "invited"):
        op.drop_column("contacts", column)
