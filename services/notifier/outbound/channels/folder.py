"""The development mailbox: a folder with one file a letter, whose names alone tell order and recipient.

A name is ``<time>-<hash of the recipient>-<hash of the Message-ID>.eml``. So the newest letters, or those to one
person, are found without opening the others, and a letter that is sent twice replaces itself.
"""

import hashlib
import heapq
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

from chassis.core.emails import address_key
from chassis.core.logs import logger
from services.notifier.outbound.channels.base import Channel, Letter

log = logger(__name__)

NEWEST = 500
KEEP = 5000
TIME = "%Y%m%dT%H%M%S%fZ"
NAME = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{16}-[0-9a-f]{16}\.eml")


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter as it was received; ``to`` is the address alone."""

    to: str
    subject: str
    text: str
    html: str
    at: datetime


class FolderChannel(Channel):
    """Writes one file a letter; the same letter again replaces itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def transfer(self, letter: Letter) -> None:
        put(self._folder, letter)


def put(folder: Path, letter: Letter) -> None:
    """Write a letter, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    name = (
        f"{letter.at.astimezone(UTC).strftime(TIME)}-{_hash(address_key(letter.recipient))}-{_hash(letter.message_id)}"
    )
    unfinished = folder / f"{name}.{uuid4().hex}.tmp"
    unfinished.write_bytes(letter.content)
    unfinished.replace(folder / f"{name}.eml")


def newest(folder: Path, *, to: str | None = None, limit: int = NEWEST) -> list[Mail]:
    """The newest letters, the newest first; with ``to`` only those to this address, however it is spelled."""
    if not folder.is_dir():
        return []
    part = f"-{_hash(address_key(to))}-" if to else ""
    names = (path.name for path in folder.iterdir() if part in path.name and NAME.fullmatch(path.name))
    mails = (_read(folder / name) for name in heapq.nlargest(limit, names))
    return [mail for mail in mails if mail]


def trim(folder: Path, before: datetime) -> None:
    """Remove letters older than ``before``, and all but the newest ``KEEP``."""
    if not folder.is_dir():
        return
    names = sorted((path.name for path in folder.iterdir() if NAME.fullmatch(path.name)), reverse=True)
    oldest = before.astimezone(UTC).strftime(TIME)
    for number, name in enumerate(names):
        if number >= KEEP or name < oldest:
            (folder / name).unlink(missing_ok=True)


@lru_cache(maxsize=2 * NEWEST)
def _read(path: Path) -> Mail | None:
    """A letter's file is only replaced by an equal one, so it is parsed once. None for a file that is no letter."""
    message = message_from_bytes(path.read_bytes(), policy=default)
    to = getattr(message["To"], "addresses", ())
    if not to:
        log.warning("a file in the mailbox is no letter", file=path.name)
        return None
    return Mail(
        to=to[0].addr_spec,
        subject=str(message["Subject"]),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        at=datetime.strptime(path.name.partition("-")[0], TIME).replace(tzinfo=UTC),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
