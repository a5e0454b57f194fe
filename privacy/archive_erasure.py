"""Takes an erased person out of the messages that the broker keeps: its archive, dead letters, and what is under way.

Not every broker can change a message; see ``Broker.rewrite``.
"""

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Any

from privacy.person import Person, text_without


def erase_window(runtime: Any, person: Person, after: Sequence[int] | None) -> list[int] | None:
    """Forget a person in the next messages; returns the place to go on after, None after the last message.

    Raises:
        BrokerUnavailable: the broker is away; the same window is tried again.
    """
    start = after[0] if after and isinstance(after[0], int) else 0  # else a key of a table that a new release dropped
    with closing(runtime.broker("erasures")) as broker:
        last = broker.rewrite(partial(body_without, person), start)
    return None if last is None else [last]


def body_without(person: Person, body: bytes) -> bytes:
    """The body of a message without what it tells about a person. Their address counts where the message names them or
    their tenant, as in the tables that carry events."""
    text = body.decode("utf-8", "surrogateescape")
    lower = text.lower()
    is_named = str(person.user_id) in lower
    by_address = "@" in text and (is_named or str(person.tenant_id) in lower)
    if not is_named and not by_address:
        return body
    return text_without(text, person, by_address=by_address).encode("utf-8", "surrogateescape")
