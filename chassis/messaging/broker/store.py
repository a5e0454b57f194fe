"""The embedded broker's tables and statements: one SQLite file that several processes share.

A message stays for the archive's retention and as long as a queue has not delivered it; a delivery is the message's
place in one queue and is deleted by the acknowledgement. Network file systems are not supported: their locks fail.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from chassis.data.bulk import batches
from chassis.data.sqlite import WaitingConnection
from chassis.messaging.broker.base import BrokerUnavailable, Message, TopologyBroken
from chassis.messaging.broker.topic import matches

RETENTION = 7 * 24 * 3600.0
BUSY_SECONDS = 30.0
# Leases end by the wall clock, the only one that all processes share, also over a restart. A lease that ends later than
# this was taken before the clock was set back, and counts as ended.
LONGEST_LEASE = 300.0
PAGE = 500  # messages that are read at once
AT_ONCE = 50  # messages that are rewritten in one transaction
MAX_DELIVERIES = 50  # a message delivered as often and never acknowledged kills its consumers: it is a dead letter

_SCHEMA = """
create table if not exists queue (name text primary key) without rowid;
create table if not exists binding (queue text, pattern text, primary key (queue, pattern)) without rowid;
create table if not exists message (
    seq integer primary key autoincrement, published_at real not null, id text not null, type text not null, body blob
);
create table if not exists delivery (
    queue text, seq integer, lease_until real not null default 0, token text, deliveries integer not null default 0,
    primary key (queue, seq)
) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages leased to one consumer; ``token`` proves it, until the lease ends and another consumer claims them."""

    queue: str
    token: str
    first: int
    last: int
    messages: tuple[Message, ...]


class Store:
    """One connection to the file, for one thread at a time. Every call is one short transaction, or none.

    Raises:
        BrokerUnavailable: the file is locked for too long, full, broken or closed.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.time):
        self._clock = clock
        self._trimmed_to = 0
        with _sqlite_errors_as_ours():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path, BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=WaitingConnection
            )
            self._prepare()

    def _prepare(self) -> None:
        self._switch_to_wal()
        self._db.execute("pragma synchronous = full")  # a commit is a confirm, so it has to be on the disk
        self._db.execute("pragma journal_size_limit = 67108864")
        if not self._db.execute("select 1 from sqlite_master where name = 'delivery'").fetchone():
            with self._transaction() as db:
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)

    def _switch_to_wal(self) -> None:
        """Processes that start together race for this one lock, and SQLite does not wait for it by itself."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self._db.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _transaction(self) -> Iterator[WaitingConnection]:
        with _sqlite_errors_as_ours():
            try:
                self._db.take_turn()
                self._db.execute("begin immediate")
                yield self._db
                self._db.commit()
            except BaseException:
                self._db.rollback()
                raise

    def declare(self, queue: str, patterns: Sequence[str]) -> None:
        """Create the queue and make ``patterns`` its only bindings."""
        with self._transaction() as db:
            db.execute("insert or ignore into queue values (?)", (queue,))
            db.execute("delete from binding where queue = ?", (queue,))
            db.executemany("insert or ignore into binding values (?, ?)", [(queue, pattern) for pattern in patterns])

    def publish(self, messages: Sequence[Message]) -> None:
        """Store the messages with one delivery for every queue bound to their type: all or none of them."""
        now = self._clock()
        with self._transaction() as db:
            bindings = db.execute("select queue, pattern from binding").fetchall()
            deliveries: list[tuple[str, int | None]] = []
            for message in messages:
                insert = "insert into message (published_at, id, type, body) values (?, ?, ?, ?)"
                seq = db.execute(insert, (now, message.id, message.type, message.body)).lastrowid
                queues = {queue for queue, pattern in bindings if matches(pattern, message.type)}
                deliveries += [(queue, seq) for queue in queues]
            db.executemany("insert into delivery (queue, seq) values (?, ?)", deliveries)
            self._trim(now - RETENTION, at_most=2 * len(messages) + 10)

    def _trim(self, before: float, at_most: int) -> None:
        """Delete a few expired messages. Reads more than were just added, so it keeps up; it goes on where it stopped,
        so that messages for a sleeping subscriber do not hide the others."""
        oldest = "select seq, published_at from message where seq > ? order by seq limit ?"
        rows = self._db.execute(oldest, (self._trimmed_to, at_most)).fetchall()
        expired = [(seq,) for seq, published_at in rows if published_at < before]
        self._db.executemany(
            "delete from message where seq = ?1 and not exists"
            " (select 1 from queue join delivery on delivery.queue = queue.name and delivery.seq = ?1)",
            expired,
        )
        self._trimmed_to = expired[-1][0] if rows and len(expired) == len(rows) else 0

    def claim(self, queue: str, limit: int, seconds: float) -> Claim | None:
        """Lease the oldest free messages, 1 to ``limit``, for ``seconds``; ``None`` when there are none.

        Raises:
            TopologyBroken: the queue does not exist.
        """
        with _sqlite_errors_as_ours():  # without the write lock, so that idle consumers block no writer
            self._refuse_unknown(queue)
            if not self._free(queue, 1):
                return None
        with self._transaction() as db:
            self._bury(queue)
            token, until, seqs = uuid4().hex, self._clock() + seconds, self._free(queue, limit)
            db.executemany(
                "update delivery set token = ?, lease_until = ?, deliveries = deliveries + 1"
                " where queue = ? and seq = ?",
                [(token, until, queue, seq) for seq in seqs],
            )
            return self._claimed(queue, token, seqs) if seqs else None

    def _bury(self, queue: str) -> None:
        """Move messages that were delivered too often to the subscriber's dead letters, if it has such a queue."""
        dead = queue.removesuffix(".events") + ".dead"
        self._db.execute(
            "update or ignore delivery set queue = :dead, token = null, lease_until = 0, deliveries = 0"
            " where queue = :queue and deliveries >= :most and lease_until not between :now and :now + :longest"
            " and exists (select 1 from queue where name = :dead)",
            {"dead": dead, "queue": queue, "most": MAX_DELIVERIES, "now": self._clock(), "longest": LONGEST_LEASE},
        )

    def _free(self, queue: str, limit: int) -> list[int]:
        """The oldest deliveries without a lease; a negative ``limit`` is none."""
        rows = self._db.execute(
            "select seq from delivery where queue = :queue and lease_until not between :now and :now + :longest"
            " order by seq limit :limit",
            {"queue": queue, "now": self._clock(), "longest": LONGEST_LEASE, "limit": limit},
        )
        return [seq for (seq,) in rows]

    def _claimed(self, queue: str, token: str, seqs: list[int]) -> Claim:
        rows = self._db.execute(
            "select id, type, body, deliveries > 1 from delivery join message using (seq)"
            " where queue = ? and token = ? and seq between ? and ? order by seq",
            (queue, token, seqs[0], seqs[-1]),
        )
        messages = tuple(Message(id, type, bytes(body), bool(again)) for id, type, body, again in rows)
        return Claim(queue, token, seqs[0], seqs[-1], messages)

    def settle(self, claim: Claim) -> bool:
        """Acknowledge; False when another consumer has claimed some of the messages since, which then must do it."""
        return self._change(claim, "delete from delivery") == len(claim.messages)

    def give_back(self, claim: Claim) -> None:
        """End the lease now, so that the messages are delivered again at once."""
        self._change(claim, "update delivery set token = null, lease_until = 0")

    def renew(self, claim: Claim, seconds: float) -> None:
        """Let the lease end ``seconds`` from now."""
        self._change(claim, "update delivery set lease_until = ?", self._clock() + seconds)

    def _change(self, claim: Claim, change: str, *values: float) -> int:
        """Apply ``change`` to those deliveries of the claim that still carry its token."""
        where = " where queue = ? and seq between ? and ? and token = ?"
        with self._transaction() as db:
            return db.execute(change + where, (*values, claim.queue, claim.first, claim.last, claim.token)).rowcount

    def waiting(self, queue: str, limit: int) -> list[tuple[int, Message]]:
        """The oldest messages of a queue with their numbers, without a lease.

        Raises:
            TopologyBroken: the queue does not exist.
        """
        with _sqlite_errors_as_ours():
            self._refuse_unknown(queue)
            rows = self._db.execute(
                "select seq, id, type, body from delivery join message using (seq)"
                " where queue = ? order by seq limit ?",
                (queue, limit),
            )
            return [(seq, Message(id, type, bytes(body))) for seq, id, type, body in rows]

    def discard(self, queue: str, seqs: Sequence[int]) -> None:
        """Remove messages from one queue."""
        with self._transaction() as db:
            db.executemany("delete from delivery where queue = ? and seq = ?", [(queue, seq) for seq in seqs])

    def archive(self, since: float) -> Iterator[tuple[Message, float]]:
        """Every archived message since then, with its time. Reads page by page."""
        with _sqlite_errors_as_ours():
            (newest,) = self._db.execute("select coalesce(max(seq), 0) from message").fetchone()
            page, at = "select seq, id, type, body, published_at from message where seq > ? order by seq limit ?", 0
            while at < newest and (rows := self._db.execute(page, (at, PAGE)).fetchall()):
                rows, at = [row for row in rows if row[0] <= newest], rows[-1][0]
                yield from ((Message(id, type, bytes(body)), when) for _, id, type, body, when in rows if when >= since)

    def rewrite(self, change: Callable[[bytes], bytes], after: int) -> int | None:
        """Replace bodies among the next ``PAGE`` messages after this number; the number to go on after, None at the
        end. ``change`` runs outside of any transaction: a message is never changed by anything else."""
        with _sqlite_errors_as_ours():
            page = "select seq, body from message where seq > ? order by seq limit ?"
            rows = self._db.execute(page, (after, PAGE)).fetchall()
        bodies = [(seq, bytes(body), change(bytes(body))) for seq, body in rows]
        for part in batches([(new, seq) for seq, body, new in bodies if new != body], AT_ONCE):
            with self._transaction() as db:
                db.executemany("update message set body = ? where seq = ?", part)
        return rows[-1][0] if len(rows) == PAGE else None

    def depth(self, queue: str) -> int:
        """How many messages are free to be claimed."""
        with _sqlite_errors_as_ours():
            self._refuse_unknown(queue)
            return len(self._free(queue, -1))

    def _refuse_unknown(self, queue: str) -> None:
        if not self._db.execute("select 1 from queue where name = ?", (queue,)).fetchone():
            raise TopologyBroken(f"queue {queue} does not exist")

    def close(self) -> None:
        self._db.close()


@contextmanager
def _sqlite_errors_as_ours() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise BrokerUnavailable(f"embedded broker: {error}") from error
