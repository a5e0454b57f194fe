"""Who follows a link without being a visitor: robots, previews of links, browsers that load a page beforehand (D66)."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, lru_cache

from crawleruseragents import CRAWLER_USER_AGENTS_DATA

LIBRARIES = "http-library"  # says nothing about who uses it: a shop's own app calls itself okhttp
CHUNK = 25  # patterns an expression, which is quickest
LONGEST = 500  # characters of a user agent that are looked at


class NoVisitor(StrEnum):
    """Why a click is nobody's, as it stands with the click."""

    ROBOT = "robot"
    PREFETCH = "prefetch"
    LOOK = "head_request"


NO_VISITORS = frozenset(NoVisitor)


def no_visitor(method: str, environ: Mapping[str, str]) -> NoVisitor | None:
    """What is known to follow a link without a person behind it, by the method and the headers as WSGI names them."""
    if method == "HEAD":
        return NoVisitor.LOOK
    if _is_prefetch(environ):
        return NoVisitor.PREFETCH
    agent = environ.get("HTTP_USER_AGENT")
    return NoVisitor.ROBOT if agent and is_robot(agent[:LONGEST]) else None


@lru_cache(maxsize=10_000)
def is_robot(agent: str) -> bool:
    """Whether a ``User-Agent`` is known to be a robot's, a crawler's or a preview's."""
    return any(pattern.search(agent) for pattern in _patterns())


def _is_prefetch(environ: Mapping[str, str]) -> bool:
    for name in ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ"):
        if name in environ and environ[name].strip().lower().startswith(("prefetch", "prerender", "preview")):
            return True
    return False


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    known = [row["pattern"] for row in CRAWLER_USER_AGENTS_DATA if LIBRARIES not in row.get("tags", ())]
    return tuple(re.compile("|".join(known[start : start + CHUNK])) for start in range(0, len(known), CHUNK))
