"""How long the export of a tenant takes and lasts, and what it says of itself."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from chassis.core.clock import CLOCKS_APART

GATHERING, READY, FAILED = "gathering", "ready", "failed"
WAITING, DONE = "waiting", "done"
KEEP = timedelta(days=7)
GIVE_UP_AFTER = timedelta(days=1)
RETRY = timedelta(seconds=30)
MARGIN = CLOCKS_APART + timedelta(seconds=30)
"""How long after an erasure a service may still show the person, by whichever clock."""

LEASE = timedelta(minutes=1)
"""Longer than a service may take for one part; each part prolongs it."""

NOTHING: Mapping[str, Any] = {"state": WAITING, "parts": 0, "after": None, "tables": {}}
"""How far a service is that has not been asked yet."""

ABOUT = """All that this platform keeps of {name}, gathered from {began} to {ended} (UTC).

There is a folder for each part of the platform and in it a file for each table. A file has one row on each line, as
a JSON object in UTF-8 (JSON lines). Times are UTC, amounts of money are texts, and ids that are the same in two files
mean the same thing. A table without rows has no file.

The platform went on working meanwhile: what was changed in these minutes may stand in one file and not yet in another.
Left out are passwords, keys, tokens and their digests, which nobody can read, and what other companies keep for
themselves. What two companies share, such as a conversation, is here as both see it.

"""


def progressed(progress: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """How far a service is after another part."""
    tables = dict(progress["tables"])
    if part["rows"]:
        rows = tables.get(part["table"], {}).get("rows", 0) + len(part["rows"])
        tables[part["table"]] = {"rows": rows, "about": part["about"]}
    return {
        "state": DONE if part["next"] is None else WAITING,
        "parts": progress["parts"] + 1,
        "after": part["next"],
        "tables": tables,
    }


def rows_in(progress: Mapping[str, Any]) -> int:
    return sum(table["rows"] for table in progress["tables"].values())


def readme(name: str, began: str, ended: str, services: Mapping[str, Any]) -> str:
    """What the archive says of itself: every file with its number of rows and what they are."""
    lines = [
        f"{path_of(service, table)}: {content['rows']} rows. {content['about']}"
        for service, progress in services.items()
        for table, content in progress["tables"].items()
    ]
    return ABOUT.format(name=name, began=began, ended=ended) + "\n".join(lines) + "\n"


def path_of(service: str, table: str) -> str:
    return f"{service}/{table}.jsonl"
