"""Webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "notifier_0004"
down_revision = "notifier_0003"
branch_labels = None
depends_on = None

UNFINISHED = sa.text("state IN ('waiting', 'ready', 'sending')")
READY = sa.text("state = 'ready'")
SENDING = sa.text("state = 'sending'")
DUE = sa.text("due_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(op.f("ix_event_log_logged_at"), "event_log", ["logged_at"], unique=False)
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("types", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_tenant_id_id"), "webhooks", ["tenant_id", "id"], unique=False)
    op.create_table(
        "webhook_queues",
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cool_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhook_queues")),
    )
    op.create_index(
        "ix_webhook_queues_due", "webhook_queues", ["due_at"], unique=False, sqlite_where=DUE, postgresql_where=DUE
    )
    op.create_table(
        "webhook_messages",
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tried_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("webhook_id", "event_id", name=op.f("pk_webhook_messages")),
    )
    _index_messages("unfinished", ["webhook_id", "subject", "position"], UNFINISHED)
    _index_messages("ready", ["webhook_id", "next_at"], READY)
    _index_messages("sending", ["webhook_id", "next_at"], SENDING)
    _index_messages("webhook_id_position", ["webhook_id", "position"])
    _index_messages("finished_at", ["finished_at"])
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempts")),
    )
    for columns in (["webhook_id", "event_id", "id"], ["webhook_id", "id"], ["at"]):
        op.create_index(op.f(f"ix_webhook_attempts_{'_'.join(columns)}"), "webhook_attempts", columns, unique=False)


def _index_messages(name: str, columns: list[str], where: sa.TextClause | None = None) -> None:
    name = op.f(f"ix_webhook_messages_{name}")
    op.create_index(name, "webhook_messages", columns, unique=False, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for table in ("webhook_attempts", "webhook_messages", "webhook_queues", "webhooks"):
        op.drop_table(table)
    op.drop_index(op.f("ix_event_log_logged_at"), table_name="event_log")
