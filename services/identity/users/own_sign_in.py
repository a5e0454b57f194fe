"""Whether people may sign in by what is their own, a password or a passkey."""

from sqlalchemy.orm import Session

from chassis.core.errors import Forbidden
from services.identity.identity_providers import failures as provider_failures
from services.identity.identity_providers import queries as provider_queries
from services.identity.settings import IdentitySettings
from services.identity.tenants import queries as tenant_queries
from services.identity.tenants.rules import SuspendedTenant
from services.identity.users.models import User


def refusal(session: Session, user: User, settings: IdentitySettings) -> Forbidden | None:
    """What keeps a person out whatever they show here: their company is suspended (``tenant_suspended``), or has a
    sign-in of its own that everybody must use (``sso_required``). Only to be told to somebody who has shown a password
    or passkey."""
    tenant = tenant_queries.tenant(session, user.tenant_id)
    if tenant.is_suspended:
        return SuspendedTenant()
    if provider_queries.is_enforced(session, user.tenant_id, user.role):
        return provider_failures.provider_required(tenant.address, settings)
    return None


def require(session: Session, user: User, settings: IdentitySettings) -> None:
    """Raises:
    Forbidden: see ``refusal``.
    """
    if refused := refusal(session, user, settings):
        raise refused
