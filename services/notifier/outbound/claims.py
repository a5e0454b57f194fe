"""Claims due mails, each after a decision at the last moment.

A sender claims several mails that must arrive at a time, and settles each by itself: a crash repeats at most the one
mail whose outcome was not written yet. A mail that must not come twice is claimed alone: a crash leaves it uncertain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.logs import logger
from chassis.data.database import Database
from services.notifier import settings
from services.notifier.audience import reassignment, suspension
from services.notifier.deliveries import queries
from services.notifier.deliveries.metrics import POSTPONED, outcomes
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import State, state_after_lease
from services.notifier.outbound.decisions import Facts, facts_about, suppress_or_postpone, wait_for_user
from services.notifier.topics import BY_NAME
from services.notifier.topics.accounts import TO_FORMER_ADDRESS
from services.notifier.topics.base import Category

LIMIT = 50  # mails claimed at a time

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail that one sender is to send: the row as it was committed, the recipient's name and time zone, and the end
    of the sender's lease."""

    delivery: Delivery
    name: str
    time_zone: str
    until: datetime
    has_bounced: bool

    @property
    def id(self) -> UUID:
        return self.delivery.id


@dataclass(slots=True)
class Batch:
    """Due mails, by what is to happen to them.

    Attributes:
        claims: to be sent.
        decided: not to be sent, or not now; the state of each says which.
        unowned: of users who may not get them any more, to be reassigned.
        suspended: of suspended tenants, to be sent when these are resumed.
    """

    claims: list[Claim] = field(default_factory=list)
    decided: list[Delivery] = field(default_factory=list)
    unowned: list[Delivery] = field(default_factory=list)
    suspended: list[Delivery] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.claims or self.decided or self.unowned or self.suspended)


def claim_due(database: Database, now: datetime, limit: int = LIMIT) -> list[Claim]:
    """Claim due mails and commit that; none when none is due.

    Mails that are suppressed, postponed or reassigned on the way are not returned.
    """
    while _is_any_due(database, now):
        with database.begin() as session:
            batch = take_due(session, now=now, limit=limit)
        for delivery in batch.decided:
            is_postponed = delivery.state in (State.NEW, State.SENDING)
            outcomes.labels(delivery.topic, POSTPONED if is_postponed else str(delivery.state)).inc()
        for delivery in batch.unowned:
            _reassign(database, delivery, now)
        _postpone_until_resumed(database, batch.suspended, now)
        if batch.claims or not batch:
            return batch.claims
    return []


def take_due(session: Session, *, now: datetime, limit: int) -> Batch:
    """Decide about due mails and claim those that are to be sent now."""
    until = now + settings.of(settings.process_of(session)).lease
    deliveries = queries.next_due(session, now, limit)
    facts = facts_about(session, deliveries)
    batch = Batch()
    for delivery in deliveries:
        if batch.claims and Category.ONCE in (delivery.category, batch.claims[0].delivery.category):
            break  # one that must not come twice is claimed alone
        _sort(delivery, batch, facts, now=now, until=until)
    if batch.claims:
        session.execute(Delivery.claim([claim.id for claim in batch.claims], until))
    return batch


def give_back(database: Database, claims: Sequence[Claim], now: datetime) -> None:
    """Give mails back untried, if they still belong to this sender."""
    if not claims:
        return
    attempts = {claim.id: claim.delivery.attempts for claim in claims}
    with database.begin() as session:
        for delivery in queries.lock_claimed(session, attempts):
            delivery.release(now)


def _sort(delivery: Delivery, batch: Batch, facts: Facts, *, now: datetime, until: datetime) -> None:
    contact, topic = facts.contacts.get(delivery.user_id), BY_NAME.get(delivery.template)
    has_vanished = delivery.state == State.SENDING
    if has_vanished and state_after_lease(Category(delivery.category)) is State.UNCERTAIN:
        delivery.outlive_lease()
        batch.decided.append(delivery)
    elif (tenant := facts.tenants.get(delivery.tenant_id)) and tenant.is_silent:
        batch.suspended.append(delivery)
    elif contact is None and topic and topic.account:
        wait_for_user(delivery, now)
        batch.decided.append(delivery)
    elif contact is None or not (contact.may_get(topic) if topic else contact.is_reachable):
        batch.unowned.append(delivery)
    elif suppress_or_postpone(delivery, contact, facts, now):
        batch.decided.append(delivery)
    else:
        if not delivery.context.get(TO_FORMER_ADDRESS):
            delivery.address = contact.email
        has_bounced = facts.mailboxes[contact.id] in facts.bounces
        time_zone = facts.wishes[contact.id].time_zone
        batch.claims.append(Claim(delivery, contact.name or "", time_zone, until, has_bounced))


def _is_any_due(database: Database, now: datetime) -> bool:
    """Locks nothing, so that idle senders do not block the others."""
    with database.read() as session:
        return queries.is_any_due(session, now)


def _postpone_until_resumed(database: Database, deliveries: Sequence[Delivery], now: datetime) -> None:
    """In transactions of their own, because the tenant is locked first."""
    by_tenant: dict[UUID, list[Delivery]] = {}
    for delivery in deliveries:
        by_tenant.setdefault(delivery.tenant_id, []).append(delivery)
    for tenant_id, postponed in by_tenant.items():
        with database.begin() as session:
            suspension.postpone_mails(session, tenant_id, [delivery.id for delivery in postponed], now=now)
        for delivery in postponed:
            outcomes.labels(delivery.topic, POSTPONED).inc()


def _reassign(database: Database, delivery: Delivery, now: datetime) -> None:
    """In a transaction of its own, because the tenant is locked first. An error postpones this mail alone, not the
    claimed ones."""
    try:
        with database.begin() as session:
            reassigned = reassignment.reassign(session, delivery.id, delivery.tenant_id, now=now)
    except Exception as error:
        log.error("a mail could not be reassigned", delivery_id=str(delivery.id), exc_info=error)
        with database.begin() as session:
            reassignment.postpone(session, delivery.id, now=now)
        return
    if reassigned is not None and reassigned.state != State.SUPPRESSED:  # which was counted as it was decided
        outcome = "readdressed" if reassigned.state == State.NEW else str(reassigned.state)
        outcomes.labels(reassigned.topic, outcome).inc()
