"""Preferences, digests, gathered messages and bounces."""

import sqlalchemy as sa
from alembic import op

revision = "notifier_0003"
down_revision = "notifier_0002"
branch_labels = None
depends_on = None

OPEN = sa.text("digest_id IS NULL")
OF_A_THREAD = sa.text("thread_id IS NOT NULL")


def upgrade() -> None:
    op.add_column("tenants", sa.Column("time_zone", sa.Text(), nullable=True))
    op.add_column("tenants", sa.Column("sequence", sa.Integer(), server_default="0", nullable=False))
    op.add_column("deliveries", sa.Column("thread_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_deliveries_thread",
        "deliveries",
        ["thread_id"],
        unique=False,
        sqlite_where=OF_A_THREAD,
        postgresql_where=OF_A_THREAD,
    )
    op.create_index(op.f("ix_deliveries_created_at"), "deliveries", ["created_at"], unique=False)
    op.create_table(
        "preferences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("send_at", sa.Text(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Text(), nullable=True),
        sa.Column("quiet_until", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preferences")),
    )
    op.create_table(
        "digests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("cadence", sa.Text(), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digests")),
        sa.UniqueConstraint("user_id", "cadence", "period_start", name=op.f("uq_digests_user_id_cadence_period_start")),
    )
    op.create_index(op.f("ix_digests_created_at"), "digests", ["created_at"], unique=False)
    op.create_table(
        "digest_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("cadence", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=True),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_items")),
        sa.UniqueConstraint("user_id", "event_id", "template", name=op.f("uq_digest_items_user_id_event_id_template")),
    )
    op.create_index(
        "ix_digest_items_due", "digest_items", ["due_at"], unique=False, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index(op.f("ix_digest_items_digest_id"), "digest_items", ["digest_id"], unique=False)
    op.create_index(
        op.f("ix_digest_items_tenant_id_thread_id"), "digest_items", ["tenant_id", "thread_id"], unique=False
    )
    op.create_table(
        "read_marks",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "thread_id", name=op.f("pk_read_marks")),
    )
    op.create_table(
        "bounces",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_bounces")),
    )


def downgrade() -> None:
    for table in ("bounces", "read_marks", "digest_items", "digests", "preferences"):
        op.drop_table(table)
    op.drop_index(op.f("ix_deliveries_created_at"), table_name="deliveries")
    op.drop_index("ix_deliveries_thread", table_name="deliveries")
    op.drop_column("deliveries", "thread_id")
    op.drop_column("tenants", "sequence")
    op.drop_column("tenants", "time_zone")
