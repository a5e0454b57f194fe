"""What the run proved, read from the databases, the mail server and the receiver after everything has settled."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from chassis.messaging.outbox import OutboxRow
from services.campaigns.models import Campaign, Invite
from services.messaging.models import Message
from services.notifier.deliveries.models import Delivery
from tests.chaos import ledger
from tests.chaos.books import Books
from tests.chaos.client import Accepted
from tests.chaos.load import Hook
from tests.chaos.reckoning import Findings, reckon


@dataclass
class Verdict(Findings):
    """Findings by kind; the run has passed when there are none."""

    events: int = 0
    mails: int = 0
    repeated_mails: int = 0

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.inverted or self.wrong)


@dataclass(frozen=True)
class Received:
    """What reached the world outside.

    Attributes:
        mails: how often the mail server took each Message-ID.
        events: the ids that the receiver of each tenant's webhook was sent, in that order.
    """

    mails: Counter[str] = field(default_factory=Counter)
    events: Mapping[str, Sequence[UUID]] = field(default_factory=dict)


def judge(books: Books, accepted: Accepted, hooks: Sequence[Hook], received: Received) -> Verdict:
    """Compare what was promised with what is there."""
    verdict = Verdict()
    _judge_requests(books, accepted, verdict)
    verdict.events = reckon(books, hooks, received.events, verdict)
    _judge_mails(books, received.mails, verdict)
    return verdict


def _judge_requests(books: Books, accepted: Accepted, verdict: Verdict) -> None:
    """Every accepted request is there, once."""
    verdict.wrong += [f"refused: {answer}" for answer in accepted.refused[:20]]
    campaigns = {str(id): name for id, name in books.all("campaigns", select(Campaign.id, Campaign.name))}
    _compare("campaign", accepted.campaigns, campaigns, verdict)
    invites = books.all("campaigns", select(Invite.id, Invite.campaign_id, Invite.retailer_id, Invite.status))
    sent = Counter((str(invite.campaign_id), str(invite.retailer_id)) for invite in invites)
    promised = {(campaign, shop) for campaign, shops in accepted.invites.items() for shop in shops}
    verdict.lost += [f"invite {pair}" for pair in promised if pair not in sent]
    verdict.doubled += [f"invite {pair}" for pair, count in sent.items() if count > 1]
    answers = {str(invite.id): invite.status for invite in invites}
    for invite, response in accepted.responses.items():
        if answers.get(invite) != response:
            verdict.lost.append(f"response {invite} {response}, found {answers.get(invite)}")
    messages = {str(id): body for id, body in books.all("messaging", select(Message.id, Message.body))}
    _compare("message", accepted.messages, messages, verdict)


def _compare(noun: str, promised: dict[str, str], texts: dict[str, str], verdict: Verdict) -> None:
    """By id and by text: no two requests shared a text, so one that stands twice was carried out twice."""
    verdict.lost += [f"{noun} {id}" for id, text in promised.items() if texts.get(id) != text]
    verdict.doubled += [f"{noun} {text!r}" for text, count in Counter(texts.values()).items() if count > 1]


def _judge_mails(books: Books, posted: Counter[str], verdict: Verdict) -> None:
    """A mail that must arrive did, under one Message-ID however often; one that must come once did not come twice."""
    row = (Delivery.event_id, Delivery.category, Delivery.state, Delivery.message_id, Delivery.user_id)
    deliveries = books.all("notifier", select(*row))
    events = {delivery.event_id for delivery in deliveries}
    invited = select(OutboxRow.event_id).where(OutboxRow.type == INVITED)
    verdict.lost += [f"mail of {row.event_id}" for row in books.all("campaigns", invited) if row.event_id not in events]
    for delivery in deliveries:
        times = posted[delivery.message_id]
        verdict.mails += times > 0
        verdict.repeated_mails += max(0, times - 1)
        if delivery.state == "sent" and not times:
            verdict.lost.append(f"mail {delivery.message_id} was never handed over")
        if delivery.category == "once" and times > 1:
            verdict.doubled.append(f"mail {delivery.message_id} came {times} times")
        if delivery.category == "must-arrive" and delivery.state not in ("sent", "no_recipient", "suppressed"):
            verdict.lost.append(f"mail {delivery.message_id} is {delivery.state}")
    pairs = Counter((delivery.event_id, delivery.user_id) for delivery in deliveries if delivery.user_id)
    verdict.doubled += [f"mail to {user} of {event}" for (event, user), count in pairs.items() if count > 1]
    known = {delivery.message_id for delivery in deliveries}
    forgotten = {str(event_id) for event_id in books.forgotten(books.events())}
    verdict.wrong += [
        f"nobody wrote mail {message_id}"
        for message_id in posted
        if message_id not in known and message_id[1:].partition(".")[0] not in forgotten
    ]


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
