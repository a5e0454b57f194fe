"""Sends what is due: mails are claimed and the claim committed, then handed over, then each outcome is committed.

Any number of senders may run. A crash repeats at most the one mail in hand, and only one that must arrive; nothing is
held in the database while a server is waited for.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from chassis.core.clock import utcnow
from chassis.core.logs import logger
from chassis.data.asides import Aside
from chassis.data.database import Database
from chassis.process.service import Runtime
from chassis.process.worker import stopping
from services.notifier import settings
from services.notifier.audience import reassignment, unsubscribe_links
from services.notifier.common import wording
from services.notifier.deliveries import queries
from services.notifier.deliveries.metrics import outcomes
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import State, Trouble
from services.notifier.outbound import claims as outbound_claims
from services.notifier.outbound import renderer as letters
from services.notifier.outbound import throttle
from services.notifier.outbound.channels import mail
from services.notifier.outbound.channels.mail import NotTaken, Transport
from services.notifier.outbound.claims import Claim, Taken
from services.notifier.outbound.renderer import Letter

BATCH = 100  # mails over one connection
HAND = 50  # mails claimed at a time

log = logger(__name__)


def send_due(runtime: Runtime) -> bool:
    """Send due mails over one connection; say whether there may be more."""
    settings.check(runtime.settings)
    own = settings.load()
    post = mail.connect(own, settings.mailbox(runtime.settings))
    try:
        return send_batch(runtime, post)
    finally:
        post.close()


def send_batch(runtime: Runtime, post: Transport) -> bool:
    """Send up to ``BATCH`` mails; False when none is left or the server takes none just now."""
    for _ in range(BATCH // HAND):
        claims = claim_due(runtime.database, utcnow())
        if not claims:
            return False
        if not send_all(runtime, claims, post):
            return False
    return True


def claim_due(database: Database, now: datetime, limit: int = HAND) -> list[Claim]:
    """Take due mails, their claim committed; none when none is due.

    What is decided against on the way, held back or passed on is neither returned nor looked at again.
    """
    own = settings.load()
    while _is_any_due(database, now):
        with database.begin() as session:
            taken = outbound_claims.take_due(session, throttle.load(), now=now, lease=own.lease, limit=limit)
        _follow_up(database, taken, now)
        if taken.claims or not taken:
            return taken.claims
    return []


def send_all(runtime: Runtime, claims: list[Claim], post: Transport) -> bool:
    """Hand claimed mails over, one after the other; False when the server takes none just now, or the process stops.

    The outcome of one is committed while the next is announced, but before its text goes out: so a crash leaves one
    mail in doubt and not two. The next is made while the server looks at the text of the one before. What cannot be
    handed over before its lease ends is given back, or another sender would send it as well; and what a process that
    stops has not begun, or it would wait for the end of its lease.
    """
    own = settings.load()
    made = Ahead(make(runtime, claim) for claim in claims)
    with Settler(runtime.database) as settler:
        for number, claim in enumerate(claims):
            if stopping.is_set() or (claim.until - utcnow()).total_seconds() < own.deadline:
                settler.wait()
                _give_back(runtime.database, claims[number:])
                return not stopping.is_set()
            failure = hand_over(made.take(), claim, post, settler.wait, made.prepare)
            settler.wait()
            settler.settle(claim, failure)
            if failure and failure.is_server:
                settler.wait()
                _give_back(runtime.database, claims[number + 1 :])
                return False
    return True


class Settler:
    """Commits the outcomes of mails while their sender goes on, one at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._aside = Aside(database)
        self._sent: Claim | None = None

    def __enter__(self) -> "Settler":
        return self

    def __exit__(self, *_exception: object) -> None:
        try:
            self.wait()
        finally:
            self._aside.close()

    def settle(self, claim: Claim, failure: NotTaken | None) -> None:
        """Begin to commit what became of a mail. That one went wrong is rare, and committed before this returns."""
        if failure is None:
            self._aside.start(*outbound_claims.success(claim, utcnow()))
            self._sent = claim
        else:
            settle(self._database, claim, failure, utcnow())

    def wait(self) -> None:
        """Until the outcome before is committed; what went wrong with that is raised here."""
        claim, self._sent = self._sent, None
        if claim is not None:
            _settled(self._database, claim, State.SENT if self._aside.finish() else None)


class Ahead:
    """Letters, each made when it is taken or, if there is time for it, before."""

    def __init__(self, letters: Iterator[Letter | NotTaken]) -> None:
        self._letters = letters
        self._next: Letter | NotTaken | None = None

    def prepare(self) -> None:
        if self._next is None:
            self._next = next(self._letters, None)

    def take(self) -> Letter | NotTaken:
        self.prepare()
        taken, self._next = self._next, None
        assert taken is not None, "there is one letter a claim"
        return taken


def make(runtime: Runtime, claim: Claim) -> Letter | NotTaken:
    """The letter of a mail, or why there is none. Outside of any transaction."""
    delivery = claim.delivery
    try:
        links = links_of(runtime, delivery)
        return letters.compose(delivery, claim.name, settings.load(), links, time_zone=claim.time_zone)
    except wording.Unmailable as error:
        return NotTaken(Trouble.PERMANENT, f"No mail can be sent to this recipient: {error}.")
    except Exception as error:
        return _our_fault(delivery, error, Trouble.TEMPORARY)


def hand_over(
    letter: Letter | NotTaken,
    claim: Claim,
    post: Transport,
    ready: Callable[[], object],
    meanwhile: Callable[[], object],
) -> NotTaken | None:
    """Give a mail to the transport; what went wrong, or None. Outside of any transaction.

    ``ready`` is called before anything could arrive; what it raises is none of this mail's and goes through.
    """
    if isinstance(letter, NotTaken):
        return letter
    unready: list[Exception] = []

    def get_ready() -> None:
        try:
            ready()
        except Exception as error:
            unready.append(error)
            raise

    try:
        post.send(letter, get_ready, meanwhile)
    except NotTaken as failure:
        return failure
    except Exception as error:
        if unready:
            raise
        return _our_fault(claim.delivery, error, Trouble.UNKNOWN)
    return None


def _our_fault(delivery: Delivery, error: Exception, trouble: Trouble) -> NotTaken:
    log.error("a mail could not be made or sent", delivery_id=str(delivery.id), exc_info=error)
    return NotTaken(trouble, "Something went wrong on our side; it has been written down.")


def links_of(runtime: Runtime, delivery: Delivery) -> dict[str, str]:
    """The addresses a mail may lead to."""
    own, public = settings.load(), runtime.settings.public_url
    links = own.links_url or f"{public}/api/v1"
    return {
        "links_url": links,
        "inbox_url": own.inbox_url or f"{links}/campaigns/invites",
        "unsubscribe_url": f"{public}/unsubscribe/{unsubscribe_links.token(runtime.signer, delivery)}",
    }


def settle(database: Database, claim: Claim, failure: NotTaken | None, now: datetime) -> None:
    """Commit what became of a mail. A sender that was slower than its lease no longer has a say, unless it sent."""
    if failure is None:
        state = State.SENT if database.run(*outbound_claims.success(claim, now)) else None
    else:
        trouble, reason, is_bounce = failure.trouble, failure.reason, failure.is_bounce
        with database.begin() as session:
            state = outbound_claims.fail(session, claim, trouble, reason, is_bounce=is_bounce, now=now)
    _settled(database, claim, state)


def _settled(database: Database, claim: Claim, state: State | None) -> None:
    """Tell of an outcome; None where it came too late."""
    if state is State.SENT and claim.has_bounced:
        with database.begin() as session:
            outbound_claims.forget_bounces(session, claim.delivery.address or "")
    if state is None:
        log.warning("a mail's outcome came too late", delivery_id=str(claim.id))
        return
    topic, outcome = claim.delivery.topic, "deferred" if state is State.NEW else str(state)
    outcomes.labels(topic, outcome).inc()
    log.info("mail handled", delivery_id=str(claim.id), topic=topic, outcome=outcome)


def _is_any_due(database: Database, now: datetime) -> bool:
    """A look that locks nothing, so that idle senders disturb nobody."""
    with database.read() as session:
        return queries.is_any_due(session, now)


def _follow_up(database: Database, taken: Taken, now: datetime) -> None:
    """Count what was decided, and pass removed users' mails on: a transaction each, for the tenant is locked first.

    What goes wrong with one of those is put off with it: the mails that were claimed beside it are to be sent now.
    """
    for delivery in taken.decided:
        held = delivery.state in (State.NEW, State.SENDING)
        outcomes.labels(delivery.topic, "held" if held else str(delivery.state)).inc()
    for delivery in taken.orphaned:
        try:
            with database.begin() as session:
                passed = reassignment.pass_on(session, delivery.id, delivery.tenant_id, now=now)
        except Exception as error:
            log.error("a removed user's mail could not be passed on", delivery_id=str(delivery.id), exc_info=error)
            with database.begin() as session:
                reassignment.put_off(session, delivery.id, now=now)
            continue
        if passed is not None and passed.state != State.SUPPRESSED:  # which was counted as it was decided
            outcome = "readdressed" if passed.state == State.NEW else str(passed.state)
            outcomes.labels(passed.topic, outcome).inc()


def _give_back(database: Database, claims: list[Claim]) -> None:
    if claims:
        with database.begin() as session:
            outbound_claims.give_back(session, claims, utcnow())
