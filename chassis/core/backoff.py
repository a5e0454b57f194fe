"""Growing delays with jitter, for everything that waits before it tries again."""

import random
from collections.abc import Sequence
from datetime import timedelta

PATIENCE = 5.0
"""The longest pause, in seconds, before a server that is away is tried again: so long is what waits for it delayed
once it is back."""


class Backoff:
    """Delays from ``first`` seconds, doubling up to ``cap``; each between half of that and all of it."""

    def __init__(self, first: float = 0.2, cap: float = 30.0) -> None:
        self._first = first
        self._cap = cap
        self._delay = first

    def next(self) -> float:
        delay, self._delay = self._delay, min(self._delay * 2, self._cap)
        return jitter(delay)

    def reset(self) -> None:
        self._delay = self._first


def delay_after(attempts: int, delays: Sequence[timedelta]) -> timedelta:
    """The delay after the ``attempts``-th failure, counted from 1; the last one of ``delays`` for all later ones."""
    return delays[min(attempts, len(delays)) - 1] * jitter(1.0)


def jitter(delay: float) -> float:
    return delay * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, guards nothing
