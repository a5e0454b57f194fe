"""Reads for a tenant's directory."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, func, select
from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.data.lookup import one_or_404
from services.identity.identity_providers.rules import OUTSIDERS
from services.identity.scim.models import ScimToken
from services.identity.users.models import User
from services.identity.users.queries import NO_USER

KNOWN = (User.removed_at.is_(None), User.role.not_in(OUTSIDERS))
"""Whom a directory sees."""


def token_of_digest(session: Session, digest: str) -> ScimToken | None:
    """The token that a directory shows, of any tenant."""
    return session.scalar(select(ScimToken).where(ScimToken.digest == digest))


def token(session: Session, tenant_id: UUID) -> ScimToken:
    """The tenant's token.

    Raises:
        NotFound: it has none.
    """
    return one_or_404(session, select(ScimToken).where(ScimToken.tenant_id == tenant_id), "There is no token.")


def person(session: Session, tenant_id: UUID, user_id: UUID) -> User:
    """A present person of the tenant.

    Raises:
        NotFound: there is none, or it is an outsider.
    """
    return one_or_404(session, _person(tenant_id, user_id), NO_USER)


def lock_person(session: Session, tenant_id: UUID, user_id: UUID) -> User:
    """The same, locked until the transaction ends."""
    return one_or_404(session, _person(tenant_id, user_id).with_for_update(), NO_USER)


def people(
    session: Session, tenant_id: UUID, terms: Sequence[tuple[str, Any]], *, start: int, count: int
) -> tuple[int, Sequence[User]]:
    """How many present people of the tenant there are for whom all ``terms`` hold, and ``count`` of them from the
    ``start``-th on, which is 1 for the first."""
    statement: Select[tuple[User]] = select(User).where(
        User.tenant_id == tenant_id, *KNOWN, *(CONDITIONS[name](value) for name, value in terms)
    )
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    page = statement.order_by(User.id).offset(start - 1).limit(count)
    return total, session.scalars(page).all() if count else []


def _person(tenant_id: UUID, user_id: UUID) -> Select[tuple[User]]:
    return select(User).where(User.id == user_id, User.tenant_id == tenant_id, *KNOWN)


def _is_id(value: Any) -> ColumnElement[bool]:
    try:
        return User.id == UUID(value)
    except (ValueError, AttributeError, TypeError):
        return false()


def _is_address(value: Any) -> ColumnElement[bool]:
    return User.email_key == address_key(value) if isinstance(value, str) else false()


def _is_external_id(value: Any) -> ColumnElement[bool]:
    return User.external_id == value if isinstance(value, str) else false()


def _is_active(value: bool) -> ColumnElement[bool]:
    return User.suspended_at.is_(None) if value else User.suspended_at.is_not(None)


CONDITIONS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "id": _is_id,
    "username": _is_address,
    "emails": _is_address,
    "emails.value": _is_address,
    "externalid": _is_external_id,
    "active": _is_active,
}
