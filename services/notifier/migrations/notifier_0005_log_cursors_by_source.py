"""Where the event log stands in each series, which it can tell from what it has logged.

A cursor from before counted everything that was told of a subject. Where one source tells of the subject, it is that
source's cursor. Where several do, it is nobody's: the number that one of them has reached may have been another's, and
events may have been lost for that. Each of them goes on with the first event after the last one logged that is still to
come, which is known when none has come before it for a while (``chassis.messaging.resequencer``); at once where that
event is parked. A subject of which nothing has been logged for as long as the log reaches back begins in the same way.

The chassis' migrations have been run before: cursors have a column for their source.
"""

from alembic import op

revision = "notifier_0005"
down_revision = "notifier_0004"
branch_labels = None
depends_on = None

SEVERAL = "SELECT subject FROM told_series GROUP BY subject HAVING count(*) > 1"
ONE = "SELECT subject FROM told_series GROUP BY subject HAVING count(*) = 1"


def upgrade() -> None:
    _collect_series()
    op.execute(
        "UPDATE inbox_cursor SET source = (SELECT min(source) FROM told_series"  # noqa: S608
        f" WHERE told_series.subject = inbox_cursor.subject) WHERE consumer = 'notifier.log' AND subject IN ({ONE})"
    )
    op.execute(f"DELETE FROM inbox_cursor WHERE consumer = 'notifier.log' AND subject IN ({SEVERAL})")  # noqa: S608
    op.execute("DELETE FROM inbox_cursor WHERE consumer = 'notifier.log' AND source = ''")
    op.execute(
        "INSERT INTO inbox_cursor (consumer, source, subject, first, last)"  # noqa: S608
        " SELECT 'notifier.log', source, subject, last_logged + 1,"
        " CASE WHEN held = last_logged + 1 THEN last_logged END FROM told_series"
        f" WHERE last_logged IS NOT NULL AND subject IN ({SEVERAL})"
    )
    op.execute(
        f"UPDATE inbox_ahead SET since = {_now()} WHERE consumer = 'notifier.log' AND subject IN ({SEVERAL})"  # noqa: S608
    )
    op.execute("DROP TABLE told_series")


def _collect_series() -> None:
    """Every series that is known, the newest event of it in the log, and the oldest that is parked."""
    if op.get_bind().dialect.name == "postgresql":
        teller, subject, number = "body::json->>'source'", "(body::json->>'subject')::uuid", "body::json->>'sequence'"
        source = "'/services/' || split_part(type, '.', 1)"
    else:
        teller, number = "json_extract(body, '$.source')", "json_extract(body, '$.sequence')"
        subject = "lower(replace(json_extract(body, '$.subject'), '-', ''))"
        source = "'/services/' || substr(type, 1, instr(type, '.') - 1)"
    op.execute(
        "CREATE TEMPORARY TABLE told_series AS"  # noqa: S608
        " SELECT source, subject, max(logged) AS last_logged, min(held) AS held FROM ("
        f"SELECT {teller} AS source, {subject} AS subject, CAST({number} AS integer) AS logged,"
        " CAST(NULL AS integer) AS held FROM event_log"
        " UNION ALL SELECT source, subject, NULL, NULL FROM inbox_ahead WHERE consumer = 'notifier.log'"
        f" UNION ALL SELECT {source}, subject, NULL, sequence FROM parked"
        " WHERE consumer = 'notifier.log' AND subject IS NOT NULL"
        ") AS told GROUP BY source, subject"
    )
    op.execute("CREATE INDEX told_series_subject ON told_series (subject)")
    if op.get_bind().dialect.name == "postgresql":
        # Nobody else counts a temporary table. Uncounted, it is read whole for each cursor: minutes for 33,000 of them.
        op.execute("ANALYZE told_series")


def _now() -> str:
    return "now()" if op.get_bind().dialect.name == "postgresql" else "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


def downgrade() -> None:
    """The cursors are the chassis' to change back."""
