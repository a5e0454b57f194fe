"""Threads, messages, how many threads a tenant has, and the newest names of tenants."""

import sqlalchemy as sa
from alembic import op

revision = "messaging_0001"
down_revision = None
branch_labels = ("messaging",)
depends_on = None

# What a search on PostgreSQL asks of; ``services.messaging.search`` writes it the same way.
WORDS = "to_tsvector('simple', translate({}, '{}', '{}'))"
MARKS = "array_to_tsvector(ARRAY['@' || CAST({} AS text), '@' || CAST({} AS text)])"
SIGNS = r"""!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~"""
SPACES = " " * 32
SUBJECTS = f"({WORDS.format('subject', SIGNS, SPACES)} || {MARKS.format('supplier_id', 'retailer_id')})"
BODIES = f"({WORDS.format('body', SIGNS, SPACES)} || {MARKS.format('sender_tenant_id', 'recipient_tenant_id')})"


def upgrade() -> None:
    op.create_table(
        "tenant_names",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenant_names")),
    )
    op.create_table(
        "threads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_name", sa.Text(), nullable=False),
        sa.Column("retailer_id", sa.Uuid(), nullable=False),
        sa.Column("retailer_name", sa.Text(), nullable=False),
        sa.Column("about_type", sa.Text(), nullable=True),
        sa.Column("about_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_message_preview", sa.Text(), nullable=False),
        sa.Column("waiting_for", sa.Text(), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retailer_has_written", sa.Boolean(), nullable=False),
        sa.Column("supplier_unread", sa.Integer(), nullable=False),
        sa.Column("supplier_archived", sa.Boolean(), nullable=False),
        sa.Column("supplier_updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retailer_unread", sa.Integer(), nullable=False),
        sa.Column("retailer_archived", sa.Boolean(), nullable=False),
        sa.Column("retailer_updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("(about_type IS NULL) = (about_id IS NULL)", name=op.f("ck_threads_about")),
        sa.CheckConstraint("supplier_unread >= 0 AND retailer_unread >= 0", name=op.f("ck_threads_unread")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
    )
    op.create_index(
        "ix_threads_retailer", "threads", ["retailer_id", "retailer_archived", "last_message_at", "id"], unique=False
    )
    op.create_index("ix_threads_retailer_updated", "threads", ["retailer_id", "retailer_updated_at"], unique=False)
    op.create_index(
        "ix_threads_supplier", "threads", ["supplier_id", "supplier_archived", "last_message_at", "id"], unique=False
    )
    op.create_index("ix_threads_supplier_updated", "threads", ["supplier_id", "supplier_updated_at"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sender_tenant_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_tenant_id", sa.Uuid(), nullable=False),
        sa.Column("sender_name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_system", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_messages_thread_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("thread_id", "number", name=op.f("uq_messages_thread_id_number")),
    )
    op.create_table(
        "thread_counts",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("archived", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "unread BETWEEN 0 AND threads AND archived BETWEEN 0 AND threads", name=op.f("ck_thread_counts_within")
        ),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_thread_counts")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE INDEX ix_threads_search ON threads USING gin ({SUBJECTS})")
        op.execute(f"CREATE INDEX ix_messages_search ON messages USING gin ({BODIES})")


def downgrade() -> None:
    # A table goes with its indexes, and before those that it refers to.
    for table in ("thread_counts", "messages", "threads", "tenant_names"):
        op.drop_table(table)
