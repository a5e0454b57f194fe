"""Rows of a tenant are found to be exported, and deleted when it has ended; so are those that refer to what goes."""

from alembic import op

revision = "promotions_0009"
down_revision = "promotions_0008"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_evaluations_tenant": ("evaluations", ["tenant_id", "id"]),
    "ix_unit_returns_tenant": ("unit_returns", ["tenant_id"]),
    "ix_campaign_usages_tenant": ("campaign_usages", ["tenant_id"]),
    "ix_carts_tenant": ("carts", ["tenant_id"]),
    "ix_bundle_versions_tenant": ("bundle_versions", ["tenant_id"]),
    "ix_settings_pricelist": ("settings", ["pricelist_id"]),
    "ix_stores_pricelist": ("stores", ["pricelist_id"]),
    "ix_sales_campaigns_customer_group": ("sales_campaigns", ["customer_group_id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
