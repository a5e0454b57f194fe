"""earlier addresses of people, and exports of affiliates who have no account.

Code of before makes exports of users alone, which mean the same.
"""

import sqlalchemy as sa
from alembic import op

revision = "identity_0005"
down_revision = "identity_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("earlier_addresses", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("exports", sa.Column("email_digest", sa.Text(), nullable=True))
    _forget_parts()
    with op.batch_alter_table("exports") as exports:
        exports.drop_constraint("fk_exports_user_id", type_="foreignkey")
    op.create_index("ix_exports_tenant_id", "exports", ["tenant_id"])


def downgrade() -> None:
    """Exports of affiliates go: code of before would look for them among the users."""
    op.drop_index("ix_exports_tenant_id", "exports")
    op.execute("DELETE FROM exports WHERE email_digest IS NOT NULL")
    _forget_parts()
    with op.batch_alter_table("exports") as exports:
        exports.create_foreign_key("fk_exports_user_id", "users", ["user_id"], ["id"])
    op.drop_column("exports", "email_digest")
    op.drop_column("users", "earlier_addresses")


def _forget_parts() -> None:
    """SQLite writes the table anew, and what refers to the old one goes with it: an export that is under way would lack
    it. It is asked for again."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DELETE FROM exports WHERE state = 'gathering'")
