"""How a list of S4 is asked for: by dates with a sign, in an order."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Bound:
    """What a date must be: ``at_least``, ``at_most`` or ``exactly`` the moment (S4-4)."""

    sign: str
    moment: datetime


@dataclass(frozen=True)
class SortKey:
    """One ``sort`` of a list: a field's name on the wire, and which way (S4-2)."""

    name: str
    descending: bool
