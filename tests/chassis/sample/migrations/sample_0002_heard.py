"""What the ordered subscriber heard."""

import sqlalchemy as sa
from alembic import op

revision = "sample_0002"
down_revision = "sample_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heard",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heard")),
    )


def downgrade() -> None:
    op.drop_table("heard")
