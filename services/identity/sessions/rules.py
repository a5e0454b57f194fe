"""How long a sign-in lasts, and when the next try is allowed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.core.clock import CLOCKS_APART

GRACE = timedelta(seconds=10)
"""How long a used refresh token still gives its successor: two tabs renew at once, or an answer is lost."""
FRESH = timedelta(minutes=10)
"""How long a shown password or factor counts for what needs one (step-up)."""
KNOWN_FOR = timedelta(days=90)
"""How long a device or a neighbourhood that somebody has signed in from is known."""
WARN_OF_NETWORK_EVERY = timedelta(days=1)
"""How often a person hears at most of sign-ins by known devices from unknown neighbourhoods: a phone has another
address every hour."""
LONGEST_TOKEN = timedelta(hours=1)
"""No setting lets an access token live longer."""
ENDED_KEPT = timedelta(days=1)
"""How long an ended sign-in stays as a row: whoever asks why it ended still finds it. So long, at least, a try for an
account that does not exist stays: the operator still finds what raised an alarm."""


def is_in_grace(used_at: datetime, now: datetime) -> bool:
    """Whether a token that comes again may have been sent by another tab, or its answer lost."""
    return now - used_at < GRACE


def issued_at(refused_until: datetime | None, now: datetime) -> datetime:
    """When an access token counts as issued: after the moment until which tokens of its user are refused. That may lie
    ahead where another process has written it, whose clock is ahead of ours."""
    if refused_until is None or not now <= refused_until <= now + CLOCKS_APART:
        return now
    return refused_until + timedelta(milliseconds=1)


def is_fresh(proved_at: datetime | None, now: datetime) -> bool:
    """Whether what was shown then still counts."""
    return proved_at is not None and now - proved_at < FRESH


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many tries at once, then pauses that double.

    Attributes:
        limit: how many tries are allowed without a pause.
        forget_after: in this time one try is forgotten; also the longest pause, so that trying on never costs more
            than to wait.
        first_pause: after the last try without a pause; each further one doubles it.
    """

    limit: int
    forget_after: timedelta
    first_pause: timedelta

    def remaining(self, attempts: int, since: datetime, now: datetime) -> tuple[int, datetime]:
        """The tries of ``attempts`` that still count, and since when the next of them is being forgotten."""
        forgotten = max(0, (now - since) // self.forget_after)
        if forgotten >= attempts:
            return 0, now
        return attempts - forgotten, since + forgotten * self.forget_after

    def pause(self, attempts: int) -> timedelta:
        """How long nobody may try after so many tries."""
        beyond = attempts - self.limit
        if beyond < 0:
            return timedelta()
        doubled: timedelta = self.first_pause * 2 ** min(beyond, 16)
        return min(doubled, self.forget_after)

    def times(self, number: int) -> "Bucket":
        """One for as much as ``number`` of these let in."""
        return Bucket(self.limit * number, self.forget_after / number, self.first_pause / number)


NETWORKS_OF_SITE = 4
"""A site, an IPv6 /48, may try as much as so many networks: more than one, because some providers give each of their
customers a /64 of it, and far less than the 65,536 that it has."""


OPTIONS_OF_NETWORK = Bucket(limit=100, forget_after=timedelta(seconds=3), first_pause=timedelta(seconds=3))
"""How often one network may ask for a challenge to sign in with a passkey: each is a row for five minutes, and a whole
office may begin its day behind one address."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """What tries are counted for; see ``throttle``.

    Attributes:
        place: one account from one network.
        account: one account from every network it has not signed in from.
        network: every account from one network.
        site: every account from all networks of one IPv6 /48.
        overall: everything together; a rate and no more, for it would shut out everybody.
    """

    place: Bucket
    account: Bucket
    network: Bucket
    site: Bucket
    overall: Bucket

    @classmethod
    def of(cls, attempts: int, period: timedelta) -> "Buckets":
        """``attempts`` per place; the first pause is one ``period``."""
        network = Bucket(10 * attempts, 1.5 * period, period)
        return cls(
            place=Bucket(attempts, 15 * period, period),
            account=Bucket(3 * attempts, 5 * period, period),
            network=network,
            site=network.times(NETWORKS_OF_SITE),
            overall=Bucket(100 * attempts, period / (100 * attempts), period),
        )

    @property
    def longest(self) -> timedelta:
        """After this time nothing counts any more: a full bucket, and what pauses may have let in beyond."""
        every = (self.place, self.account, self.network, self.site, self.overall)
        return 2 * max(bucket.limit * bucket.forget_after for bucket in every)
