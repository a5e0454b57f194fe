"""Exports of tenants, and when one was last fetched."""

import sqlalchemy as sa
from alembic import op

revision = "identity_0006"
down_revision = "identity_0005"
branch_labels = None
depends_on = None

UNDER_WAY = sa.text("state = 'gathering'")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("tenants", sa.Column("exported_at", moment, nullable=True))
    op.create_table(
        "tenant_exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("next_at", moment, nullable=False),
        sa.Column("finished_at", moment, nullable=True),
        sa.Column("fetched_at", moment, nullable=True),
        sa.Column("expires_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_tenant_exports_tenant_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant_exports")),
    )
    op.create_index("ix_tenant_exports_tenant_id", "tenant_exports", ["tenant_id", "asked_by", "id"])
    op.create_index("ix_tenant_exports_state", "tenant_exports", ["state", "next_at"])
    op.create_index("ix_tenant_exports_expires_at", "tenant_exports", ["expires_at"])
    op.create_index(
        "uq_tenant_exports_under_way",
        "tenant_exports",
        ["tenant_id"],
        unique=True,
        sqlite_where=UNDER_WAY,
        postgresql_where=UNDER_WAY,
    )
    op.create_table(
        "tenant_export_parts",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"],
            ["tenant_exports.id"],
            name=op.f("fk_tenant_export_parts_export_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("export_id", "service", "number", name=op.f("pk_tenant_export_parts")),
    )


def downgrade() -> None:
    op.drop_table("tenant_export_parts")
    op.drop_table("tenant_exports")
    op.drop_column("tenants", "exported_at")
