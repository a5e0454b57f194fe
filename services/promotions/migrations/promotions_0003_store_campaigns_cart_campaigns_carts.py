"""Store campaigns, cart campaigns with linked products, and carts."""

import sqlalchemy as sa
from alembic import op

revision = "promotions_0003"
down_revision = "promotions_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "carts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_name", sa.Text(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carts")),
    )
    op.create_index("ix_carts_expires", "carts", ["expires_at"], unique=False)
    op.create_table(
        "store_campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("campaign_identifier", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_store_campaigns_window")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_campaigns")),
        sa.UniqueConstraint("campaign_identifier", name=op.f("uq_store_campaigns_campaign_identifier")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_store_campaigns_tenant_id_name")),
    )
    op.create_index("ix_store_campaigns_ends", "store_campaigns", ["status", "ends_at"], unique=False)
    op.create_index("ix_store_campaigns_starts", "store_campaigns", ["status", "starts_at"], unique=False)
    op.create_table(
        "cart_campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("customer_key", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("start_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pricelist_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("db_version", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("end_date IS NULL OR start_date < end_date", name=op.f("ck_cart_campaigns_dates")),
        sa.ForeignKeyConstraint(["pricelist_id"], ["pricelists.id"], name=op.f("fk_cart_campaigns_pricelist_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart_campaigns")),
        sa.UniqueConstraint(
            "tenant_id", "name", "customer_key", name=op.f("uq_cart_campaigns_tenant_id_name_customer_key")
        ),
    )
    op.create_index("ix_cart_campaigns_pricelist", "cart_campaigns", ["pricelist_id"], unique=False)
    op.create_table(
        "cart_items",
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("removed_because", sa.Text(), nullable=True),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_cart_items_quantity")),
        sa.ForeignKeyConstraint(["cart_id"], ["carts.id"], name=op.f("fk_cart_items_cart_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("cart_id", "product_id", name=op.f("pk_cart_items")),
    )
    op.create_table(
        "cart_campaign_products",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("mandatory", sa.Boolean(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("match_mode", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["cart_campaigns.id"], name=op.f("fk_cart_campaign_products_campaign_id")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "position", name=op.f("pk_cart_campaign_products")),
    )
    op.create_index("ix_cart_campaign_products_product", "cart_campaign_products", ["product_id"], unique=False)
    op.create_table(
        "linked_products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("marketing_campaign_id", sa.Uuid(), nullable=False),
        sa.Column("base_id", sa.Text(), nullable=False),
        sa.Column("base_match_mode", sa.Text(), nullable=False),
        sa.Column("linked_id", sa.Text(), nullable=False),
        sa.Column("linked_match_mode", sa.Text(), nullable=False),
        sa.Column("quantity_selector", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("db_version", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["marketing_campaign_id"], ["cart_campaigns.id"], name=op.f("fk_linked_products_marketing_campaign_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linked_products")),
    )
    op.create_index("ix_linked_products_campaign", "linked_products", ["marketing_campaign_id"], unique=False)
    op.create_index("ix_linked_products_tenant", "linked_products", ["tenant_id"], unique=False)
    op.create_table(
        "store_campaign_stores",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["store_campaigns.id"], name=op.f("fk_store_campaign_stores_campaign_id")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_store_campaign_stores_store_id")),
        sa.PrimaryKeyConstraint("campaign_id", "store_id", name=op.f("pk_store_campaign_stores")),
    )
    op.create_index("ix_store_campaign_stores_store", "store_campaign_stores", ["store_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_store_campaign_stores_store", table_name="store_campaign_stores")
    op.drop_table("store_campaign_stores")
    op.drop_index("ix_linked_products_tenant", table_name="linked_products")
    op.drop_index("ix_linked_products_campaign", table_name="linked_products")
    op.drop_table("linked_products")
    op.drop_index("ix_cart_campaign_products_product", table_name="cart_campaign_products")
    op.drop_table("cart_campaign_products")
    op.drop_table("cart_items")
    op.drop_index("ix_cart_campaigns_pricelist", table_name="cart_campaigns")
    op.drop_table("cart_campaigns")
    op.drop_index("ix_store_campaigns_starts", table_name="store_campaigns")
    op.drop_index("ix_store_campaigns_ends", table_name="store_campaigns")
    op.drop_table("store_campaigns")
    op.drop_index("ix_carts_expires", table_name="carts")
    op.drop_table("carts")
