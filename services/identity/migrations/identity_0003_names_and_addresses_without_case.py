"""names without regard to case, addresses in one spelling (D62).

``email_key`` takes the domain as DNS knows it. Two present users who were told apart by spellings of one domain both
stay: the one who came later keeps the key of before, which a sign-in also looks for. A tenant that older code makes
meanwhile has no folded name; the scheduler gives it one.
"""

import sqlalchemy as sa
from alembic import op

from chassis.core.emails import address_key
from chassis.data.migrate import fill_folded

revision = "identity_0003"
down_revision = "identity_0002"
branch_labels = None
depends_on = None

USERS = sa.table(
    "users",
    sa.column("id", sa.Uuid()),
    sa.column("email", sa.Text()),
    sa.column("email_key", sa.Text()),
    sa.column("removed_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    op.add_column("tenants", sa.Column("name_folded", sa.Text(), nullable=True))
    connection = op.get_bind()
    fill_folded(connection, "tenants", "name", "name_folded")
    users = connection.execute(sa.select(USERS).where(USERS.c.removed_at.is_(None)).order_by(USERS.c.id)).all()
    taken = {user.email_key for user in users}
    for user in users:
        key = address_key(user.email)
        if key not in taken:
            connection.execute(sa.update(USERS).where(USERS.c.id == user.id).values(email_key=key))
            taken.add(key)


def downgrade() -> None:
    op.drop_column("tenants", "name_folded")
