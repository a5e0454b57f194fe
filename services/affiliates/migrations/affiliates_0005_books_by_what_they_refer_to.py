"""Entries of the ledger by campaign and affiliate: what no entry refers to is deleted when its merchant has ended."""

from alembic import op

revision = "affiliates_0005"
down_revision = "affiliates_0004"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_ledger_campaign_id": ("ledger", ["campaign_id"]),
    "ix_ledger_affiliate_id": ("ledger", ["affiliate_id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _) in INDEXES.items():
        op.drop_index(name, table_name=table)
