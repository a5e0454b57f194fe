"""Messages of webhooks wait for what the same service tells of the same subject, no longer for what others tell (D63).

What has waited for another service's message would wait for ever: when that one is done, nobody looks at this one. So
the first of each series gets its turn. Of a webhook that is paused it goes when the webhook is resumed.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "notifier_0007"
down_revision = "notifier_0006"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
MESSAGES = sa.table(
    "webhook_messages",
    *(sa.column(name) for name in ("webhook_id", "position", "type", "subject", "state")),
    sa.column("next_at", MOMENT),
)
QUEUES = sa.table("webhook_queues", sa.column("webhook_id"), sa.column("due_at", MOMENT))
WEBHOOKS = sa.table("webhooks", sa.column("id"), sa.column("status"))
UNFINISHED = sa.text("earlier.state IN ('waiting', 'ready', 'sending')")


def upgrade() -> None:
    now = datetime.now(UTC)
    earlier = MESSAGES.alias("earlier")
    is_before = (
        (earlier.c.webhook_id == MESSAGES.c.webhook_id)
        & (earlier.c.subject == MESSAGES.c.subject)
        & (_service_in(earlier.c.type) == _service_in(MESSAGES.c.type))
        & UNFINISHED
        & ((earlier.c.position < MESSAGES.c.position) | (earlier.c.state == "sending"))
    )
    first = sa.update(MESSAGES).where(MESSAGES.c.state == "waiting", ~sa.exists().where(is_before))
    op.execute(first.values(state="ready", next_at=now))
    ready = sa.select(MESSAGES.c.webhook_id).where(MESSAGES.c.state == "ready", MESSAGES.c.next_at <= now)
    active = sa.select(WEBHOOKS.c.id).where(WEBHOOKS.c.status == "active")
    due = sa.update(QUEUES).where(QUEUES.c.webhook_id.in_(ready), QUEUES.c.webhook_id.in_(active))
    op.execute(due.where(sa.or_(QUEUES.c.due_at.is_(None), QUEUES.c.due_at > now)).values(due_at=now))


def downgrade() -> None:
    """A message that has got its turn keeps it."""


def _service_in(event_type: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """The service that a type begins with."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.func.split_part(event_type, ".", 1)
    return sa.func.substr(event_type, 1, sa.func.instr(event_type, ".") - 1)
