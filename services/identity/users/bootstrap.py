"""The first account of a deployment. Every other account is created by an admin."""

from chassis.core.clock import utcnow
from chassis.core.principal import Principal, acting_as
from chassis.core.text import normal
from chassis.process.service import Runtime
from contracts.roles import Role
from services.identity.passwords.rules import check
from services.identity.users import actions
from services.identity.users.schemas import UserIn


def platform_admin(runtime: Runtime, email: str, password: str, name: str = "Platform admin") -> bool:
    """Create the first operator, and the platform's tenant, unless there is one; return whether it was created.

    If the platform has any admin, whatever the address, nothing changes.

    Raises:
        marshmallow.ValidationError: no proper address.
        Invalid: ``weak_password``, see ``passwords.rules``.
        Conflict: ``email_taken`` by a user of another tenant.
    """
    data = UserIn().load(
        {"email": email, "name": normal(name), "password": password, "role": Role.PLATFORM_ADMIN.value}
    )
    check(data["password"], email=data["email"], tenant_name=actions.PLATFORM_NAME)
    with acting_as(Principal.system("identity")), runtime.database.begin() as session:
        made = actions.add_first_platform_admin(session, data["email"], data["name"], data["password"], utcnow())
    return made is not None
