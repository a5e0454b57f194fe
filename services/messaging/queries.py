"""Reads: a tenant's threads as its side sees them, their messages, the badge.

Every statement is narrowed to the caller's tenant (S0-9, S0-59), and asks besides by the column of the caller's side,
so that an index serves it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, TextClause, func, select, union
from sqlalchemy.orm import InstrumentedAttribute, Session

from chassis.core.clock import rfc3339
from chassis.core.principal import caller
from chassis.core.text import fold
from chassis.data.lookup import one_or_404
from chassis.http.pages import Page, paginate
from contracts.roles import Role
from services.messaging import models, search
from services.messaging.models import Message, Thread, ThreadCount
from services.messaging.rules import Side


@dataclass(frozen=True)
class Columns:
    """The columns of one side."""

    tenant: InstrumentedAttribute[UUID]
    archived: InstrumentedAttribute[bool]
    updated_at: InstrumentedAttribute[datetime]
    hidden: TextClause


COLUMNS = {
    Side.SUPPLIER: Columns(
        Thread.supplier_id, Thread.supplier_archived, Thread.supplier_updated_at, models.SUPPLIER_HIDDEN
    ),
    Side.RETAILER: Columns(
        Thread.retailer_id, Thread.retailer_archived, Thread.retailer_updated_at, models.RETAILER_HIDDEN
    ),
}


def my_side() -> Side:
    """On which side of a thread the caller stands."""
    return Side.SUPPLIER if caller().role == Role.SUPPLIER_ADMIN else Side.RETAILER


@dataclass(frozen=True)
class SeenThread:
    """A thread as one side sees it. The other side's marks are not shown."""

    thread: Thread
    side: Side

    @property
    def unread_count(self) -> int:
        return self.thread.standing(self.side).unread

    @property
    def archived(self) -> bool:
        return self.thread.standing(self.side).archived

    @property
    def updated_at(self) -> datetime:
        return self.thread.standing(self.side).updated_at

    @property
    def version(self) -> str:
        """What ``ETag`` and ``If-Match`` go by (D6): it changes with everything this side sees."""
        return rfc3339(self.updated_at)


def thread(session: Session, thread_id: UUID) -> SeenThread:
    """One thread of the caller's.

    Raises:
        NotFound: there is none of that id, or it is other people's.
    """
    return _seen(session, _one(thread_id))


def lock_thread(session: Session, thread_id: UUID) -> SeenThread:
    """One thread of the caller's, locked until the transaction ends. Raises as ``thread``."""
    return _seen(session, _one(thread_id).with_for_update())


def threads(
    session: Session,
    *,
    page: int,
    page_size: int,
    q: str | None = None,
    updated_since: datetime | None = None,
    archived: bool | None = None,
) -> Page:
    """The caller's threads, the newest message first (S0-60).

    Args:
        q: only threads with these words, in any case, in their subject or in one of their messages.
        updated_since: only what changed for the caller at this moment or later.
        archived: only archived ones, or only the others; None for both.
    """
    side = my_side()
    mine = COLUMNS[side]
    statement = select(Thread).where(mine.tenant == caller().tenant_id)
    if archived is not None:
        statement = statement.where(mine.archived.is_(archived))
    if updated_since is not None:
        statement = statement.where(mine.updated_at >= updated_since)
    if q is not None:
        search.prepare(session)
        statement = statement.where(_has_words(session.get_bind().dialect.name, q, mine.tenant))
    statement = statement.order_by(Thread.last_message_at.desc(), Thread.id.desc())
    if q is None and updated_since is None:
        rows = session.scalars(statement.limit(page_size).offset((page - 1) * page_size))
        return Page([SeenThread(row, side) for row in rows], page, page_size, _total(session, archived))
    return paginate(session, statement, page=page, page_size=page_size, to_item=lambda row: SeenThread(row, side))


def unread_count(session: Session) -> int:
    """How many of the threads in the caller's list have something unread: the badge (S0-66, D14).

    All with something unread less the archived ones, of which there are few.
    """
    mine = COLUMNS[my_side()]
    tenant_id = caller().tenant_id
    hidden = select(func.count()).select_from(Thread).where(mine.tenant == tenant_id, mine.hidden).scalar_subquery()
    badge = select(ThreadCount.unread - hidden).where(ThreadCount.tenant_id == tenant_id)
    return session.scalar(badge) or 0


def messages(session: Session, thread_id: UUID, *, page: int, page_size: int, order: str) -> Page:
    """A thread's messages, ``asc`` or ``desc`` (S0-63). A page costs the same wherever it is: numbers have no gaps.

    Raises:
        NotFound: there is no such thread, or it is other people's.
    """
    total = thread(session, thread_id).thread.message_count
    skipped = (page - 1) * page_size
    first, last = skipped + 1, skipped + page_size
    if order == "desc":
        first, last = total - last + 1, total - skipped
    statement = select(Message).where(Message.thread_id == thread_id, Message.number.between(max(first, 1), last))
    statement = statement.order_by(Message.number.desc() if order == "desc" else Message.number)
    return Page(session.scalars(statement).all(), page, page_size, total)


def _one(thread_id: UUID) -> Select[tuple[Thread]]:
    return select(Thread).where(Thread.id == thread_id, COLUMNS[my_side()].tenant == caller().tenant_id)


def _seen(session: Session, statement: Select[tuple[Thread]]) -> SeenThread:
    return SeenThread(one_or_404(session, statement, "There is no such thread."), my_side())


def _total(session: Session, archived: bool | None) -> int:
    """How many threads the caller has: archived, not archived or both."""
    count = session.scalar(select(ThreadCount).where(ThreadCount.tenant_id == caller().tenant_id))
    if count is None:
        return 0
    return {None: count.threads, True: count.archived, False: count.threads - count.archived}[archived]


def _has_words(dialect: str, words: str, mine: Any) -> ColumnElement[bool]:
    """Threads of the caller's with all words in the subject, or all in one message."""
    tenant_id = caller().tenant_id
    words = fold(words)
    subject = func.coalesce(Thread.subject_folded, Thread.subject)
    body = func.coalesce(Message.body_folded, Message.body)
    in_subject = search.matches(dialect, words, subject, search.SUBJECTS, tenant_id)
    in_body = search.matches(dialect, words, body, search.BODIES, tenant_id)
    return Thread.id.in_(
        union(select(Thread.id).where(mine == tenant_id, in_subject), select(Message.thread_id).where(in_body))
    )
