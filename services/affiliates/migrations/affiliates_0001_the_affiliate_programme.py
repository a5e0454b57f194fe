"""Merchants, campaigns, products, affiliates, links, clicks, conversions and the ledger, which only grows."""

import sqlalchemy as sa
from alembic import op

revision = "affiliates_0001"
down_revision = None
branch_labels = ("affiliates",)
depends_on = None


LEDGER_GROWS = {
    "postgresql": (
        """
        CREATE FUNCTION ledger_grows() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the ledger is only ever added to'; END $$
        """,
        """
        CREATE TRIGGER ledger_grows BEFORE UPDATE OR DELETE ON ledger
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_grows()
        """,
    ),
    "sqlite": tuple(
        f"""
        CREATE TRIGGER ledger_refuses_{word.lower()} BEFORE {word} ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is only ever added to'); END
        """
        for word in ("UPDATE", "DELETE")
    ),
}


def upgrade() -> None:
    op.create_table(
        "affiliates",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_affiliates")),
        sa.UniqueConstraint("merchant_id", "email_key", name=op.f("uq_affiliates_merchant_id_email_key")),
    )
    op.create_index("ix_affiliates_merchant", "affiliates", ["merchant_id", "created_at", "id"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("start_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cookie_days", sa.Integer(), nullable=False),
        sa.Column("traffic_sources", sa.JSON(), nullable=False),
        sa.Column("terms_and_conditions", sa.Text(), nullable=True),
        sa.Column("approval_required", sa.Boolean(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("commission_type", sa.Text(), nullable=True),
        sa.Column("commission_value", sa.Text(), nullable=True),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("cookie_days BETWEEN 0 AND 365", name=op.f("ck_campaigns_cookie_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("code", name=op.f("uq_campaigns_code")),
    )
    op.create_index("ix_campaigns_listed", "campaigns", ["visibility", "status", "created_at"], unique=False)
    op.create_index("ix_campaigns_merchant", "campaigns", ["merchant_id", "created_at", "id"], unique=False)
    op.create_table(
        "click_counts",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("affiliate_id", sa.Uuid(), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.Column("other", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("link_id", "day", name=op.f("pk_click_counts")),
    )
    op.create_index("ix_click_counts_merchant", "click_counts", ["merchant_id", "day"], unique=False)
    op.create_table(
        "click_feeds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click_feeds")),
    )
    op.create_table(
        "clicks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("affiliate_id", sa.Uuid(), nullable=False),
        sa.Column("visitor_id", sa.Uuid(), nullable=False),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("address_hash", sa.Text(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clicks")),
    )
    op.create_index("ix_clicks_merchant", "clicks", ["merchant_id", "clicked_at"], unique=False)
    op.create_index("ix_clicks_visitor", "clicks", ["visitor_id", "clicked_at"], unique=False)
    op.create_table(
        "conversions",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("external_order_id", sa.Text(), nullable=False),
        sa.Column("order_amount", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("named_click_id", sa.Uuid(), nullable=True),
        sa.Column("visitor_id", sa.Uuid(), nullable=True),
        sa.Column("buyer_hash", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("weighed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("click_id", sa.Uuid(), nullable=True),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_days", sa.Integer(), nullable=True),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("affiliate_id", sa.Uuid(), nullable=True),
        sa.Column("commission", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=True),
        sa.Column("commission_level", sa.Text(), nullable=True),
        sa.Column("order_status", sa.Text(), nullable=False),
        sa.Column("refunded", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversions")),
        sa.UniqueConstraint(
            "merchant_id", "external_order_id", name=op.f("uq_conversions_merchant_id_external_order_id")
        ),
    )
    op.create_index(
        "ix_conversions_due",
        "conversions",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("status = 'ACCEPTED'"),
        postgresql_where=sa.text("status = 'ACCEPTED'"),
    )
    op.create_index("ix_conversions_merchant", "conversions", ["merchant_id", "received_at", "id"], unique=False)
    op.create_table(
        "merchants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("fallback_url", sa.Text(), nullable=True),
        sa.Column("allowed_hosts", sa.JSON(), nullable=False),
        sa.Column("affiliate_approval_required", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("commission_type", sa.Text(), nullable=True),
        sa.Column("commission_value", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merchants")),
    )
    op.create_index(op.f("ix_merchants_slug"), "merchants", ["slug"], unique=False)
    op.create_table(
        "campaign_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_runs_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_runs")),
    )
    op.create_index("ix_campaign_runs_campaign", "campaign_runs", ["campaign_id", "began_at"], unique=False)
    op.create_table(
        "conversion_items",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("conversion_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.Column("commission", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["conversion_id"], ["conversions.id"], name=op.f("fk_conversion_items_conversion_id")),
        sa.PrimaryKeyConstraint("conversion_id", "position", name=op.f("pk_conversion_items")),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("affiliate_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("conversion_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["affiliate_id"], ["affiliates.id"], name=op.f("fk_ledger_affiliate_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_ledger_campaign_id")),
        sa.ForeignKeyConstraint(["conversion_id"], ["conversions.id"], name=op.f("fk_ledger_conversion_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
    )
    op.create_index("ix_ledger_affiliate", "ledger", ["merchant_id", "affiliate_id", "at"], unique=False)
    op.create_index("ix_ledger_conversion", "ledger", ["conversion_id"], unique=False)
    op.create_index("ix_ledger_merchant", "ledger", ["merchant_id", "at", "id"], unique=False)
    op.create_table(
        "links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("affiliate_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["affiliate_id"], ["affiliates.id"], name=op.f("fk_links_affiliate_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_links_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
        sa.UniqueConstraint("code", name=op.f("uq_links_code")),
    )
    op.create_index(op.f("ix_links_affiliate_id"), "links", ["affiliate_id"], unique=False)
    op.create_index("ix_links_campaign", "links", ["campaign_id", "created_at", "id"], unique=False)
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("commission_type", sa.Text(), nullable=True),
        sa.Column("commission_value", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_products_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("merchant_id", "external_id", name=op.f("uq_products_merchant_id_external_id")),
    )
    op.create_index(op.f("ix_products_campaign_id"), "products", ["campaign_id"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("conversion_id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(14, 2).with_variant(sa.String(20), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["conversion_id"], ["conversions.id"], name=op.f("fk_refunds_conversion_id")),
        sa.PrimaryKeyConstraint("conversion_id", "refund_id", name=op.f("pk_refunds")),
    )
    for statement in LEDGER_GROWS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER ledger_grows ON ledger")
        op.execute("DROP FUNCTION ledger_grows()")
    # A table goes with its indexes, and before those that it refers to.
    for table in ("refunds", "products", "links", "ledger", "conversion_items", "campaign_runs", "merchants"):
        op.drop_table(table)
    for table in ("conversions", "clicks", "click_feeds", "click_counts", "campaigns", "affiliates"):
        op.drop_table(table)
