"""The trail of a tenant in the order of its ids, in which an export reads it."""

from alembic import op

revision = "chassis_0008"
down_revision = "chassis_0007"
branch_labels = None
depends_on = None

NAME = "ix_audit_tenant_id_id"


def upgrade() -> None:
    """The trail is long, so requests do not wait while its index is built."""
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(NAME, "audit", ["tenant_id", "id"])
        return
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for others' transactions, and nobody waits for it
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")  # of an attempt that was broken off
        op.create_index(NAME, "audit", ["tenant_id", "id"], postgresql_concurrently=True)
        op.execute("SET lock_timeout = '2s'")


def downgrade() -> None:
    op.drop_index(NAME, table_name="audit")
