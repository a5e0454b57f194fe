"""relationships, groups, tiers."""

import sqlalchemy as sa
from alembic import op

revision = "prm_0001"
down_revision = None
branch_labels = ("prm",)
depends_on = None


def upgrade() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("retailer_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("supplier_id", "name_key", name=op.f("uq_groups_supplier_id_name_key")),
    )
    op.create_table(
        "programmes",
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("supplier_id", name=op.f("pk_programmes")),
    )
    op.create_table(
        "tenant_names",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant_names")),
    )
    op.create_table(
        "tiers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.Column("benefits", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tiers")),
    )
    op.create_index(op.f("ix_tiers_supplier_id"), "tiers", ["supplier_id"], unique=False)
    op.create_table(
        "assignments",
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("retailer_id", sa.Uuid(), nullable=False),
        sa.Column("tier_id", sa.Uuid(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["retailer_id"], ["tenant_names.id"], name=op.f("fk_assignments_retailer_id")),
        sa.ForeignKeyConstraint(["tier_id"], ["tiers.id"], name=op.f("fk_assignments_tier_id")),
        sa.PrimaryKeyConstraint("supplier_id", "retailer_id", name=op.f("pk_assignments")),
    )
    op.create_index(op.f("ix_assignments_retailer_id"), "assignments", ["retailer_id"], unique=False)
    op.create_index(op.f("ix_assignments_tier_id"), "assignments", ["tier_id"], unique=False)
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("retailer_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["groups.id"], name=op.f("fk_group_members_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "retailer_id", name=op.f("pk_group_members")),
    )
    op.create_index("ix_group_members_place", "group_members", ["group_id", "position"], unique=False)
    op.create_table(
        "relationships",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("retailer_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["retailer_id"], ["tenant_names.id"], name=op.f("fk_relationships_retailer_id")),
        sa.ForeignKeyConstraint(["supplier_id"], ["tenant_names.id"], name=op.f("fk_relationships_supplier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationships")),
        sa.UniqueConstraint("supplier_id", "retailer_id", name=op.f("uq_relationships_supplier_id_retailer_id")),
    )
    op.create_index(op.f("ix_relationships_retailer_id"), "relationships", ["retailer_id"], unique=False)


def downgrade() -> None:
    # A table goes with its indexes, and before those that it refers to.
    for table in ("relationships", "group_members", "assignments", "tiers", "tenant_names", "programmes", "groups"):
        op.drop_table(table)
