"""The invites of a supplier in the order of their ids, in which an export reads them."""

from alembic import op

revision = "campaigns_0003"
down_revision = "campaigns_0002"
branch_labels = None
depends_on = None

NAME = "ix_invites_supplier_id_id"


def upgrade() -> None:
    """There are many invites, so requests do not wait while their index is built."""
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(NAME, "invites", ["supplier_id", "id"])
        return
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for others' transactions, and nobody waits for it
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {NAME}")  # of an attempt that was broken off
        op.create_index(NAME, "invites", ["supplier_id", "id"], postgresql_concurrently=True)
        op.execute("SET lock_timeout = '2s'")


def downgrade() -> None:
    op.drop_index(NAME, table_name="invites")
