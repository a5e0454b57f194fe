"""Many things in few events: as many in each as a broker surely takes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chassis.core.plain import plain

MAX_BYTES = 100 * 1024  # of a broker's 256 KiB; the rest is for the envelope, and for what JSON says in more bytes


def in_batches(things: Sequence[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The things in their order, in lists that fit one event each; none for none."""
    batch: list[dict[str, Any]] = []
    size = 0
    for thing in things:
        ready = plain(thing)
        length = len(json.dumps(ready, ensure_ascii=False).encode())
        if batch and size + length > MAX_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(ready)
        size += length
    if batch:
        yield batch
