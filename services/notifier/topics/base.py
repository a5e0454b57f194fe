"""Topics: what a notification topic consists of, and the notices that it makes of events."""

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
    """How a topic comes: as a mail for each event, in a daily or weekly digest, or not at all."""

    INSTANT = "instant"
    DAILY = "daily"
    WEEKLY = "weekly"
    OFF = "off"


class Category(StrEnum):
    """What happens to a mail when its sender crashes while it sends.

    ``must-arrive``: it is sent again with the same Message-ID. ``once``: it becomes ``uncertain`` and is not repeated.
    """

    MUST_ARRIVE = "must-arrive"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Affiliate:
    """An affiliate is no user of the platform; events about them carry their name and address."""

    id: UUID
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Whose account an event is about; ``email`` is what the event says of it, if it does."""

    id: UUID
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that concerns a tenant, or only one of its affiliates, or one person.

    Attributes:
        context: the values that a mail about it shows.
        actor_id: the user who caused it; their own tenant gets no mail about it.
    """

    event_id: UUID
    tenant_id: UUID
    context: Context
    affiliate: Affiliate | None = None
    actor_id: UUID | None = None
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event that makes a topic's notices: its type, the fields needed of it, and the function that makes them."""

    event_type: str
    schema: type[Schema]
    notices: Callable[[Received], Iterable[Notice]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One kind of mail.

    Attributes:
        name: also names its two files in ``templates/``.
        description: what the page behind an unsubscribe link calls it.
        roles: which users of a tenant get it: admins, because a mail asks for what a viewer may not do. Empty for
            personal mail, which no colleague gets in their place.
        subject: a format string for the mail's context.
        cadence: how it comes to users who have not chosen; None if they have no choice.
        section: makes the lines of its part of a digest from the contexts of its events; that part has two templates,
            ``<name>.digest.*``. None if the topic cannot come in a digest.
        account: it is about its reader's own account. Nobody can turn it off, so no link offers that, and it goes out
            at once, also to an address that has refused mail.
        before_joining: it goes to somebody who is invited and no user yet.
        private: no admin of the tenant sees that it was sent.
        link_page: where under the public URL the link leads that identity gives out for a mail when it is sent; its
            context has the link's id as ``link_id``. None for topics without such a link.
        link_purpose: what identity calls such a link.
    """

    name: str
    description: str
    roles: tuple[Role, ...]
    subject: str
    cadence: Cadence | None = Cadence.INSTANT
    section: Callable[[Sequence[Context]], list[Any]] | None = None
    triggers: tuple[Trigger, ...] = ()
    category: Category = Category.MUST_ARRIVE
    account: bool = False
    before_joining: bool = False
    private: bool = False
    link_page: str | None = None
    link_purpose: str | None = None

    def subject_of(self, context: Context) -> str:
        """The subject line (S0-27: it carries the campaign's name)."""
        return one_line(self.subject.format(**context), SUBJECT_LENGTH)


def grouped(contexts: Sequence[Context], name: str) -> list[list[Context]]:
    """Contexts in groups that have the same value."""
    ordered = sorted(contexts, key=lambda context: context[name])
    return [list(group) for _value, group in groupby(ordered, lambda context: context[name])]
