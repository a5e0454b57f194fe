"""What is published of users."""

from dataclasses import dataclass
from uuid import UUID

from chassis.messaging.events import publishes


@publishes("identity.UserAdded.v1")
@dataclass(frozen=True)
class UserAdded:
    """A person can sign in. Subject: the user."""

    user_id: UUID
    tenant_id: UUID
    email: str
    name: str
    role: str


@publishes("identity.UserRemoved.v1")
@dataclass(frozen=True)
class UserRemoved:
    """A person can no longer sign in. Subject: the user."""

    user_id: UUID
    tenant_id: UUID


EVENTS = (UserAdded, UserRemoved)
