"""Values in JSON, for events and the audit trail: ids and amounts as strings, times in RFC 3339."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from chassis.core.clock import rfc3339

# One send writes twenty thousand events, and many of them share a time.
time_text = lru_cache(maxsize=64)(rfc3339)
_AS_IT_IS = (str, int, float, bool, type(None))
_AS_TEXT = (UUID, Decimal, date)
_AS_LIST = (list, tuple, set, frozenset)


def plain(value: Any) -> Any:
    """The value as JSON has it; ``TypeError`` for a type that JSON does not have."""
    if isinstance(value, _AS_IT_IS):
        return value
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, _AS_TEXT):
        return str(value)
    if isinstance(value, _AS_LIST):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    raise TypeError(f"an event cannot carry a {type(value).__name__}")
