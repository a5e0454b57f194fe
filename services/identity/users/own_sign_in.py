"""Whether people may sign in by what is their own, a password or a passkey."""

from sqlalchemy.orm import Session

from chassis.core.errors import Forbidden
from services.identity.identity_providers import queries as provider_queries
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.rules import SuspendedTenant
from services.identity.users.models import User


class SsoRequired(Forbidden):
    """The person's company lets people in by its own identity provider alone."""

    default_code = "sso_required"

    def __init__(self) -> None:
        super().__init__("Sign in through your company's own sign-in.")


def refusal(session: Session, user: User) -> SuspendedTenant | SsoRequired | None:
    """What keeps a person out whatever they show here: their company is suspended, or has a sign-in of its own that
    everybody must use. Only to be told to somebody who has shown a password or passkey."""
    if tenant_queries.tenant(session, user.tenant_id).is_suspended:
        return SuspendedTenant()
    if provider_queries.is_enforced(session, user.tenant_id, user.role):
        return SsoRequired()
    return None


def require(session: Session, user: User) -> None:
    """Raises:
    SuspendedTenant: ``tenant_suspended``.
    SsoRequired: ``sso_required``.
    """
    if refused := refusal(session, user):
        raise refused
