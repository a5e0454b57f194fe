"""Pure decisions about the own account: languages, limits of what a person stores with us."""

import json
from datetime import datetime, timedelta
from typing import Any

from services.identity.sessions.rules import Bucket

LOCALES = ("en", "sv", "nb", "da")
"""Languages that a person can choose (BCP 47)."""

RESETS_AN_HOUR = 3
"""Mails with a link that one person gets in an hour, however often somebody asks for one."""
RESET_PAUSE = timedelta(minutes=1)
"""Whoever asks again within this has a link on the way."""
ASKS_OF_NETWORK = Bucket(limit=20, forget_after=timedelta(seconds=30), first_pause=timedelta(seconds=30))
"""How often one network may ask for resets."""

SETTINGS_MAX = 16 * 1024
SETTINGS_DEPTH = 20


def is_enough(last_hour: int, newest_good: datetime | None, now: datetime) -> bool:
    """Whether no further link is sent to a person who has had so many in the last hour, and the newest good one of them
    at that moment. It stays good for its hour: somebody who asks in the person's name cannot take it away."""
    is_under_way = newest_good is not None and now - newest_good < RESET_PAUSE
    return is_under_way or last_hour >= RESETS_AN_HOUR


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
