"""Counts tries to sign in, so that passwords cannot be tried out and nobody can be locked out (ADR 26).

A try is counted before its password is looked at, and taken off again when that was right. Each count is a
``rules.Bucket``: some tries at once, then pauses of 1, 2, 4 … minutes up to a longest one; in that longest time one try
is forgotten. With the defaults:

========  =================================================  ======  =============  ====================
bucket    counts                                             tries   longest pause  so on and on, a day
========  =================================================  ======  =============  ====================
place     one account from one network                       10      15 min         96
account   one account from all strange networks together     30      5 min          288
network   all accounts that are strangers in one network     100     90 s           960
site      the same in all networks of one IPv6 /48           400     22.5 s         3,840
overall   all strangers everywhere                           1,000   none           1,000 a minute
========  =================================================  ======  =============  ====================

A network is an IPv4 address or an IPv6 /64. It is strange to an account that has not signed in from it within the year
that sign-ins are kept. From a network that is not strange only the place counts: whatever strangers do, a person
signs in from where they have signed in before. Somebody in a new network while strangers try the account waits for a
free moment, or opens the link of a reset mail: setting a password that way is a sign-in too, and makes the network
theirs. What stays possible is to disturb somebody from within their own network, for a quarter of an hour at most after
the last wrong password.

An unknown account is counted by what was typed, in the same buckets; it is strange everywhere, as is a known account to
whoever tries it out from afar.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from math import ceil
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.core.errors import Failure
from chassis.data.bulk import insert_ignoring
from services.identity.common.clients import Client
from services.identity.sessions.models import LoginThrottle
from services.identity.sessions.rules import NETWORKS_OF_SITE, Bucket, Buckets
from services.identity.settings import IdentitySettings
from services.identity.sign_ins import queries as sign_in_queries
from services.identity.users.models import User


class TooManyAttempts(Failure):
    """Too many wrong passwords, or too much asked for; ``Retry-After`` says when the next try is allowed."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    default_code = "too_many_attempts"

    def __init__(self, wait: timedelta) -> None:
        seconds = max(1, ceil(wait.total_seconds()))
        super().__init__("Too many attempts to sign in; wait.", headers={"Retry-After": str(seconds)})


@dataclass(frozen=True)
class Attempt:
    """One try to sign in, by the buckets it is counted in; the keys are digests that name nobody."""

    place: str
    buckets: dict[str, Bucket]


@dataclass(frozen=True)
class Refusal:
    """A try that is not allowed now. ``is_first``: of those refused since one was allowed."""

    wait: timedelta
    is_first: bool


def attempt_of(
    session: Session, account: str, users: Sequence[User], *, client: Client, settings: IdentitySettings
) -> Attempt:
    """What a try for ``account`` is counted as; ``users`` are those whose address it is, or nobody."""
    name = users[0].email_key if users else address_key(account)
    ids = [user.id for user in users] or [uuid4()]  # as many questions for an account that does not exist
    is_own = [sign_in_queries.comes_from(session, user_id, client.network) for user_id in ids]
    buckets = Buckets.of(settings.attempts, settings.attempts_period)

    def key(*parts: str) -> str:
        return hmac.digest(settings.derive("sign-in throttle"), "\n".join(parts).encode(), "sha256").hex()

    place = key("place", client.network, name)
    if any(is_own):
        return Attempt(place, {place: buckets.place})
    strange = {
        key("account", name): buckets.account,
        key("network", client.network): buckets.network,
        key("overall"): buckets.overall,
    }
    if client.site:
        strange[key("site", client.site)] = buckets.site
    return Attempt(place, {place: buckets.place, **strange})


def count(session: Session, attempt: Attempt, *, now: datetime) -> Refusal | None:
    """Count a try in all of its buckets, or in none and say how long to wait."""
    rows = _lock(session, attempt, now)
    waiting = max(rows, key=lambda row: row.wait(now))
    if wait := waiting.wait(now):
        refusal = Refusal(wait, is_first=not waiting.refused)
        waiting.refused = True
        return refusal
    for row in rows:
        row.count(attempt.buckets[row.key], now)
    return None


def take_off(session: Session, attempt: Attempt, *, signed_in: bool, now: datetime) -> None:
    """Take a try off again whose password was right. Who has also ``signed_in`` starts anew at this place."""
    for row in _lock(session, attempt, now):
        row.take_off(all_of_them=signed_in and row.key == attempt.place)


def count_network(
    session: Session,
    client: Client,
    purpose: str,
    bucket: Bucket,
    *,
    settings: IdentitySettings,
    now: datetime,
) -> None:
    """Count what a network asks for without having signed in, also for its site; every ``purpose`` has buckets of its
    own.

    Raises:
        TooManyAttempts: it has asked too often.
    """

    def key(whence: str) -> str:
        return hmac.digest(settings.derive(f"{purpose} throttle"), whence.encode(), "sha256").hex()

    place = key(client.network)
    wider = {key(client.site): bucket.times(NETWORKS_OF_SITE)} if client.site else {}
    if refusal := count(session, Attempt(place, {place: bucket, **wider}), now=now):
        raise TooManyAttempts(refusal.wait)


def _lock(session: Session, attempt: Attempt, now: datetime) -> Sequence[LoginThrottle]:
    """The rows of a try, locked until the transaction ends, always in the same order."""
    keys = sorted(attempt.buckets)
    insert_ignoring(session, LoginThrottle, [{"key": key, "attempts": 0, "window_start": now} for key in keys])
    statement = select(LoginThrottle).where(LoginThrottle.key.in_(keys)).order_by(LoginThrottle.key)
    return session.scalars(statement.with_for_update()).all()
