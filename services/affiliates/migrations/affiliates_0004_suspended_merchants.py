"""Merchants that the operator has suspended. For code of before, which does not know it, nobody is."""

import sqlalchemy as sa
from alembic import op

revision = "affiliates_0004"
down_revision = "affiliates_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("merchants", sa.Column("suspended", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("merchants", sa.Column("suspension_sequence", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("merchants", "suspension_sequence")
    op.drop_column("merchants", "suspended")
