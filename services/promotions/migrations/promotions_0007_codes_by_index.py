"""Campaigns are looked up by their code, which the store of an order may not have (D67)."""

from alembic import op

revision = "promotions_0007"
down_revision = "promotions_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_sales_campaigns_code", "sales_campaigns", ["tenant_id", "campaign_code_folded"])


def downgrade() -> None:
    op.drop_index("ix_sales_campaigns_code", table_name="sales_campaigns")
