"""New clicks, and requests that no visitor makes: robots, previews of links, browsers that prefetch a page (D66)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from uuid import UUID

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

LIBRARIES = "http-library"  # not a robot by itself: a shop's own app may call itself okhttp
CHUNK = 25  # patterns in one expression, which is fastest
LONGEST = 500  # characters of a user agent that are checked


@dataclass(frozen=True, slots=True)
class NewClick:
    """A click that is not yet written. The fields are the columns of the table."""

    id: UUID
    merchant_id: UUID
    link_id: UUID
    campaign_id: UUID
    affiliate_id: UUID
    visitor_id: UUID
    clicked_at: datetime
    window_days: int
    live: bool
    reason: str | None
    address_hash: str | None
    flags: str


class NoVisitor(StrEnum):
    """Why no visitor made a click, as stored with the click."""

    ROBOT = "robot"
    PREFETCH = "prefetch"
    HEAD = "head_request"


NO_VISITORS = frozenset(NoVisitor)


def no_visitor(method: str, environ: Mapping[str, str]) -> NoVisitor | None:
    """Why a request was made by no person; None if it may have been. ``environ`` is WSGI's."""
    if method == "HEAD":
        return NoVisitor.HEAD
    if _is_prefetch(environ):
        return NoVisitor.PREFETCH
    agent = environ.get("HTTP_USER_AGENT")
    return NoVisitor.ROBOT if agent and is_robot(agent[:LONGEST]) else None


@lru_cache(maxsize=10_000)
def is_robot(agent: str) -> bool:
    """Whether a ``User-Agent`` is that of a known robot, crawler or link preview."""
    return any(pattern.search(agent) for pattern in _patterns())


def _is_prefetch(environ: Mapping[str, str]) -> bool:
    for name in ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ"):
        if name in environ and environ[name].strip().lower().startswith(("prefetch", "prerender", "preview")):
            return True
    return False


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    patterns = [row["pattern"] for row in CRAWLER_USER_AGENTS_DATA if LIBRARIES not in row.get("tags", ())]
    return tuple(re.compile("|".join(patterns[start : start + CHUNK])) for start in range(0, len(patterns), CHUNK))
