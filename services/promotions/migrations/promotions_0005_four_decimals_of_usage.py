"""Discounts that campaigns have given, exact in currencies of four decimals (D9).

The thousandths stay as they are, so that old code can go on adding them up; what is finer stands beside them, and is
nothing in everything that was stored.
"""

import sqlalchemy as sa
from alembic import op

revision = "promotions_0005"
down_revision = "promotions_0004"
branch_labels = None
depends_on = None

TABLES = ("campaign_usages", "reserved_campaigns")


def upgrade() -> None:
    for table in TABLES:
        column = sa.Column("discount_tenths", sa.Integer(), server_default="0", nullable=False)
        op.add_column(table, column)


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "discount_tenths")
