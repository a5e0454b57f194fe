"""What is published of users.

Version 1 of ``AccountSecured`` did not say ``by_provider``. It is no longer published; some may be under way.
"""

from dataclasses import dataclass
from datetime import datetime
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


@publishes("identity.UserInvited.v1")
@dataclass(frozen=True)
class UserInvited:
    """A person is asked to join; the mail's link is ``link_id``'s, which the notifier asks identity for. Subject: the
    user. Again when the invitation is sent again."""

    user_id: UUID
    tenant_id: UUID
    email: str
    name: str
    role: str
    tenant_name: str
    invited_by: str
    link_id: UUID
    expires_at: datetime


@publishes("identity.UserChanged.v1")
@dataclass(frozen=True)
class UserChanged:
    """A person has another name, role, language or time zone, or was suspended or resumed; as they are now. Subject:
    the user."""

    user_id: UUID
    tenant_id: UUID
    email: str
    name: str
    role: str
    suspended: bool
    locale: str | None
    time_zone: str | None


@publishes("identity.PasswordResetRequested.v1")
@dataclass(frozen=True)
class PasswordResetRequested:
    """A person wants to set a password; the mail's link is ``link_id``'s. For no tenant's eyes. Subject: the user."""

    user_id: UUID
    tenant_id: UUID
    link_id: UUID
    expires_at: datetime


@publishes("identity.AccountSecured.v2")
@dataclass(frozen=True)
class AccountSecured:
    """Something that guards an account has changed, and its owner is told. For no tenant's eyes. Subject: the user.

    Attributes:
        what: ``new_device``, ``new_network``, ``password_changed``, ``factor_added``, ``factor_removed``,
            ``recovery_code_used`` or ``email_changed``.
        detail: the device, which factor, or the former e-mail address, where the mail goes; as text.
        address: from where, as text.
        by_provider: whether the person signs in by the company's own sign-in only, so that no new password helps.
    """

    user_id: UUID
    tenant_id: UUID
    what: str
    detail: str
    address: str
    at: datetime
    by_provider: bool


@publishes("identity.PersonErased.v1")
@dataclass(frozen=True)
class PersonErased:
    """A removed person wants to be forgotten: names and addresses go everywhere, "former user" stays. Subject: the
    user. One event for each address that the person has had.

    Also an affiliate without an account; the subject is the merchant's tenant then.

    Attributes:
        user_id: the affiliate's id where it has no account.
        email_digest: SHA-256, hexadecimal, of the address's key (``chassis.core.emails``): for rows that know a person
            by address alone.
    """

    user_id: UUID
    tenant_id: UUID
    email_digest: str


EVENTS = (UserAdded, UserInvited, UserChanged, UserRemoved, PasswordResetRequested, AccountSecured, PersonErased)
