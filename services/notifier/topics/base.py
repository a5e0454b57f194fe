"""What a notification topic is made of, and what it makes of an event."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from marshmallow import Schema

from chassis.messaging.events import Received
from contracts.roles import Role
from services.notifier.common.wording import one_line

SUBJECT_LENGTH = 250
MOST_SHOWN = 10  # messages in one mail, lines in one section of a digest

Context = Mapping[str, Any]


class Cadence(StrEnum):
    """How a topic comes: a mail for each event, in the digest of the day or of the week, or not at all."""

    INSTANT = "instant"
    DAILY = "daily"
    WEEKLY = "weekly"
    OFF = "off"


class Category(StrEnum):
    """What a crash in the middle of sending does to a mail.

    ``must-arrive``: it is sent again with the same Message-ID. ``once``: it becomes ``uncertain``, never repeated.
    """

    MUST_ARRIVE = "must-arrive"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Affiliate:
    """Somebody who is no user of the platform; the event about them carries name and address."""

    id: UUID
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that a tenant is to hear of, or one of its affiliates alone.

    Attributes:
        context: what a mail says about it.
        actor_id: who caused it; their own tenant does not hear of it.
    """

    event_id: UUID
    tenant_id: UUID
    context: Context
    affiliate: Affiliate | None = None
    actor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An event that a topic is about: its type, the fields needed of it, and who is to hear what."""

    event_type: str
    schema: type[Schema]
    notices: Callable[[Received], Iterable[Notice]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One kind of mail.

    Attributes:
        name: also names its two files in ``templates/``.
        description: what the page behind an unsubscribe link calls it.
        roles: which users of a tenant get it. Empty for what is one person's own: nobody hears of it in their place.
        subject: filled in from the mail's context.
        cadence: how it comes to somebody who has not chosen; None where there is no choice.
        section: makes the lines of its part of a digest from the contexts of its events; that part has two templates,
            ``<name>.digest.*``. None where the topic cannot come in a digest.
    """

    name: str
    description: str
    roles: tuple[Role, ...]
    subject: str
    cadence: Cadence | None = Cadence.INSTANT
    section: Callable[[Sequence[Context]], list[Any]] | None = None
    sources: tuple[Source, ...] = ()
    category: Category = Category.MUST_ARRIVE

    def subject_of(self, context: Context) -> str:
        """The subject line (S0-27: it carries the campaign's name)."""
        return one_line(self.subject.format(**context), SUBJECT_LENGTH)


def grouped(contexts: Sequence[Context], name: str) -> list[list[Context]]:
    """Contexts that agree in one value, together."""
    ordered = sorted(contexts, key=lambda context: context[name])
    return [list(group) for _value, group in groupby(ordered, lambda context: context[name])]
