"""search without regard to case (D62), a badge without what was put away.

What older code writes meanwhile has no folded text and is searched as it stands.
"""

import sqlalchemy as sa
from alembic import op

from chassis.data.migrate import fill_folded

revision = "messaging_0002"
down_revision = "messaging_0001"
branch_labels = None
depends_on = None

# What a search on PostgreSQL asks of; ``services.messaging.search`` writes it the same way.
WORDS = "to_tsvector('simple', translate({}, '{}', '{}'))"
MARKS = "array_to_tsvector(ARRAY['@' || CAST({} AS text), '@' || CAST({} AS text)])"
SIGNS = r"""!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~"""
SPACES = " " * 32
PARTIES = {"threads": ("supplier_id", "retailer_id"), "messages": ("sender_tenant_id", "recipient_tenant_id")}
TEXTS = {"threads": "subject", "messages": "body"}


def index(table: str, text: str) -> None:
    words = f"({WORDS.format(text, SIGNS, SPACES)} || {MARKS.format(*PARTIES[table])})"
    op.execute(f"CREATE INDEX ix_{table}_search ON {table} USING gin ({words})")


def upgrade() -> None:
    connection = op.get_bind()
    for table, text in TEXTS.items():
        op.add_column(table, sa.Column(f"{text}_folded", sa.Text(), nullable=True))
        fill_folded(connection, table, text, f"{text}_folded")
        if connection.dialect.name == "postgresql":
            op.drop_index(f"ix_{table}_search", table)
            index(table, f"coalesce({text}_folded, {text})")
    for side in ("supplier", "retailer"):
        hidden = sa.text(f"{side}_archived AND {side}_unread > 0")
        op.create_index(
            f"ix_threads_{side}_hidden",
            "threads",
            [f"{side}_id"],
            unique=False,
            sqlite_where=hidden,
            postgresql_where=hidden,
        )


def downgrade() -> None:
    for side in ("supplier", "retailer"):
        op.drop_index(f"ix_threads_{side}_hidden", "threads")
    for table, text in TEXTS.items():
        if op.get_bind().dialect.name == "postgresql":
            op.drop_index(f"ix_{table}_search", table)
        op.drop_column(table, f"{text}_folded")
        if op.get_bind().dialect.name == "postgresql":
            index(table, text)
