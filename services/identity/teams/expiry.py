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
            if invited is None or link_queries.newest_good(session, invited.id, INVITATION, now=now) is not None:
                continue
            actions.remove(session, invited, action=EXPIRED, actor=Principal.system("identity"), now=now)
            session.flush()
