"""Evaluations and the units that came back, usage of campaigns and reservations of it, versions of bundles."""

import sqlalchemy as sa
from alembic import op

revision = "promotions_0002"
down_revision = "promotions_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("store_uid", sa.Text(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
    )
    op.create_index("ix_evaluations_created", "evaluations", ["created_at"], unique=False)
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
        sa.UniqueConstraint("tenant_id", "order_id", name=op.f("uq_reservations_tenant_id_order_id")),
    )
    op.create_index("ix_reservations_expiry", "reservations", ["state", "expires_at"], unique=False)
    op.create_table(
        "unit_returns",
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("return_id", sa.Uuid(), nullable=False),
        sa.Column("refund", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluations.id"], name=op.f("fk_unit_returns_evaluation_id")),
        sa.PrimaryKeyConstraint("evaluation_id", "line_id", "unit", name=op.f("pk_unit_returns")),
    )
    op.create_table(
        "bundle_versions",
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("campaigns", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_bundle_versions_store_id")),
        sa.PrimaryKeyConstraint("store_id", "version", name=op.f("pk_bundle_versions")),
    )
    op.create_table(
        "campaign_usages",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("discount_mills", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("uses >= 0 AND discount_mills >= 0", name=op.f("ck_campaign_usages_not_negative")),
        sa.ForeignKeyConstraint(["campaign_id"], ["sales_campaigns.id"], name=op.f("fk_campaign_usages_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_usages")),
    )
    op.create_table(
        "reserved_campaigns",
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("discount_mills", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["sales_campaigns.id"], name=op.f("fk_reserved_campaigns_campaign_id")
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["reservations.id"], name=op.f("fk_reserved_campaigns_reservation_id")
        ),
        sa.PrimaryKeyConstraint("reservation_id", "campaign_id", name=op.f("pk_reserved_campaigns")),
    )
    op.create_index("ix_reserved_campaigns_campaign", "reserved_campaigns", ["campaign_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_reserved_campaigns_campaign", table_name="reserved_campaigns")
    op.drop_table("reserved_campaigns")
    op.drop_table("campaign_usages")
    op.drop_table("bundle_versions")
    op.drop_table("unit_returns")
    op.drop_index("ix_reservations_expiry", table_name="reservations")
    op.drop_table("reservations")
    op.drop_index("ix_evaluations_created", table_name="evaluations")
    op.drop_table("evaluations")
