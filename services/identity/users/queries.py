"""Reads of users."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.core.emails import address_key
from chassis.data.bulk import among
from chassis.data.lookup import one_or_404
from contracts.roles import Role
from services.identity.users.models import User

NO_USER = "There is no such user."


def lock_user(session: Session, tenant_id: UUID, user_id: UUID) -> User:
    """A present user of the tenant, locked until the transaction ends. Raises as ``tenant``."""
    statement = select(User).where(User.id == user_id, User.tenant_id == tenant_id, User.removed_at.is_(None))
    return one_or_404(session, statement.with_for_update(), NO_USER)


def lock_row(session: Session, user_id: UUID) -> None:
    """Lock a user of any tenant and state until the transaction ends, for what belongs to the person."""
    session.execute(select(User.id).where(User.id == user_id).with_for_update())


def lock_rows(session: Session, user_ids: Collection[UUID]) -> None:
    """As ``lock_row``, of several, always in the same order."""
    statement = select(User.id).where(among(session, User.id, user_ids)).order_by(User.id)
    session.execute(statement.with_for_update())


def lock_present_user(session: Session, user_id: UUID) -> User | None:
    """A user of any tenant who may sign in, locked until the transaction ends; None when there is none: never was,
    removed, suspended or only invited. Of a suspended tenant, see ``tenants.queries.require_active``."""
    user = session.scalar(select(User).where(User.id == user_id).with_for_update())
    return user if user is not None and user.may_sign_in else None


def user_of_any_tenant(session: Session, user_id: UUID) -> User:
    """A user, also a removed one. Raises as ``tenant``."""
    return one_or_404(session, select(User).where(User.id == user_id), "There is no such user.")


def lock_former_user(session: Session, tenant_id: UUID, user_id: UUID) -> User:
    """A user of the tenant, also a removed one, locked until the transaction ends. Raises as ``tenant``."""
    statement = select(User).where(User.id == user_id, User.tenant_id == tenant_id)
    return one_or_404(session, statement.with_for_update(), NO_USER)


def users_of_address(session: Session, spellings: Iterable[str]) -> Sequence[User]:
    """The present users with this address, in whatever case and letters, not locked: one at most, but for those who
    had several spellings of it before these counted as one (``identity_0003``)."""
    keys = {key for text in spellings for key in (address_key(text), text.strip().casefold())}
    return session.scalars(
        select(User).where(User.email_key.in_(keys), User.removed_at.is_(None)).order_by(User.id)
    ).all()


def has_platform_admin(session: Session) -> bool:
    """Whether somebody can administer the platform."""
    statement = select(User.id).where(User.role == Role.PLATFORM_ADMIN, User.removed_at.is_(None)).limit(1)
    return session.scalar(statement) is not None


def has_another(session: Session, user: User) -> bool:
    """Whether the tenant has another person of the same role who may sign in."""
    active = (User.invited_at.is_(None), User.suspended_at.is_(None), User.removed_at.is_(None))
    statement = select(User.id).where(User.tenant_id == user.tenant_id, User.role == user.role, *active)
    return session.scalar(statement.where(User.id != user.id).limit(1)) is not None
