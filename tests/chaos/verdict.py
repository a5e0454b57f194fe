"""What the run proved, read from the databases and from the mail server after everything has settled."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from chassis.broker import connect
from chassis.broker.topic import matches
from chassis.database import Database
from chassis.events import Subscriber
from chassis.identity import Principal, acting_as
from chassis.inbox import InboxRow, ParkedRow
from chassis.outbox import OutboxRow
from concord import platform
from services.campaigns.models import Campaign, Invite
from services.messaging.models import Message
from services.notifier.models.deliveries import Delivery
from tests.chaos import ledger
from tests.chaos.fleet import CONSUMERS, MEMBERS, subscribers
from tests.chaos.load import Accepted

PUBLISHERS = sorted({name.partition("-")[0] for name in MEMBERS if name.endswith("-relay")})
UNDER_WAY = ("new", "sending")


@dataclass
class Verdict:
    """Findings by kind, each with what it is about; the run has passed when there are none."""

    events: int = 0
    mails: int = 0
    repeated_mails: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    inverted: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.inverted or self.wrong)


@dataclass(frozen=True)
class Event:
    """One row of an outbox."""

    id: UUID
    type: str
    subject: UUID
    sequence: int
    tenants: frozenset[str]


class Books:
    """The databases of a run, read across tenants."""

    def __init__(self, url: str, broker_url: str) -> None:
        self._url = url
        self._broker_url = broker_url

    @contextmanager
    def open(self, name: str) -> Iterator[Session]:
        database = Database(self._url.replace("{service}", name), pool_size=1)
        try:
            with acting_as(Principal.system("chaos")), database.read() as session:
                yield session
        finally:
            database.close()

    def all(self, name: str, statement: Select[Any]) -> list[Any]:
        with self.open(name) as session:
            return list(session.execute(statement).all())

    def count(self, name: str, statement: Select[tuple[int]]) -> int:
        with self.open(name) as session:
            return session.execute(statement).scalar_one()

    def under_way(self) -> dict[str, int]:
        """What still has to happen somewhere before all is settled."""
        unsent = select(func.count()).select_from(OutboxRow).where(OutboxRow.sent_at.is_(None))
        found = {f"{name} outbox": self.count(name, unsent) for name in PUBLISHERS}
        waiting = select(func.count()).select_from(ParkedRow).where(ParkedRow.state == "waiting")
        found |= {f"{name} parked": self.count(name, waiting) for name in (*CONSUMERS, ledger.NAME)}
        mails = select(func.count()).select_from(Delivery).where(Delivery.state.in_(UNDER_WAY))
        found["mails"] = self.count("notifier", mails)
        broker = connect(self._broker_url, "chaos")
        found |= {f"{name} queue": broker.depth(name) for name in subscribers()}
        broker.close()
        found |= self._unheard()
        return {name: count for name, count in found.items() if count}

    def _unheard(self) -> dict[str, int]:
        """What is in no subscriber's inbox yet: what a consumer holds, or has died with, is in no queue's depth."""
        published: Counter[str] = Counter()
        for name in PUBLISHERS:
            by_type = select(OutboxRow.type, func.count()).group_by(OutboxRow.type)
            published += Counter(dict(tuple(row) for row in self.all(name, by_type)))
        found = {}
        for home, subscriber in listeners():
            wanted = sum(count for type, count in published.items() if is_for(subscriber, type))
            mine = select(func.count()).select_from(InboxRow).where(InboxRow.consumer == subscriber.name)
            found[f"{subscriber.name} missing"] = wanted - self.count(home, mine)
        return found


def listeners() -> list[tuple[str, Subscriber]]:
    """Every subscriber of a run, and whose database its inbox is in."""
    ours = [(name, subscriber) for name in CONSUMERS for subscriber in platform.load(name).listeners]
    return [*ours, (ledger.NAME, ledger.SUBSCRIBER)]


def is_for(subscriber: Subscriber, type: str) -> bool:
    return any(matches(pattern, type) for pattern in subscriber.patterns)


def settle(books: Books, within: float) -> tuple[float, dict[str, int]]:
    """Wait until nothing is under way; how long that took, and what was left when the time was over."""
    started = time.monotonic()
    while True:
        left = books.under_way()
        taken = time.monotonic() - started
        if not left or taken > within:
            return taken, left
        time.sleep(0.25)


def judge(books: Books, accepted: Accepted, posted: Counter[str]) -> Verdict:
    """Compare what was promised with what is there.

    Args:
        posted: how often the mail server took each Message-ID.
    """
    verdict = Verdict()
    _judge_requests(books, accepted, verdict)
    events = list(_events(books))
    verdict.events = len(events)
    _judge_sequences(events, verdict)
    _judge_inboxes(books, events, verdict)
    _judge_ledger(books, events, verdict)
    _judge_mails(books, events, posted, verdict)
    return verdict


def _judge_requests(books: Books, accepted: Accepted, verdict: Verdict) -> None:
    """Every accepted request is there, once."""
    verdict.wrong += [f"refused: {each}" for each in accepted.refused[:20]]
    campaigns = {str(id): name for id, name in books.all("campaigns", select(Campaign.id, Campaign.name))}
    _compare("campaign", accepted.campaigns, campaigns, verdict)
    invites = books.all("campaigns", select(Invite.id, Invite.campaign_id, Invite.retailer_id, Invite.status))
    sent = Counter((str(each.campaign_id), str(each.retailer_id)) for each in invites)
    promised = {(campaign, shop) for campaign, shops in accepted.invites.items() for shop in shops}
    verdict.lost += [f"invite {pair}" for pair in promised if pair not in sent]
    verdict.doubled += [f"invite {pair}" for pair, count in sent.items() if count > 1]
    answers = {str(each.id): each.status for each in invites}
    for invite, response in accepted.responses.items():
        if answers.get(invite) != response:
            verdict.lost.append(f"response {invite} {response}, found {answers.get(invite)}")
    messages = {str(id): body for id, body in books.all("messaging", select(Message.id, Message.body))}
    _compare("message", accepted.messages, messages, verdict)


def _compare(noun: str, promised: dict[str, str], found: dict[str, str], verdict: Verdict) -> None:
    """By id and by text: no two requests shared a text, so one that stands twice was carried out twice."""
    verdict.lost += [f"{noun} {id}" for id, text in promised.items() if found.get(id) != text]
    verdict.doubled += [f"{noun} {text!r}" for text, count in Counter(found.values()).items() if count > 1]


def _events(books: Books) -> Iterator[Event]:
    row = (OutboxRow.event_id, OutboxRow.type, OutboxRow.subject, OutboxRow.sequence, OutboxRow.body)
    for name in PUBLISHERS:
        for id, type, subject, sequence, body in books.all(name, select(*row).order_by(OutboxRow.id)):
            tenants = frozenset(json.loads(body)["tenantids"].split(",")) - {""}
            yield Event(id, type, subject, sequence, tenants)


def _judge_sequences(events: Iterable[Event], verdict: Verdict) -> None:
    """Numbered from 1 without gaps within each subject, in the order they were written."""
    by_subject: dict[UUID, list[int]] = defaultdict(list)
    for event in events:
        by_subject[event.subject].append(event.sequence)
    for subject, sequences in by_subject.items():
        if sequences != list(range(1, len(sequences) + 1)):
            verdict.wrong.append(f"sequences of {subject}: {sequences[:20]}")


def _judge_inboxes(books: Books, events: list[Event], verdict: Verdict) -> None:
    """Every event has reached every subscriber that listens to it, and none is dead."""
    for name in CONSUMERS:
        for subscriber in platform.load(name).listeners:
            mine = select(InboxRow.event_id).where(InboxRow.consumer == subscriber.name)
            handled = {row.event_id for row in books.all(name, mine)}
            for event in events:
                if is_for(subscriber, event.type) and event.id not in handled:
                    verdict.lost.append(f"{event.type} {event.id} for {subscriber.name}")
        parked = books.all(name, select(ParkedRow.event_id, ParkedRow.type, ParkedRow.error))
        verdict.wrong += [f"parked in {name}: {each.type} {each.error}" for each in parked[:20]]


def _judge_ledger(books: Books, events: list[Event], verdict: Verdict) -> None:
    """Every event took effect exactly once, and within a subject in its sequence."""
    effect = ledger.Effect
    statement = select(effect.event_id, effect.subject, effect.sequence).order_by(effect.id)
    effects = books.all(ledger.NAME, statement)
    times = Counter(each.event_id for each in effects)
    verdict.lost += [f"effect of {event.type} {event.id}" for event in events if event.id not in times]
    verdict.doubled += [f"effect of {event_id}" for event_id, count in times.items() if count > 1]
    reached: dict[UUID, int] = {}
    for each in effects:
        if each.sequence <= reached.get(each.subject, 0):
            verdict.inverted.append(f"{each.subject}: {each.sequence} after {reached[each.subject]}")
        reached[each.subject] = each.sequence


def _judge_mails(books: Books, events: list[Event], posted: Counter[str], verdict: Verdict) -> None:
    """A mail that must arrive did, under one Message-ID however often; one that must come once did not come twice."""
    row = (Delivery.event_id, Delivery.category, Delivery.state, Delivery.message_id, Delivery.user_id)
    deliveries = books.all("notifier", select(*row))
    told = {each.event_id for each in deliveries}
    verdict.lost += [f"mail of {e.type} {e.id}" for e in events if e.type == INVITED and e.id not in told]
    for each in deliveries:
        times = posted[each.message_id]
        verdict.mails += times > 0
        verdict.repeated_mails += max(0, times - 1)
        if each.state == "sent" and not times:
            verdict.lost.append(f"mail {each.message_id} was never handed over")
        if each.category == "once" and times > 1:
            verdict.doubled.append(f"mail {each.message_id} came {times} times")
        if each.category == "must-arrive" and each.state not in ("sent", "no_recipient", "suppressed"):
            verdict.lost.append(f"mail {each.message_id} is {each.state}")
    pairs = Counter((each.event_id, each.user_id) for each in deliveries if each.user_id)
    verdict.doubled += [f"mail to {user} of {event}" for (event, user), count in pairs.items() if count > 1]
    known = {each.message_id for each in deliveries}
    verdict.wrong += [f"nobody wrote mail {message_id}" for message_id in posted if message_id not in known]


INVITED = "campaigns.InviteCreated.v1"


def stalls(books: Books, accepted: Accepted, mailed: Callable[[], int]) -> dict[str, Callable[[], int]]:
    """How far each role has come, as numbers that only grow while it makes progress."""

    def newest(name: str, statement: Select[Any]) -> int:
        return int(books.all(name, statement)[0][0] or 0)

    sent = select(func.max(OutboxRow.id)).where(OutboxRow.sent_at.is_not(None))
    return {
        "writer": lambda: accepted.answered,
        "relay": lambda: newest("campaigns", sent) + newest("messaging", sent),
        "consumer": lambda: newest(ledger.NAME, select(func.max(ledger.Effect.id))),
        "notifier": mailed,
    }
