"""Accounts of affiliates: who has accepted an invitation, and whose address could not be invited."""

import sqlalchemy as sa
from alembic import op

revision = "affiliates_0003"
down_revision = "affiliates_0002"
branch_labels = None
depends_on = None

ADDED = (
    ("user_id", sa.Uuid()),
    ("invited_at", sa.DateTime(timezone=True)),
    ("refusal_reason", sa.Text()),
)


def upgrade() -> None:
    for name, kind in ADDED:
        op.add_column("affiliates", sa.Column(name, kind, nullable=True))
    op.create_index("uq_affiliates_user_id", "affiliates", ["user_id"], unique=True)
    op.create_table(
        "affiliate_users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_affiliate_users")),
    )
    op.create_index("ix_affiliate_users_address", "affiliate_users", ["merchant_id", "email_key"])
    op.create_index("ix_conversions_affiliate", "conversions", ["affiliate_id", "received_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_conversions_affiliate", table_name="conversions")
    op.drop_table("affiliate_users")
    op.drop_index("uq_affiliates_user_id", table_name="affiliates")
    for name, _ in reversed(ADDED):
        op.drop_column("affiliates", name)
