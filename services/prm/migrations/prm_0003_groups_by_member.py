"""A retailer that has ended leaves the groups it is in."""

from alembic import op

revision = "prm_0003"
down_revision = "prm_0002"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_group_members_retailer_id": ("group_members", ["retailer_id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
