"""Names of store campaigns and cart campaigns are unique without regard to case (D62).

Names that clash now stay as they are: the oldest has the folded name, the others have their id behind it, on a line of
its own, which no name has.
"""

import sqlalchemy as sa
from alembic import op

from chassis.data.migrate import fill_folded

revision = "promotions_0006"
down_revision = "promotions_0005"
branch_labels = None
depends_on = None

UNIQUE = {
    "store_campaigns": ("uq_store_campaigns_name_folded", ["tenant_id", "name_folded"]),
    "cart_campaigns": ("uq_cart_campaigns_name_folded", ["tenant_id", "name_folded", "customer_key"]),
}


def upgrade() -> None:
    for table, (index, columns) in UNIQUE.items():
        op.add_column(table, sa.Column("name_folded", sa.Text(), nullable=True))
        fill_folded(op.get_bind(), table, "name", "name_folded")
        _part_clashes(op.get_bind(), table, columns)
        op.create_index(index, table, columns, unique=True)


def downgrade() -> None:
    for table, (index, _) in UNIQUE.items():
        op.drop_index(index, table_name=table)
        op.drop_column(table, "name_folded")


def _part_clashes(connection: sa.Connection, table: str, columns: list[str]) -> None:
    known = sa.table(table, *(sa.column(name) for name in ("id", "created_at", *columns)))
    key = [known.c[name] for name in columns]
    place = sa.func.row_number().over(partition_by=key, order_by=[known.c.created_at, known.c.id])
    numbered = sa.select(known.c.id, known.c.name_folded, place.label("place")).subquery()
    later = sa.select(numbered.c.id, numbered.c.name_folded).where(numbered.c.place > 1)
    for row_id, folded in connection.execute(later).all():
        connection.execute(sa.update(known).where(known.c.id == row_id).values(name_folded=f"{folded}\n{row_id}"))
