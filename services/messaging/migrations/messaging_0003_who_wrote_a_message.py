"""who wrote a message, so that their name can be taken out of it.

What older code writes meanwhile, or wrote before, has a name and no id.
"""

import sqlalchemy as sa
from alembic import op

revision = "messaging_0003"
down_revision = "messaging_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("sender_id", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "sender_id")
