"""Settling: commits the outcome of each mail in a transaction of its own, once."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, and_, bindparam, delete, or_, update
from sqlalchemy.orm import Session

from chassis.core.clock import utcnow
from chassis.core.emails import address_key
from chassis.core.logs import logger
from chassis.data.bulk import insert_ignoring
from chassis.data.database import Database
from services.notifier.common.models import Base
from services.notifier.deliveries import queries
from services.notifier.deliveries.metrics import outcomes
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import MAY_TURN_OUT_SENT, State
from services.notifier.outbound.channels.base import NotTaken
from services.notifier.outbound.claims import Claim
from services.notifier.outbound.models import Bounce

log = logger(__name__)

DELIVERIES = Base.metadata.tables[Delivery.__tablename__]
SUCCESS = (
    update(DELIVERIES)
    .where(
        DELIVERIES.c.id == bindparam("claimed"),
        DELIVERIES.c.attempts == bindparam("attempt"),
        DELIVERIES.c.user_id == bindparam("to"),
        or_(
            *(DELIVERIES.c.state == str(state) for state in MAY_TURN_OUT_SENT),
            and_(DELIVERIES.c.state == str(State.SENT), DELIVERIES.c.sent_at == bindparam("now")),
        ),
    )
    .values(state=str(State.SENT), sent_at=bindparam("now"), next_at=None, last_error=None)
)


class Settler:
    """Commits outcomes in a thread, one after the other, while the sender goes on. Leaving the block waits for the last
    one, and raises what went wrong with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._under_way: Future[None] | None = None

    def __enter__(self) -> "Settler":
        return self

    def __exit__(self, failed: type[BaseException] | None, *_details: object) -> None:
        self._thread.shutdown()
        if failed is None:
            self.wait()

    def start(self, claim: Claim, failure: NotTaken | None) -> None:
        """Begin to commit what became of a mail."""
        self._under_way = self._thread.submit(copy_context().run, settle, self._database, claim, failure, utcnow())

    def wait(self) -> None:
        """Return once the outcome that was started last is committed."""
        under_way, self._under_way = self._under_way, None
        if under_way:
            under_way.result()


def settle(database: Database, claim: Claim, failure: NotTaken | None, now: datetime) -> None:
    """Commit the outcome of a mail. Once the mail is not ``sending`` any more, only a success still counts."""
    if failure is None:
        state = State.SENT if database.run(*success(claim, now)) else None
    else:
        with database.begin() as session:
            state = fail(session, claim, failure, now=now)
    _report(database, claim, state)


def success(claim: Claim, now: datetime) -> tuple[Executable, Mapping[str, Any]]:
    """The statement, with its values, that marks a mail as sent once a server has taken it.

    That holds also for a mail that became uncertain meanwhile, was forgotten or is queued again. It touches no row
    where another sender has claimed the mail or it has another recipient. A sender does this most, so it is one
    statement, made once, without a read before it. Sent again, because the connection was lost after the commit, it
    touches the row once more and changes nothing.
    """
    delivery = claim.delivery
    return SUCCESS, {"claimed": delivery.id, "attempt": delivery.attempts, "to": delivery.user_id, "now": now}


def fail(session: Session, claim: Claim, failure: NotTaken, *, now: datetime) -> State | None:
    """Record that a mail could not be handed over; return its new state, None where it is no longer this sender's."""
    delivery = next(iter(queries.lock_claimed(session, {claim.id: claim.delivery.attempts})), None)
    if delivery is None:
        return None
    delivery.fail(failure.trouble, failure.reason, now)
    if failure.is_bounce:
        count_bounce(session, delivery.address or "", now)
    return State(delivery.state)


def count_bounce(session: Session, address: str, now: datetime) -> None:
    """An address has refused a mail for good."""
    mailbox = address_key(address)
    if not insert_ignoring(session, Bounce, [{"address": mailbox, "score": 1, "last_at": now}]):
        more = {"score": Bounce.score + 1, "last_at": now}
        session.execute(update(Bounce).where(Bounce.address == mailbox).values(more))


def forget_bounces(session: Session, address: str) -> None:
    """An address takes mail again."""
    session.execute(delete(Bounce).where(Bounce.address == address_key(address)))


def _report(database: Database, claim: Claim, state: State | None) -> None:
    """Count and log an outcome; None where it came too late."""
    if state is State.SENT and claim.has_bounced:
        with database.begin() as session:
            forget_bounces(session, claim.delivery.address or "")
    if state is None:
        log.warning("a mail's outcome came too late", delivery_id=str(claim.id))
        return
    topic, outcome = claim.delivery.topic, "deferred" if state is State.NEW else str(state)
    outcomes.labels(topic, outcome).inc()
    log.info("mail handled", delivery_id=str(claim.id), topic=topic, outcome=outcome)
