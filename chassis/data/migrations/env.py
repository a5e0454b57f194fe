"""Runs inside alembic: migrates the connection that ``chassis.data.migrate`` hands over."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from chassis.data.columns import Money, UtcDateTime


def render(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our column types into migrations as what they are, so that old migrations do not follow new code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Money):
        return "sa.Numeric().with_variant(sa.String(20), 'sqlite')"
    return False


config = context.config
connection = config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=config.attributes["target_metadata"],
    render_item=render,
    compare_type=True,
    transactional_ddl=True,  # on SQLite too: another process that migrates waits until all is done
)
with context.begin_transaction():
    context.run_migrations()
