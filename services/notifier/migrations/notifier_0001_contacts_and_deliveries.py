"""Contacts and deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "notifier_0001"
down_revision = None
branch_labels = ("notifier",)
depends_on = None

CLAIMABLE = sa.text("state IN ('new', 'sending')")
UNADDRESSED = sa.text("state = 'no_recipient'")


def upgrade() -> None:
    op.create_table(
        "contacts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_tenant_id_role"), "contacts", ["tenant_id", "role"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint(
            "event_id", "template", "recipient", name=op.f("uq_deliveries_event_id_template_recipient")
        ),
        sa.UniqueConstraint("message_id", name=op.f("uq_deliveries_message_id")),
    )
    op.create_index(
        "ix_deliveries_claimable",
        "deliveries",
        ["next_at"],
        unique=False,
        sqlite_where=CLAIMABLE,
        postgresql_where=CLAIMABLE,
    )
    op.create_index(op.f("ix_deliveries_tenant_id_id"), "deliveries", ["tenant_id", "id"], unique=False)
    op.create_index(
        "ix_deliveries_unaddressed",
        "deliveries",
        ["tenant_id"],
        unique=False,
        sqlite_where=UNADDRESSED,
        postgresql_where=UNADDRESSED,
    )
    op.create_index(op.f("ix_deliveries_user_id_state"), "deliveries", ["user_id", "state"], unique=False)
    op.create_table(
        "tenants", sa.Column("id", sa.Uuid(), nullable=False), sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants"))
    )


def downgrade() -> None:
    op.drop_table("tenants")
    op.drop_index(op.f("ix_deliveries_user_id_state"), table_name="deliveries")
    op.drop_index("ix_deliveries_unaddressed", table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_tenant_id_id"), table_name="deliveries")
    op.drop_index("ix_deliveries_claimable", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_contacts_tenant_id_role"), table_name="contacts")
    op.drop_table("contacts")
