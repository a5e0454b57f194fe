"""Tenants and settings, the catalogue, price lists and sales campaigns."""

import sqlalchemy as sa
from alembic import op

revision = "promotions_0001"
down_revision = None
branch_labels = ("promotions",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalogues",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogues")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_catalogues_tenant_id")),
    )
    op.create_table(
        "customer_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_group_uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_groups")),
        sa.UniqueConstraint(
            "tenant_id", "customer_group_uid", name=op.f("uq_customer_groups_tenant_id_customer_group_uid")
        ),
    )
    op.create_table(
        "pricelists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pricelist_uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("product_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pricelists")),
        sa.UniqueConstraint("tenant_id", "pricelist_uid", name=op.f("uq_pricelists_tenant_id_pricelist_uid")),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.Column("cost", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=True),
        sa.Column("brand_uid", sa.Text(), nullable=True),
        sa.Column("product_group_uid", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("tenant_id", "product_uid", name=op.f("uq_products_tenant_id_product_uid")),
    )
    op.create_index("ix_products_brand", "products", ["tenant_id", "brand_uid"], unique=False)
    op.create_index("ix_products_group", "products", ["tenant_id", "product_group_uid"], unique=False)
    op.create_table(
        "sales_snapshots",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "product_id", name=op.f("pk_sales_snapshots")),
    )
    op.create_index("ix_sales_snapshots_product", "sales_snapshots", ["product_id"], unique=False)
    op.create_table(
        "tenants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_index(op.f("ix_tenants_slug"), "tenants", ["slug"], unique=False)
    op.create_table(
        "pricelist_entries",
        sa.Column("pricelist_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("price", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["pricelist_id"], ["pricelists.id"], name=op.f("fk_pricelist_entries_pricelist_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_pricelist_entries_product_id")),
        sa.PrimaryKeyConstraint("pricelist_id", "product_id", name=op.f("pk_pricelist_entries")),
    )
    op.create_index("ix_pricelist_entries_product", "pricelist_entries", ["product_id"], unique=False)
    op.create_table(
        "product_categories",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("category_uid", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_categories_product_id")),
        sa.PrimaryKeyConstraint("product_id", "category_uid", name=op.f("pk_product_categories")),
    )
    op.create_index("ix_product_categories_category", "product_categories", ["tenant_id", "category_uid"], unique=False)
    op.create_table(
        "sales_campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("discount_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("all_stores", sa.Boolean(), nullable=False),
        sa.Column("pricelist_id", sa.Uuid(), nullable=True),
        sa.Column("customer_group_id", sa.Uuid(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("campaign_code", sa.Text(), nullable=False),
        sa.Column("prevent_combinations", sa.Boolean(), nullable=False),
        sa.Column("quantity_threshold", sa.Integer(), nullable=False),
        sa.Column("amount_threshold", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.Column("max_usage", sa.Integer(), nullable=False),
        sa.Column("discount_amount", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.Column("discount_percent", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.Column("total_uses_limit", sa.Integer(), nullable=True),
        sa.Column("total_discount_limit", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_sales_campaigns_validity")),
        sa.ForeignKeyConstraint(
            ["customer_group_id"], ["customer_groups.id"], name=op.f("fk_sales_campaigns_customer_group_id")
        ),
        sa.ForeignKeyConstraint(["pricelist_id"], ["pricelists.id"], name=op.f("fk_sales_campaigns_pricelist_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_campaigns")),
        sa.UniqueConstraint("tenant_id", "campaign_uid", name=op.f("uq_sales_campaigns_tenant_id_campaign_uid")),
    )
    op.create_index("ix_sales_campaigns_pricelist", "sales_campaigns", ["pricelist_id"], unique=False)
    op.create_index("ix_sales_campaigns_status", "sales_campaigns", ["tenant_id", "status"], unique=False)
    op.create_table(
        "settings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("pricelist_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["pricelist_id"], ["pricelists.id"], name=op.f("fk_settings_pricelist_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settings")),
        sa.UniqueConstraint("tenant_id", name=op.f("uq_settings_tenant_id")),
    )
    op.create_table(
        "stores",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("store_uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pricelist_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["pricelist_id"], ["pricelists.id"], name=op.f("fk_stores_pricelist_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stores")),
        sa.UniqueConstraint("tenant_id", "store_uid", name=op.f("uq_stores_tenant_id_store_uid")),
    )
    op.create_table(
        "variants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("variant_uid", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_variants_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variants")),
        sa.UniqueConstraint("tenant_id", "variant_uid", name=op.f("uq_variants_tenant_id_variant_uid")),
    )
    op.create_index("ix_variants_product", "variants", ["product_id"], unique=False)
    op.create_table(
        "sales_selections",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["sales_campaigns.id"], name=op.f("fk_sales_selections_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "side", "kind", "uid", name=op.f("pk_sales_selections")),
    )
    op.create_table(
        "sales_stores",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["sales_campaigns.id"], name=op.f("fk_sales_stores_campaign_id")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_sales_stores_store_id")),
        sa.PrimaryKeyConstraint("campaign_id", "store_id", name=op.f("pk_sales_stores")),
    )
    op.create_index("ix_sales_stores_store", "sales_stores", ["store_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_sales_stores_store", table_name="sales_stores")
    op.drop_table("sales_stores")
    op.drop_table("sales_selections")
    op.drop_index("ix_variants_product", table_name="variants")
    op.drop_table("variants")
    op.drop_table("stores")
    op.drop_table("settings")
    op.drop_index("ix_sales_campaigns_status", table_name="sales_campaigns")
    op.drop_index("ix_sales_campaigns_pricelist", table_name="sales_campaigns")
    op.drop_table("sales_campaigns")
    op.drop_index("ix_product_categories_category", table_name="product_categories")
    op.drop_table("product_categories")
    op.drop_index("ix_pricelist_entries_product", table_name="pricelist_entries")
    op.drop_table("pricelist_entries")
    op.drop_index(op.f("ix_tenants_slug"), table_name="tenants")
    op.drop_table("tenants")
    op.drop_index("ix_sales_snapshots_product", table_name="sales_snapshots")
    op.drop_table("sales_snapshots")
    op.drop_index("ix_products_group", table_name="products")
    op.drop_index("ix_products_brand", table_name="products")
    op.drop_table("products")
    op.drop_table("pricelists")
    op.drop_table("customer_groups")
    op.drop_table("catalogues")
