"""How webhooks are retried and given up, and what an answer means for its message and its endpoint."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

IN_FLIGHT = 4
"""Messages sent to one endpoint at the same time; to one that fails, only one."""

RETRY_DELAYS = [timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 14400)]
COOLING_DELAYS = RETRY_DELAYS[:6]
GIVE_UP_AFTER = timedelta(days=3)
"""A message that was tried for so long has failed; an endpoint that took nothing for so long is disabled."""

LONGEST_RETRY_AFTER = timedelta(days=1)
SECRET_OVERLAP = timedelta(hours=24)
"""How long the previous secret goes on signing."""

MAX_BODY = 20_000  # bytes; of a larger event only the address is sent
MAX_WEBHOOKS = 20
MAX_REDELIVERED = 10_000

GONE = 410
OVERLOADED = frozenset({429, 502, 503, 504})


class Status(StrEnum):
    """``paused`` by its owner: messages queue up. ``disabled`` by us: no message is added."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class MessageState(StrEnum):
    """waiting (for an earlier event of its series) → ready → sending → delivered, or ready again, or failed."""

    WAITING = "waiting"
    READY = "ready"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Verdict(StrEnum):
    """What an answer means.

    ``taken``: delivered. ``refused``: only this message failed. ``trouble``: the endpoint does not work.
    ``gone``: the endpoint wants no more messages.
    """

    TAKEN = "taken"
    REFUSED = "refused"
    TROUBLE = "trouble"
    GONE = "gone"


def verdict(status: int | None) -> Verdict:
    """What a status means; None where there was no answer."""
    if status is None or status in OVERLOADED:
        return Verdict.TROUBLE
    if status == GONE:
        return Verdict.GONE
    return Verdict.TAKEN if 200 <= status < 300 else Verdict.REFUSED


def retry_after(header: str | None, now: datetime) -> timedelta:
    """How long a receiver asks us to wait: RFC 9110's seconds or date; zero if the header is neither."""
    if not header:
        return timedelta()
    try:
        delay = timedelta(seconds=int(header)) if header.strip().isdecimal() else _at(header) - now
    except (ValueError, OverflowError, TypeError):
        return timedelta()
    return min(max(delay, timedelta()), LONGEST_RETRY_AFTER)


def in_flight(failures: int) -> int:
    """How many messages may be sent at once after so many failures in a row."""
    return 1 if failures else IN_FLIGHT


def due_at(
    leases: Sequence[datetime],
    first_ready: datetime | None,
    now: datetime,
    *,
    failures: int,
    cool_until: datetime | None,
) -> datetime | None:
    """When a sender has to look at an endpoint next; None while there is nothing to do.

    Args:
        leases: when each message on its way is given up for lost.
        first_ready: when the first of the ready ones is due.
    """
    alive = [lease for lease in leases if lease > now]
    moments = list(alive)
    if len(alive) < in_flight(failures):
        moments += [lease for lease in leases if lease <= now]
        moments += [first_ready] if first_ready else []
    if not moments:
        return None
    return max(min(moments), cool_until or min(moments))


def _at(date: str) -> datetime:
    moment = parsedate_to_datetime(date)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
