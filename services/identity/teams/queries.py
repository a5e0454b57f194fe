"""Reads of a tenant's people, and whom an invitation is for."""

from collections.abc import Collection, Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from chassis.core.text import fold
from chassis.data.audit import AuditRow
from chassis.http.pages import Page, paginate
from services.identity.factors.models import Passkey, TotpSecret
from services.identity.links import queries as link_queries
from services.identity.links.rules import INVITATION, LinkInvalid
from services.identity.sessions.models import SignedIn
from services.identity.settings import IdentitySettings
from services.identity.teams import rules
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.models import Tenant
from services.identity.users.models import User
from services.identity.users.rules import Status

INVITING = ("user.invited", "user.invitation_sent")
"""What the trail calls an invitation that was sent."""
REFUSED = "tenant.address_refused"
"""What it calls a try for an address that is somebody's elsewhere."""
ALLOWANCE = (*INVITING, REFUSED)
"""What a tenant may do so often in a day."""


def person_of_invitation(
    session: Session, token: str, *, settings: IdentitySettings, now: datetime
) -> tuple[User, Tenant]:
    """Who is invited by a token, and by whom.

    Raises:
        LinkInvalid: the link is not good, or the person is not invited (any more).
    """
    link = link_queries.link_of_token(session, token, INVITATION, settings=settings, now=now)
    user = session.get(User, link.user_id) if link else None
    if user is None or user.status != Status.INVITED:
        raise LinkInvalid
    return user, tenant_queries.tenant(session, user.tenant_id)


def list_members(
    session: Session, tenant_id: UUID, *, page: int, page_size: int, q: str | None = None, status: str | None = None
) -> Page:
    """The tenant's people in the order they came, those who have left only by their ``status``; ``q`` is a part of the
    name or address in any case (D62). Raises as ``tenant``."""
    tenant_queries.tenant(session, tenant_id)
    last_seen = select(func.max(SignedIn.seen_at)).where(SignedIn.user_id == User.id).scalar_subquery()
    statement = select(User, last_seen, _has_factor()).where(User.tenant_id == tenant_id, _stands(status))
    if q:
        # Names that older code has written are not folded; the database knows the case of some letters only.
        old_name = User.name_folded.is_(None) & User.name.icontains(q, autoescape=True)
        parts = (column.contains(fold(q), autoescape=True) for column in (User.name_folded, User.email_key))
        statement = statement.where(or_(old_name, *parts))
    return paginate(session, statement.order_by(User.id), page=page, page_size=page_size, to_item=_member)


def lock_ending_user(session: Session, tenant_id: UUID) -> User | None:
    """A person of an ending tenant who is not forgotten yet, locked until the transaction ends."""
    statement = select(User).where(User.tenant_id == tenant_id, User.erased_at.is_(None)).order_by(User.id)
    return session.scalar(statement.limit(1).with_for_update())


def lock_invited(session: Session, user_id: UUID) -> User | None:
    """Somebody who is still invited, locked until the transaction ends; None when they have joined or are gone."""
    invited = (User.id == user_id, User.invited_at.is_not(None), User.removed_at.is_(None))
    return session.scalar(select(User).where(*invited).with_for_update().execution_options(populate_existing=True))


def allowance_before(
    session: Session, tenant_id: UUID, number: int, since: datetime, actions: Collection[str] = ALLOWANCE
) -> datetime | None:
    """When this tenant used its allowance for the last time but ``number`` - 1, by some of its ``actions``; None when
    it has done so less often since then."""
    used = (AuditRow.tenant_id == tenant_id, AuditRow.action.in_(actions), AuditRow.at > since)
    return session.scalar(select(AuditRow.at).where(*used).order_by(AuditRow.at.desc()).offset(number - 1).limit(1))


def was_refused(session: Session, tenant_id: UUID, address: str, now: datetime) -> bool:
    """Whether a try for an address, by its digest, was counted within a day. The allowance bounds how many are read."""
    since = now - rules.DAY
    refused = (AuditRow.tenant_id == tenant_id, AuditRow.action == REFUSED, AuditRow.at > since)
    changes = session.scalars(select(AuditRow.changes).where(*refused))
    return any(change.get("address") == [None, address] for change in changes)


def invitations_since(session: Session, tenant_id: UUID, email_key: str, since: datetime) -> Sequence[datetime]:
    """When this tenant has sent invitations to an address, withdrawn ones too; oldest first."""
    people = select(User.id).where(User.tenant_id == tenant_id, User.email_key == email_key)
    sent = select(AuditRow.at).where(AuditRow.target_id.in_(people), AuditRow.action.in_(INVITING), AuditRow.at > since)
    return session.scalars(sent.order_by(AuditRow.at)).all()


def _stands(status: str | None) -> ColumnElement[bool]:
    present = User.removed_at.is_(None)
    by_status: dict[str | None, ColumnElement[bool]] = {
        None: present,
        Status.REMOVED: User.removed_at.is_not(None) & User.erased_at.is_(None),
        Status.INVITED: present & User.invited_at.is_not(None),
        Status.SUSPENDED: present & User.invited_at.is_(None) & User.suspended_at.is_not(None),
        Status.ACTIVE: present & User.invited_at.is_(None) & User.suspended_at.is_(None),
    }
    return by_status[status]


def _has_factor() -> ColumnElement[bool]:
    totp = exists().where(TotpSecret.user_id == User.id, TotpSecret.confirmed_at.is_not(None))
    return totp | exists().where(Passkey.user_id == User.id)


def _member(row: Any) -> SimpleNamespace:
    user, last_seen_at, second_factor = row
    names = ("id", "email", "name", "role", "status", "created_at")
    facts = {name: getattr(user, name) for name in names}
    return SimpleNamespace(**facts, last_seen_at=last_seen_at, second_factor=second_factor)
