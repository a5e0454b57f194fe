"""Topic patterns as RabbitMQ understands them, for the embedded broker and for tests."""

from functools import lru_cache


@lru_cache(maxsize=4096)
def matches(pattern: str, key: str) -> bool:
    """Whether ``key`` is routed by ``pattern``: ``*`` stands for exactly one word, ``#`` for any number, also none."""
    words = _words(key)
    reached = {0}  # how many words of the key the pattern so far may have used up
    for word in _words(pattern):
        if word == "#":
            reached = set(range(min(reached), len(words) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(words) and word in ("*", words[at])}
        if not reached:
            return False
    return len(words) in reached


def _words(text: str) -> list[str]:
    return text.split(".") if text else []
