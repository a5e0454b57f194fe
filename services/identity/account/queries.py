"""The caller's own profile."""

from typing import Any

from sqlalchemy.orm import Session

from chassis.core.errors import Unauthorized
from chassis.core.principal import Principal
from contracts.features import FEATURES
from contracts.roles import Role
from services.identity.api_keys.models import ApiKey
from services.identity.tenants.models import Tenant
from services.identity.users.models import User


def profile(session: Session, principal: Principal) -> dict[str, Any]:
    """Who the caller is, with the tenant and its features as they stand now.

    A caller of another issuer has no user here, so the token's name and role are returned. Machines have no e-mail
    address.

    Raises:
        Unauthorized: the tenant is not known here, or the user or API key has been removed.
    """
    tenant = session.get(Tenant, principal.tenant_id)
    user = session.get(User, principal.user_id)
    api_key = session.get(ApiKey, principal.user_id) if principal.role == Role.MACHINE else None
    account = user or api_key
    if tenant is None or (account and account.removed_at):
        raise Unauthorized("This account no longer exists on the platform.")
    return {
        "user_id": principal.user_id,
        "name": account.name if account else principal.name,
        "email": user.email if user else None,
        "role": user.role if user else principal.role,
        "tenant": tenant,
        "features": {feature: feature in tenant.features for feature in FEATURES},
    }
