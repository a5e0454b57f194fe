"""When an address that refuses mail gets no more of it."""

from datetime import timedelta

BOUNCES = 3
"""An address that refused so many mails for good, and took none in between, gets no more of them …"""

BOUNCES_COUNT = timedelta(days=30)
"""… for so long after the last one. Then it is tried again."""


def is_given_up(score: int, age: timedelta) -> bool:
    """Whether an address gets no mail: ``score`` refusals, the last of them ``age`` ago."""
    return score >= BOUNCES and age < BOUNCES_COUNT
