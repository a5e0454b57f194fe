"""The states of a mail, and the state that follows from an attempt to send it."""

from datetime import timedelta
from enum import StrEnum

from services.notifier.topics.base import Category

GIVE_UP_AFTER = timedelta(days=1)
"""A mail that could not be handed over for so long has failed."""

KEEP_UNADDRESSED = timedelta(days=30)
"""A mail to a tenant without a user waits so long for one."""

RETRY_DELAYS = [timedelta(seconds=s) for s in (10, 60, 300, 900, 1800, 3600)]


class State(StrEnum):
    """The state of a mail: new → sending → sent, uncertain or failed.

    ``no_recipient``: the tenant has no user who gets it. ``suppressed``: not to be sent, ``last_error`` says why.
    ``forgotten``: uncertain, and somebody has decided not to send it again.
    """

    NEW = "new"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    FORGOTTEN = "forgotten"
    NO_RECIPIENT = "no_recipient"


MAY_TURN_OUT_SENT = (State.SENDING, State.UNCERTAIN, State.FORGOTTEN, State.NEW)
"""The states of a mail whose slow sender may still report it sent: also given up meanwhile, forgotten, or queued again
and not yet claimed."""


class Trouble(StrEnum):
    """How handing over a mail went wrong.

    ``temporary``: the server did not take it and may do so later. ``permanent``: it never will. ``unknown``: the
    connection ended after the text had gone out, so it may have arrived. ``obsolete``: what it says holds no more.
    """

    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
    OBSOLETE = "obsolete"


def state_after(trouble: Trouble, category: Category, age: timedelta) -> State:
    """The state of a mail that could not be handed over; ``age`` is how long it has been tried (S0-28)."""
    if trouble is Trouble.PERMANENT:
        return State.FAILED
    if trouble is Trouble.OBSOLETE:
        return State.SUPPRESSED
    if trouble is Trouble.UNKNOWN and category is Category.ONCE:
        return State.UNCERTAIN
    return State.FAILED if age >= GIVE_UP_AFTER else State.NEW


def state_after_lease(category: Category) -> State:
    """The state of a mail whose sender has vanished: it may have been sent or not."""
    return State.NEW if category is Category.MUST_ARRIVE else State.UNCERTAIN
