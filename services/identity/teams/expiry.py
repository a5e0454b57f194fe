"""Invitations that nobody has accepted in time give their address back when somebody else needs it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.core.principal import Principal
from chassis.data.tenancy import across_tenants
from services.identity.links import queries as link_queries
from services.identity.links.rules import INVITATION
from services.identity.teams import actions, queries
from services.identity.users import queries as user_queries

EXPIRED = "user.invitation_expired"


def keepers(session: Session, email: str, *, now: datetime) -> set[UUID]:
    """Which tenants' people keep an address: all who have it but those whose invitation is over."""
    with across_tenants(session):
        users = user_queries.users_of_address(session, [email])
        return {user.tenant_id for user in users if user.invited_at is None or _is_open(session, user.id, now)}


def free_address(session: Session, email: str, *, besides: UUID | None = None, now: datetime) -> None:
    """Withdraw invitations to an address whose links are over, whichever tenant has sent them: before a user takes the
    address. Until then an admin can still have the link sent again. The trail of that tenant tells it.

    Args:
        besides: a tenant whose own invitation stays.
    """
    with across_tenants(session):  # an address is one account on the whole platform
        for user in user_queries.users_of_address(session, [email]):
            if user.invited_at is None or user.tenant_id == besides:
                continue
            invited = queries.lock_invited(session, user.id)
            if invited is None or _is_open(session, invited.id, now):
                continue
            actions.remove(session, invited, action=EXPIRED, actor=Principal.system("identity"), now=now)
            session.flush()


def _is_open(session: Session, user_id: UUID, now: datetime) -> bool:
    """Whether the link of an invitation is still good."""
    return link_queries.newest_good(session, user_id, INVITATION, now=now) is not None
