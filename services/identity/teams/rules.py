"""How often somebody may be invited. Nothing here knows the database or HTTP."""

from collections.abc import Sequence
from datetime import datetime, timedelta

DAY = timedelta(days=1)
PER_DAY = 5
"""Invitations of one tenant to one address in a day: nobody is to get a flood of mails from people they do not know."""
APART = timedelta(minutes=1)
"""How long a person waits before they have an invitation sent again."""


def seconds_to_wait(sent: Sequence[datetime], now: datetime, *, apart: timedelta) -> int:
    """Whole seconds until an address may be written to; 0 when it may be now.

    Args:
        sent: when invitations went to it within a day, oldest first.
        apart: how long after the last one the next may be sent.
    """
    ready = []
    if len(sent) >= PER_DAY:
        ready.append(sent[-PER_DAY] + DAY)
    if sent:
        ready.append(sent[-1] + apart)
    return max([0, *(seconds_until(moment, now) for moment in ready)])


def seconds_until(moment: datetime, now: datetime) -> int:
    """Whole seconds, rounded up; not positive when it is over."""
    return -int((now - moment) // timedelta(seconds=1))
