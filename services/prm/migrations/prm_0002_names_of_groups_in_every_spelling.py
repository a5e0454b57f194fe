"""names of groups are unique in every spelling of their letters (D62).

Two groups of before that were told apart by spelling alone both stay: the one that came later keeps the key it had.
"""

import sqlalchemy as sa
from alembic import op

from chassis.core.text import fold

revision = "prm_0002"
down_revision = "prm_0001"
branch_labels = None
depends_on = None

GROUPS = sa.table(
    "groups",
    sa.column("id", sa.Uuid()),
    sa.column("supplier_id", sa.Uuid()),
    sa.column("name", sa.Text()),
    sa.column("name_key", sa.Text()),
)


def upgrade() -> None:
    connection = op.get_bind()
    groups = connection.execute(sa.select(GROUPS).order_by(GROUPS.c.id)).all()
    taken = {(group.supplier_id, group.name_key) for group in groups}
    for group in groups:
        key = fold(group.name)
        if (group.supplier_id, key) not in taken:
            connection.execute(sa.update(GROUPS).where(GROUPS.c.id == group.id).values(name_key=key))
            taken.add((group.supplier_id, key))


def downgrade() -> None:
    """The keys serve older code as well."""
