"""How long an export takes and lasts, and what its archive looks like."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from privacy.person import Person, text_without, without

GATHERING, READY, FAILED = "gathering", "ready", "failed"
WAITING, DONE = "waiting", "done"
KEEP = timedelta(days=7)
GIVE_UP_AFTER = timedelta(days=1)
RETRY = timedelta(seconds=30)
MOST_BYTES = 64 * 1024 * 1024
"""Of what one service keeps about one person, as JSON."""

INLINE = 512 * 1024
"""Bytes of an archive whose contents an answer in JSON shows as well."""

ABOUT = """All that this platform keeps about one person, one file a service. A file has a list of rows for each table.
Passwords, keys and the like are left out: they are stored so that nobody can read them.
"""


def by_table(items: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Rows as services hand them over, in lists by table."""
    tables: dict[str, list[Any]] = {}
    for item in items:
        tables.setdefault(item["table"], []).append(item["row"])
    return tables


def without_people(items: Iterable[Mapping[str, Any]], people: Iterable[Person]) -> list[Mapping[str, Any]]:
    """Rows as services hand them over, without what they tell of people who are being forgotten: a service may have
    shown a row before it has forgotten them there."""
    shown = list(items)
    for person in people:
        shown = [{**item, "row": _row_without(item["row"], person)} for item in shown]
    return shown


def _row_without(row: Mapping[str, Any], person: Person) -> dict[str, Any]:
    erased = without(row, person)
    return {name: text_without(value, person) if isinstance(value, str) else value for name, value in erased.items()}


def archive(files: Iterable[tuple[str, Mapping[str, Any]]]) -> bytes:
    """A zip file with a JSON file for each service."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("README.txt", ABOUT)
        for service, tables in files:
            out.writestr(f"{service}.json", json.dumps(tables, ensure_ascii=False, indent=1))
    return target.getvalue()


def contents(stored: bytes) -> dict[str, Any]:
    """What an archive of ours has, by service."""
    with zipfile.ZipFile(io.BytesIO(stored)) as files:
        names = [name for name in files.namelist() if name.endswith(".json")]
        return {name.removesuffix(".json"): json.loads(files.read(name)) for name in names}
