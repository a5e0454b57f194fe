"""slugs of tenants.

Empty at first: code that knows no slugs goes on making tenants without one. The scheduler names those there are and
tells everybody.
"""

import sqlalchemy as sa
from alembic import op

revision = "identity_0002"
down_revision = "identity_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("slug", sa.Text(), nullable=True))
    op.create_index("uq_tenants_slug", "tenants", ["slug"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_tenants_slug", table_name="tenants")
    op.drop_column("tenants", "slug")
