"""Pure decisions about the own account: languages, limits of what a person stores with us."""

import json
from datetime import timedelta
from typing import Any

from services.identity.sessions.rules import Bucket

LOCALES = ("en", "sv", "nb", "da")
"""Languages that a person can choose (BCP 47)."""

RESET_LIFETIME = timedelta(hours=1)
RESETS_AN_HOUR = 3
"""Mails with a link that one person gets in an hour, however often somebody asks for one."""
RESET_AGES = (timedelta(hours=1), timedelta(minutes=1))
"""The times whose links :func:`is_enough` counts."""
ASKS_OF_NETWORK = Bucket(limit=20, forget_after=timedelta(seconds=30), first_pause=timedelta(seconds=30))
"""How often one network may ask for resets."""

SETTINGS_MAX = 16 * 1024
SETTINGS_DEPTH = 20


def is_enough(last_hour: int, last_minute: int) -> bool:
    """Whether a person has had so many links that no further one is sent. The last one is still good: it was made
    within the hour, and somebody who asks for it over and over cannot replace it."""
    return last_hour >= RESETS_AN_HOUR or last_minute > 0


def settings_fault(settings: dict[str, Any]) -> str | None:
    """What makes settings unfit to be stored; None where nothing does. Their size is that of compact JSON in UTF-8."""
    if _depth(settings) > SETTINGS_DEPTH:
        return f"Settings may be nested {SETTINGS_DEPTH} levels deep."
    try:
        written = json.dumps(settings, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return "Settings have a number that is too large."
    if len(written.encode()) > SETTINGS_MAX:
        return f"Settings may have at most {SETTINGS_MAX} bytes."
    return None


def _depth(value: Any) -> int:
    """How many levels of lists and objects there are, counted no further than needed."""
    level, depth = [value], 0
    while level and depth <= SETTINGS_DEPTH:
        depth += any(isinstance(item, dict | list) for item in level)
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth
