"""Sends what is due: a mail is claimed and the claim committed, then it is handed over, then the outcome committed.

Any number of senders may run. A crash repeats at most the one mail in hand, and only one that must arrive; nothing is
held in the database while a server is waited for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.clock import utcnow
from chassis.database import Database
from chassis.logs import logger
from chassis.service import Runtime
from services.notifier import letters, settings, transport
from services.notifier.actions import deliveries as actions
from services.notifier.models import Contact, Delivery
from services.notifier.queries import deliveries as queries
from services.notifier.rules import sending, wording
from services.notifier.rules.sending import Category, State, Trouble
from services.notifier.transport import NotTaken, Transport

BATCH = 100  # mails over one connection, and before a stopping process is heeded

outcomes = Counter("concord_mails_total", "Mails by what became of them", ["topic", "outcome"])
log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail in this sender's hand: the row as it was committed, and the recipient's name."""

    delivery: Delivery
    name: str

    @property
    def id(self) -> UUID:
        return self.delivery.id


def send_due(runtime: Runtime) -> bool:
    """Send due mails over one connection; say whether there may be more."""
    settings.check(runtime.settings)
    own = settings.load()
    post = transport.connect(own, settings.mailbox(runtime.settings))
    try:
        return send_batch(runtime, post)
    finally:
        post.close()


def send_batch(runtime: Runtime, post: Transport) -> bool:
    """Send up to ``BATCH`` mails; False when none is left or the server takes none just now."""
    own = settings.load()
    for _ in range(BATCH):
        claim = claim_next(runtime.database, utcnow(), own.lease)
        if claim is None:
            return False
        failure = hand_over(runtime, claim, post)
        settle(runtime.database, claim, failure, utcnow())
        if failure and failure.is_server:
            return False
    return True


def claim_next(database: Database, now: datetime, lease: timedelta) -> Claim | None:
    """Take the next due mail, its claim committed; None when none is due."""
    while _is_any_due(database, now):
        with database.begin() as session:
            delivery = queries.next_due(session, now)
            if delivery is None:
                return None  # another sender was quicker
            name = _claim(session, delivery, now, lease)
        if name is not None:
            return Claim(delivery, name)
        if delivery.state == State.UNCERTAIN:
            outcomes.labels(delivery.topic, State.UNCERTAIN).inc()
        else:
            _pass_on(database, delivery, now)
    return None


def hand_over(runtime: Runtime, claim: Claim, post: Transport) -> NotTaken | None:
    """Compose a mail and give it to the transport; what went wrong, or None. Outside of any transaction."""
    delivery = claim.delivery
    own = settings.load()
    links = {"inbox_url": own.inbox_url or f"{runtime.settings.public_url}/api/v1/campaigns/invites"}
    trouble = Trouble.TEMPORARY
    try:
        letter = letters.compose(delivery, claim.name, own, links)
        trouble = Trouble.UNKNOWN
        post.send(letter)
    except NotTaken as failure:
        return failure
    except wording.Unmailable as error:
        return NotTaken(Trouble.PERMANENT, f"No mail can be sent to this recipient: {error}.")
    except Exception as error:
        log.error("a mail could not be made or sent", delivery_id=str(delivery.id), exc_info=error)
        return NotTaken(trouble, "Something went wrong on our side; it has been written down.")
    return None


def settle(database: Database, claim: Claim, failure: NotTaken | None, now: datetime) -> None:
    """Commit what became of a mail. A sender that was slower than its lease no longer has a say, unless it sent."""
    with database.begin() as session:
        delivery = session.scalar(select(Delivery).where(Delivery.id == claim.id).with_for_update())
        if delivery is None or not _is_ours(delivery, claim, sent=failure is None):
            log.warning("a mail's outcome came too late", delivery_id=str(claim.id))
            return
        if failure is None:
            delivery.succeed(now)
        else:
            delivery.go_wrong(failure.trouble, failure.reason, now)
        outcome = "deferred" if delivery.state == State.NEW else str(delivery.state)
    outcomes.labels(delivery.topic, outcome).inc()
    log.info("mail handled", delivery_id=str(claim.id), topic=delivery.topic, outcome=outcome)


def _is_any_due(database: Database, now: datetime) -> bool:
    """A look that locks nothing, so that idle senders disturb nobody."""
    with database.read() as session:
        return queries.is_any_due(session, now)


def _claim(session: Session, delivery: Delivery, now: datetime, lease: timedelta) -> str | None:
    """Begin to send; the recipient's name, or None where this mail is not to be sent (again) or not to this user."""
    if delivery.state == State.SENDING and sending.state_after_lease(Category(delivery.category)) is State.UNCERTAIN:
        delivery.outlive_lease()
        return None
    contact = session.get(Contact, delivery.user_id)
    if contact is None or not contact.active:
        return None
    delivery.begin(contact, now, lease)
    return contact.name or ""


def _pass_on(database: Database, delivery: Delivery, now: datetime) -> None:
    """A removed user's mail goes to somebody else: a transaction of its own, for the tenant is locked before a mail."""
    with database.begin() as session:
        passed = actions.pass_on(session, delivery.id, delivery.tenant_id, now=now)
    if passed is not None:
        outcome = "readdressed" if passed.state == State.NEW else str(passed.state)
        outcomes.labels(passed.topic, outcome).inc()


def _is_ours(delivery: Delivery, claim: Claim, *, sent: bool) -> bool:
    if delivery.attempts != claim.delivery.attempts:
        return False
    return delivery.state == State.SENDING or (sent and delivery.state == State.UNCERTAIN)
