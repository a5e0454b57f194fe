"""What the parts of an export have in common: who may ask, how large and how slow one may be, how a row looks in it,
and where the next one goes on."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table

from chassis.core.errors import Invalid
from chassis.core.plain import plain
from privacy.places import Place, read_place

IDENTITY = "identity"
"""The service that gathers exports."""

ANSWER = 2 * 1024 * 1024
"""Bytes after which an answer ends …"""

BUSY = 1.0
"""… or seconds, well below the asking service's patience."""


def json_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A database row as JSON has it; bytes in base64."""
    return {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else plain(value)
        for name, value in row.items()
    }


def position_text(index: int, place: Place | None) -> str:
    """Where reading several tables goes on, as a caller is told: a table by its number, and a place in it."""
    return json.dumps([index, plain(place)])


def read_position(tables: Sequence[Table], text: str | None) -> tuple[int, Place | None]:
    """The same as a caller gives it back; the beginning for None.

    Raises:
        Invalid: it is none of ours.
    """
    if text is None:
        return 0, None
    try:
        index, place = json.loads(text)
        if not 0 <= index < len(tables):
            raise ValueError(index)
        return index, None if place is None else read_place(tables[index], place)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid.field("after", "Take the value of the answer before.") from error
