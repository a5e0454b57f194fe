"""A person in what is stored: whether a text or JSON value tells about them, and the value without name and address.

A person is known by their id, and by their address where that stands alone. The address itself is not needed: what
looks like an address is compared by its digest. Names are not searched for, because many people share one. They are
taken out where they stand beside the person's id or address.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from chassis.core.emails import address_key

FORMER_USER = "former user"
"""What stands in the place of an erased person's name."""

NO_ADDRESS = "former-user@erased.invalid"
"""What stands in the place of an erased person's address; no mail ever reaches it (RFC 2606)."""

# Begins where a word begins, so that a long word without an @ is read once.
_ADDRESS = re.compile(r"(?<![\w.!#$%&'*+/=?^`{|}~-])([\w.!#$%&'*+/=?^`{|}~-]+)@[\w-]+(?:\.[\w-]+)*")
_LONGEST_NAME, _LONGEST = 64, 320  # of the part before the @, and of an address (RFC 5321)
_SURROGATE = re.compile("[\ud800-\udfff]")
_BEFORE_AN_ADDRESS = re.compile(
    r"[=/'`{|?&#]"
)  # may be part of one, but mostly stands before it, as in ?to=a@b.example

# Keys in any spelling (``_plain``) whose value is the id of the person whom the same object describes …
_THEIR_ID = frozenset({"id", "userid", "personid", "affiliateid"})
# … what it says about them beside it, and what remains of that …
_TOLD_OF_THEM = {
    "name": FORMER_USER,
    "email": NO_ADDRESS,
    "emailkey": NO_ADDRESS,
    "username": NO_ADDRESS,
    "displayname": FORMER_USER,
    "affiliatename": FORMER_USER,
    "affiliateemail": NO_ADDRESS,
    "locale": "",
    "timezone": "",
    "ssosubject": "",
    "externalid": "",
    "device": "",
    "address": "",
    "detail": "",
}
# … keys whose value is the id of the person who did or wrote something, and those of their name.
_ACTORS_ID = frozenset({"actorid", "senderid", "authorid", "invitedbyid"})
_ACTORS_NAME = frozenset({"actorname", "sendername", "authorname", "invitedby"})


@dataclass(frozen=True, slots=True)
class Person:
    """A person of ``tenant_id``; ``email_digest`` is that of their address (:func:`email_digest`), ``earlier_digests``
    are those of the addresses that they had before."""

    user_id: UUID
    tenant_id: UUID
    email_digest: str
    earlier_digests: tuple[str, ...] = ()

    def owns(self, address: str | None) -> bool:
        """Whether it is their address, or was, in whatever spelling."""
        return bool(address) and email_digest(address or "") in (self.email_digest, *self.earlier_digests)


@lru_cache(maxsize=4096)
def email_digest(address: str) -> str:
    """SHA-256, hexadecimal, of the key of an address: the same for all spellings of one mailbox."""
    return hashlib.sha256(address_key(address).encode()).hexdigest()


def mentions(text: str, person: Person, *, by_address: bool = True) -> bool:
    """Whether a text, JSON or not, has the person's id or, unless ``by_address`` is false, their address."""
    if str(person.user_id) in text.lower():
        return True
    return by_address and "@" in text and any(True for _ in _addresses(text, person))


def without(value: Any, person: Person, *, own: bool = False, by_address: bool = True) -> Any:
    """A JSON value without what it tells about a person; its shape stays.

    Args:
        own: the value as a whole is about the person, though it may not name them.
        by_address: also take out their address where their id does not stand beside it.
    """
    return _Eraser(person, by_address).value(value, own=own, acted=False)


def text_without(text: str, person: Person, *, own: bool = False, by_address: bool = True) -> str:
    """The same for a text; one that is a JSON object or list remains one."""
    if text[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):  # no JSON, or too deep to be ours
            document = json.loads(text)
            erased = without(document, person, own=own, by_address=by_address)
            return text if erased == document else _dumped(erased)
    return _Eraser(person, by_address).text(text)


def _dumped(document: Any) -> str:
    """As events are written; half of a surrogate pair, which no database takes, stays escaped."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text if _SURROGATE.search(text) is None else json.dumps(document)


class _Eraser:
    def __init__(self, person: Person, by_address: bool) -> None:
        self._person = person
        self._id = str(person.user_id)
        self._by_address = by_address

    def value(self, value: Any, *, own: bool, acted: bool) -> Any:
        """``own``: the value is about the person; ``acted``: it tells what they did."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item, own=own, acted=acted) for item in value]
        if isinstance(value, Mapping):
            return self._object(value, own=own, acted=acted)
        return value

    def text(self, text: str) -> str:
        """The text with another address in the place of the person's."""
        if not self._by_address or "@" not in text:
            return text
        for address in sorted(set(_addresses(text, self._person)), key=len, reverse=True):
            text = text.replace(address, NO_ADDRESS)
        return text

    def _object(self, value: Mapping[str, Any], *, own: bool, acted: bool) -> dict[str, Any]:
        own = own or any(self._is_id(item) and _plain(key) in _THEIR_ID for key, item in value.items())
        acted = acted or any(self._is_id(item) and _plain(key) in _ACTORS_ID for key, item in value.items())
        is_event = "specversion" in value
        names = {_plain(key).removesuffix("email") + "name" for key, item in value.items() if self._is_address(item)}
        erased = {}
        for key, item in value.items():
            plain = _plain(key)
            if (acted and plain in _ACTORS_NAME) or plain in names:
                erased[key] = _replaced(item, FORMER_USER)
            elif own and plain in _TOLD_OF_THEM and not is_event:
                erased[key] = _replaced(item, _TOLD_OF_THEM[plain])
            else:
                about = is_event and key == "data" and self._is_id(value.get("subject"))
                erased[key] = self.value(item, own=about, acted=acted and is_event and key == "data")
        return erased

    def _is_id(self, value: Any) -> bool:
        return isinstance(value, str) and value.lower() == self._id

    def _is_address(self, value: Any) -> bool:
        """Also as a list: before and after a change."""
        texts = value if isinstance(value, list) else [value]
        return self._by_address and any(isinstance(text, str) and self._person.owns(text) for text in texts)


def _replaced(value: Any, by: str) -> Any:
    """The value with another text for each of its texts."""
    if isinstance(value, str):
        return by
    return [_replaced(item, by) for item in value] if isinstance(value, list) else value


def _addresses(text: str, person: Person) -> Iterator[str]:
    """The person's address as often, and as, it stands in a text."""
    for match in _ADDRESS.finditer(text):
        at = len(match[1])
        marks = _BEFORE_AN_ADDRESS.finditer(match[1], max(0, at - _LONGEST_NAME - 1))
        for start in (0, *(mark.end() for mark in marks)):
            spelling = match[0][start:]
            if start < at <= start + _LONGEST_NAME and len(spelling) <= _LONGEST and person.owns(spelling):
                yield spelling
                break


@lru_cache(maxsize=4096)
def _plain(key: str) -> str:
    """A key of whatever spelling: ``sender_name`` and ``senderName`` are one."""
    return key.replace("_", "").lower()
