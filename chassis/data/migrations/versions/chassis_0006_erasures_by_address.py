"""A person who has had several addresses is forgotten by each of them, and it is known when that began."""

import sqlalchemy as sa
from alembic import op

revision = "chassis_0006"
down_revision = "chassis_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("erasures", sa.Column("began_at", sa.DateTime(timezone=True), nullable=True))
    _key_by("user_id", "email_digest")


def downgrade() -> None:
    """One address of each is forgotten on: the key from before has no place for more."""
    other = "SELECT 1 FROM erasures o WHERE o.user_id = erasures.user_id AND o.email_digest < erasures.email_digest"
    op.execute(f"DELETE FROM erasures WHERE EXISTS ({other})")  # noqa: S608
    _key_by("user_id")
    op.drop_column("erasures", "began_at")


def _key_by(*columns: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("erasures", recreate="always") as batch:
            batch.drop_constraint("pk_erasures", type_="primary")
            batch.create_primary_key("pk_erasures", list(columns))
        return
    key = f"PRIMARY KEY ({', '.join(columns)})"
    op.execute(f"ALTER TABLE erasures DROP CONSTRAINT pk_erasures, ADD CONSTRAINT pk_erasures {key}")
