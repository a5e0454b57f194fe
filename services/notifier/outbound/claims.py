"""Claiming due mails: what is decided about each at the last moment, and what became of those that were handed over.

A sender claims several mails at a time that must arrive, and settles each by itself: a crash repeats at most the one
whose outcome was not written yet. One that must not come twice is claimed alone, for a crash leaves it uncertain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.core.logs import logger
from chassis.data.bulk import insert_ignoring
from services.notifier.audience import digest_queries, gathering
from services.notifier.audience.digest_models import DigestItem
from services.notifier.audience.models import Contact, Preferences, Tenant
from services.notifier.audience.rules import DEFAULTS, Cadence, Wishes, default_wishes
from services.notifier.common.models import Base
from services.notifier.deliveries import queries
from services.notifier.deliveries.models import Delivery
from services.notifier.deliveries.rules import MAY_TURN_OUT_SENT, Category, State, Trouble, state_after_lease
from services.notifier.outbound.models import Bounce
from services.notifier.outbound.throttle import Rates
from services.notifier.topics.mails import DIGEST
from services.notifier.topics.sections import sections

log = logger(__name__)

Thread = tuple[UUID, UUID | None]
"""A tenant and a thread of it."""

DELIVERIES = Base.metadata.tables["deliveries"]
SUCCESS = (
    update(DELIVERIES)
    .where(
        DELIVERIES.c.id == bindparam("claimed"),
        DELIVERIES.c.attempts == bindparam("attempt"),
        DELIVERIES.c.user_id == bindparam("to"),
        or_(*(DELIVERIES.c.state == str(state) for state in MAY_TURN_OUT_SENT)),
    )
    .values(state=str(State.SENT), sent_at=bindparam("now"), next_at=None, last_error=None)
)

OFF = "The recipient does not want to hear of this."
GIVEN_UP = "This address has refused too much mail; nothing is sent there for a while."
NOTHING_LEFT = "There was nothing left to say."


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail in a sender's hand: the row as it was committed, the recipient's name and time zone, until when it is
    theirs."""

    delivery: Delivery
    name: str
    time_zone: str
    until: datetime
    has_bounced: bool

    @property
    def id(self) -> UUID:
        return self.delivery.id


@dataclass(slots=True)
class Taken:
    """What a look at due mails came to.

    Attributes:
        claims: to be sent.
        decided: not to be sent, or not now; the outcome of each stands in its state.
        orphaned: of removed users, to be passed on.
    """

    claims: list[Claim] = field(default_factory=list)
    decided: list[Delivery] = field(default_factory=list)
    orphaned: list[Delivery] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.claims or self.decided or self.orphaned)


@dataclass(frozen=True, slots=True)
class _Known:
    """What decides about a batch of mails, read once for all of them."""

    contacts: Mapping[UUID | None, Contact]
    wishes: Mapping[UUID, Wishes]
    mailboxes: Mapping[UUID, str]
    bounces: Mapping[str, Bounce]
    contents: Mapping[UUID, Sequence[DigestItem]]
    read_upto: Mapping[Thread, int]


def take_due(session: Session, rates: Rates, *, now: datetime, lease: timedelta, limit: int) -> Taken:
    """Look at due mails and claim those that are to be sent now."""
    rows = queries.next_due(session, now, limit)
    known = _known(session, rows)
    taken = Taken()
    for delivery in rows:
        if delivery.category == Category.ONCE and taken.claims:
            break
        contact = known.contacts.get(delivery.user_id)
        if _is_uncertain(delivery):
            delivery.outlive_lease()
            taken.decided.append(delivery)
        elif contact is None or not contact.active:
            taken.orphaned.append(delivery)
        elif _decide(delivery, contact, known, rates, now):
            taken.decided.append(delivery)
        else:
            delivery.address = contact.email
            has_bounced = known.mailboxes[contact.id] in known.bounces
            time_zone = known.wishes[contact.id].time_zone
            taken.claims.append(Claim(delivery, contact.name or "", time_zone, now + lease, has_bounced))
            if delivery.category == Category.ONCE:
                break
    if taken.claims:
        session.execute(Delivery.begin([claim.id for claim in taken.claims], now + lease))
    return taken


def give_back(session: Session, claims: Sequence[Claim], now: datetime) -> None:
    """Return mails untried, those still ours."""
    held = session.scalars(select(Delivery).where(Delivery.id.in_([claim.id for claim in claims])).with_for_update())
    attempts = {claim.id: claim.delivery.attempts for claim in claims}
    for delivery in held:
        if delivery.state == State.SENDING and delivery.attempts == attempts[delivery.id]:
            delivery.release(now)


def success(claim: Claim, now: datetime) -> tuple[Executable, dict[str, Any]]:
    """A server has taken a mail; also one that was given up as uncertain, when its sender turns out to live. Then it is
    sent, even where somebody has asked for it again, as long as nobody has begun to.

    One statement, made once, and no look before, because it is what a sender does most. It touches no row where
    the sender was slower than its lease and somebody else has the mail, or is to get it.
    """
    mail = claim.delivery
    return SUCCESS, {"claimed": mail.id, "attempt": mail.attempts, "to": mail.user_id, "now": now}


def fail(
    session: Session, claim: Claim, trouble: Trouble, reason: str, *, is_bounce: bool, now: datetime
) -> State | None:
    """A mail could not be handed over: where it goes; None where somebody else has it by now."""
    delivery = session.scalar(select(Delivery).where(Delivery.id == claim.id).with_for_update())
    if delivery is None or delivery.state != State.SENDING or delivery.attempts != claim.delivery.attempts:
        return None
    delivery.go_wrong(trouble, reason, now)
    if is_bounce:
        count_bounce(session, delivery.address or "", now)
    return State(delivery.state)


def count_bounce(session: Session, address: str, now: datetime) -> None:
    """Note that an address has refused a mail for good."""
    mailbox = address_key(address)
    if not insert_ignoring(session, Bounce, [{"address": mailbox, "score": 1, "last_at": now}]):
        more = {"score": Bounce.score + 1, "last_at": now}
        session.execute(update(Bounce).where(Bounce.address == mailbox).values(more))


def forget_bounces(session: Session, address: str) -> None:
    """It takes mail again."""
    session.execute(delete(Bounce).where(Bounce.address == address_key(address)))


def _is_uncertain(delivery: Delivery) -> bool:
    vanished = delivery.state == State.SENDING
    return vanished and state_after_lease(Category(delivery.category)) is State.UNCERTAIN


def _decide(delivery: Delivery, contact: Contact, known: _Known, rates: Rates, now: datetime) -> bool:
    """Whether something stands against sending this mail now; then that has been written down."""
    wishes = known.wishes[contact.id]
    mailbox = known.mailboxes[contact.id]
    if wishes.cadence(delivery.topic) is Cadence.OFF:
        delivery.suppress(OFF)
    elif mailbox in known.bounces and known.bounces[mailbox].is_given_up(now):
        delivery.address = contact.email
        delivery.suppress(GIVEN_UP)
    elif delivery.topic in DEFAULTS and (morning := wishes.quiet_until(now)):
        delivery.hold(morning)
    elif delivery.template == DIGEST.template and not _fill(delivery, known, wishes):
        delivery.suppress(NOTHING_LEFT)
    elif delivery.thread_id and gathering.leave_out_read(delivery, known.read_upto.get(_thread(delivery), 0)):
        pass  # read while an earlier attempt was under way
    elif later := rates.take(mailbox.rpartition("@")[2], now):
        delivery.hold(later)
    else:
        return False
    return True


def _fill(delivery: Delivery, known: _Known, wishes: Wishes) -> bool:
    """Put into a digest what it has to say at this moment; False where that is nothing.

    One that cannot be put together is a letter that cannot be made: it says nothing here, and holds up no other mail.
    """
    items = known.contents.get(delivery.event_id, ())
    wanted = [(item.template, item.context) for item in items if wishes.cadence(item.topic) is not Cadence.OFF]
    delivery.context = {"cadence": delivery.context["cadence"]}
    try:
        delivery.context |= {"sections": sections(wanted)}
    except Exception as error:
        log.error("a digest could not be put together", delivery_id=str(delivery.id), exc_info=error)
    return bool(wanted)


def _thread(delivery: Delivery) -> Thread:
    return delivery.tenant_id, delivery.thread_id


def _known(session: Session, rows: Sequence[Delivery]) -> _Known:
    users = {delivery.user_id for delivery in rows if delivery.user_id}
    contacts = session.scalars(select(Contact).where(Contact.id.in_(users))).all()
    said = {row.id: row for row in session.scalars(select(Preferences).where(Preferences.id.in_(users)))}
    tenants = {contact.tenant_id for contact in contacts}
    zones = dict(session.execute(select(Tenant.id, Tenant.time_zone).where(Tenant.id.in_(tenants))).tuples().all())
    wishes = {}
    for contact in contacts:
        zone = zones.get(contact.tenant_id)
        held = said.get(contact.id)
        wishes[contact.id] = held.wishes(zone) if held else default_wishes(zone)
    mailboxes = {contact.id: address_key(contact.email or "") for contact in contacts}
    refused = select(Bounce).where(Bounce.address.in_(set(mailboxes.values())))
    bounces = {bounce.address: bounce for bounce in session.scalars(refused)}
    threads = {_thread(delivery) for delivery in rows if delivery.thread_id}
    read = digest_queries.read_marks(session, threads)
    return _Known({one.id: one for one in contacts}, wishes, mailboxes, bounces, _contents(session, rows), read)


def _contents(session: Session, rows: Sequence[Delivery]) -> dict[UUID, list[DigestItem]]:
    written = [delivery.event_id for delivery in rows if delivery.template == DIGEST.template]
    if not written:
        return {}
    found: dict[UUID, list[DigestItem]] = {}
    for item in digest_queries.items(session, written):
        if item.digest_id:
            found.setdefault(item.digest_id, []).append(item)
    return found
